//! Counts what one subscriber gets of each publisher.

/// What a subscriber has missed, and what it got in the wrong place.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Errors {
    pub(crate) lost: u64,
    /// Duplicates, and messages that came after later ones.
    pub(crate) disordered: u64,
}

/// Expects each publisher's messages in order, from number 0.
#[derive(Debug)]
pub(crate) struct Sequence {
    next: Vec<u64>,
    received: u64,
    errors: Errors,
}

impl Sequence {
    pub(crate) fn new(publishers: usize) -> Sequence {
        Sequence {
            next: vec![0; publishers],
            received: 0,
            errors: Errors::default(),
        }
    }

    /// Counts a message.
    pub(crate) fn receive(&mut self, publisher: u32, number: u64) {
        self.received += 1;
        let next = usize::try_from(publisher)
            .ok()
            .and_then(|publisher| self.next.get_mut(publisher));
        match next {
            Some(next) if number >= *next => {
                self.errors.lost += number - *next;
                *next = number + 1;
            }
            // Counted as lost before, if it is merely late: both are failures.
            _ => self.errors.disordered += 1,
        }
    }

    /// All messages so far.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// The number after the last of a publisher.
    pub(crate) fn next(&self, publisher: usize) -> u64 {
        self.next[publisher]
    }

    /// What is wrong, when this publisher has sent so many and nothing more will come.
    pub(crate) fn errors(&self, sent: impl Iterator<Item = (usize, u64)>) -> Errors {
        let missing: u64 = sent
            .map(|(publisher, sent)| sent - self.next[publisher])
            .sum();
        Errors {
            lost: self.errors.lost + missing,
            ..self.errors
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(messages: &[(u32, u64)], sent: [u64; 2]) -> (u64, u64) {
        let mut sequence = Sequence::new(2);
        for (publisher, number) in messages {
            sequence.receive(*publisher, *number);
        }
        assert_eq!(sequence.received(), messages.len() as u64);
        let errors = sequence.errors(sent.into_iter().enumerate());
        (errors.lost, errors.disordered)
    }

    #[test]
    fn publishers_are_counted_apart() {
        assert_eq!(errors(&[(0, 0), (1, 0), (1, 1), (0, 1)], [2, 2]), (0, 0));
    }

    #[test]
    fn gaps_and_missing_ends_are_losses() {
        assert_eq!(errors(&[(0, 0), (0, 3)], [4, 0]), (2, 0));
        assert_eq!(errors(&[(0, 0)], [4, 1]), (4, 0));
    }

    #[test]
    fn duplicates_late_ones_and_strangers_are_out_of_order() {
        assert_eq!(errors(&[(0, 0), (0, 0)], [1, 0]), (0, 1));
        assert_eq!(errors(&[(0, 1), (0, 0)], [2, 0]), (1, 1));
        assert_eq!(errors(&[(2, 0)], [0, 0]), (0, 1));
    }
}
