//! Says which step of how many is at hand.

/// Counts the steps of a chore.
pub(crate) struct Steps {
    done: usize,
    all: usize,
}

impl Steps {
    /// A chore of so many steps.
    pub(crate) fn new(all: usize) -> Steps {
        Steps { done: 0, all }
    }

    /// Announces the next one, with a word on how long it may take.
    pub(crate) fn next(&mut self, what: &str, patience: Option<&str>) {
        self.done += 1;
        let patience = patience.map_or(String::new(), |text| format!(" ({text})"));
        eprintln!("[{}/{}] {what}{patience}", self.done, self.all);
    }
}
