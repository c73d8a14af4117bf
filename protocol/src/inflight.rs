use std::collections::{BinaryHeap, VecDeque};

use codec::PacketId;

use crate::by_id::ById;

/// Values that await an acknowledgement, each under a packet identifier of its
/// own, in the order in which they were put in.
///
/// Identifiers are given out in turn, so that a ring which starts at the
/// oldest finds each by subtraction. A value whose acknowledgement does not
/// come while thousands of later ones do is moved aside, so that the ring
/// stays short and identifiers never run out because of it.
#[derive(Clone, Debug)]
pub(crate) struct Inflight<T> {
    /// Older than all in the ring, each with its place in their order. The
    /// other end decides how many there are.
    stragglers: ById<Box<(u64, T)>>,
    /// The next place in the order of stragglers.
    moved: u64,
    /// Identifier of the ring's first place.
    first: PacketId,
    ring: VecDeque<Option<T>>,
    /// Values in the ring.
    live: usize,
}

const IDS: usize = u16::MAX as usize;
/// Empty places in the ring before its first value is moved aside.
const MAX_GAPS: usize = 1024;

impl<T> Default for Inflight<T> {
    fn default() -> Self {
        Self {
            stragglers: ById::default(),
            moved: 0,
            first: PacketId::MIN,
            ring: VecDeque::new(),
            live: 0,
        }
    }
}

impl<T> Inflight<T> {
    /// Values under the identifiers that they had, oldest first.
    pub(crate) fn restore(values: impl IntoIterator<Item = (PacketId, T)>) -> Self {
        let mut inflight = Self::default();
        for (id, value) in values {
            let straggler = Box::new((inflight.moved, value));
            inflight.stragglers.insert(id, straggler);
            inflight.moved += 1;
            inflight.first = id.next();
        }
        inflight
    }

    /// The identifier that would be given out now if it is free.
    pub(crate) fn next(&self) -> PacketId {
        nth(self.first, self.ring.len())
    }

    /// Goes on with this identifier; nothing has been given out since the
    /// values were restored.
    pub(crate) fn go_on_from(&mut self, next: PacketId) {
        debug_assert!(self.ring.is_empty());
        self.first = next;
    }

    pub(crate) fn len(&self) -> usize {
        self.live + self.stragglers.len()
    }

    /// Puts a value in under the next free identifier; `None` when all 65,535
    /// are in use.
    pub(crate) fn insert(&mut self, value: T) -> Option<PacketId> {
        if self.len() >= IDS {
            return None;
        }
        loop {
            self.make_room();
            let id = self.next();
            if self.stragglers.get(id).is_some() {
                if self.ring.is_empty() {
                    self.first = self.first.next();
                } else {
                    self.ring.push_back(None);
                }
                continue;
            }
            self.ring.push_back(Some(value));
            self.live += 1;
            return Some(id);
        }
    }

    /// Moves the oldest values aside while most of the ring is empty places.
    fn make_room(&mut self) {
        while self.ring.len() >= IDS || self.ring.len() - self.live > MAX_GAPS.max(self.live) {
            let Some(Some(value)) = self.ring.pop_front() else {
                unreachable!("the ring starts with a value");
            };
            self.stragglers
                .insert(self.first, Box::new((self.moved, value)));
            self.moved += 1;
            self.first = self.first.next();
            self.live -= 1;
            self.skip_gaps();
        }
    }

    /// Keeps the invariant that the ring is empty or starts with a value.
    fn skip_gaps(&mut self) {
        while let Some(None) = self.ring.front() {
            self.ring.pop_front();
            self.first = self.first.next();
        }
    }

    fn place(&self, id: PacketId) -> usize {
        let (id, first) = (usize::from(id.get()), usize::from(self.first.get()));
        let turn = if id < first { IDS } else { 0 };
        id + turn - first
    }

    pub(crate) fn get_mut(&mut self, id: PacketId) -> Option<&mut T> {
        let place = self.place(id);
        if let Some(Some(value)) = self.ring.get_mut(place) {
            return Some(value);
        }
        self.stragglers
            .get_mut(id)
            .map(|straggler| &mut straggler.1)
    }

    pub(crate) fn remove(&mut self, id: PacketId) -> Option<T> {
        let place = self.place(id);
        if let Some(value) = self.ring.get_mut(place).and_then(Option::take) {
            self.live -= 1;
            self.skip_gaps();
            return Some(value);
        }
        self.stragglers.remove(id).map(|straggler| straggler.1)
    }

    /// Gives back memory that is not in use.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.stragglers.shrink_to_fit();
        self.ring.shrink_to_fit();
    }

    /// Keeps the values for which `keep` holds. It is code once, for whoever
    /// asks: a page loads it.
    pub(crate) fn retain(&mut self, keep: &mut dyn FnMut(&mut T) -> bool) {
        self.stragglers
            .retain(&mut |_, straggler| keep(&mut straggler.1));
        for place in &mut self.ring {
            if place.as_mut().is_some_and(|value| !keep(value)) {
                *place = None;
                self.live -= 1;
            }
        }
        self.skip_gaps();
    }

    /// All, in no order.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        let stragglers = self
            .stragglers
            .values_mut()
            .map(|straggler| &mut straggler.1);
        stragglers.chain(self.ring.iter_mut().flatten())
    }

    /// All, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (PacketId, &T)> {
        let ring = self.ring.iter().enumerate();
        // A heap, since its way to sort is the least code, which a page loads.
        let stragglers: BinaryHeap<_> = self
            .stragglers
            .iter()
            .map(|(id, straggler)| (straggler.0, id.get()))
            .collect();
        stragglers
            .into_sorted_vec()
            .into_iter()
            .filter_map(|(_, id)| {
                let id = PacketId::new(id)?;
                self.stragglers.get(id).map(|straggler| (id, &straggler.1))
            })
            .chain(
                ring.filter_map(|(i, value)| {
                    value.as_ref().map(|value| (nth(self.first, i), value))
                }),
            )
    }
}

/// The identifier `n` after `first`.
fn nth(first: PacketId, n: usize) -> PacketId {
    debug_assert!(n <= IDS);
    let id = usize::from(first.get()) + n;
    let id = if id > IDS { id - IDS } else { id };
    u16::try_from(id)
        .ok()
        .and_then(PacketId::new)
        .expect("1 to 65,535, by the remainder")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_identifiers_are_given_out_once_and_again_when_free() {
        let mut inflight = Inflight::default();
        for n in 1..=65_535u32 {
            assert_eq!(
                inflight.insert(n).map(PacketId::get).map(u32::from),
                Some(n)
            );
        }
        assert_eq!(inflight.insert(0), None);
        let freed = PacketId::new(40_000).unwrap();
        assert_eq!(inflight.remove(freed), Some(40_000));
        assert_eq!(inflight.insert(7), Some(freed));
        assert_eq!(inflight.len(), 65_535);
        assert_eq!(inflight.iter().count(), 65_535);
    }

    #[test]
    fn one_that_is_never_acknowledged_blocks_no_others_and_stays_first() {
        let mut inflight = Inflight::default();
        let stuck = inflight.insert(0u32).unwrap();
        for n in 1..=200_000 {
            let id = inflight.insert(n).unwrap();
            assert_ne!(id, stuck);
            assert!(inflight.ring.len() <= MAX_GAPS + 2);
            assert_eq!(inflight.remove(id), Some(n));
        }
        let later = inflight.insert(1).unwrap();
        let all: Vec<_> = inflight.iter().map(|(id, n)| (id, *n)).collect();
        assert_eq!(all, [(stuck, 0), (later, 1)]);
        assert_eq!(inflight.get_mut(stuck), Some(&mut 0));
        assert_eq!(inflight.remove(stuck), Some(0));
        assert_eq!(inflight.remove(stuck), None);
    }

    #[test]
    fn restored_values_keep_identifiers_and_order_and_the_next_goes_on_behind_them() {
        let ids = [65_534, 65_535, 3, 1].map(|id| PacketId::new(id).unwrap());
        let mut inflight = Inflight::restore(ids.into_iter().zip(0..));
        assert_eq!(inflight.len(), 4);
        let all: Vec<_> = inflight.iter().map(|(id, n)| (id, *n)).collect();
        assert_eq!(all, ids.into_iter().zip(0..).collect::<Vec<_>>());
        assert_eq!(inflight.insert(4).map(PacketId::get), Some(2));
        assert_eq!(inflight.insert(5).map(PacketId::get), Some(4));
        assert_eq!(inflight.remove(ids[1]), Some(1));
        let order: Vec<_> = inflight.iter().map(|(_, n)| *n).collect();
        assert_eq!(order, [0, 2, 3, 4, 5]);
    }

    #[test]
    fn identifiers_go_on_where_they_were() {
        let mut inflight = Inflight::default();
        for n in 0..3u32 {
            let id = inflight.insert(n).unwrap();
            inflight.remove(id);
        }
        let next = inflight.next();
        let stuck = PacketId::new(4).unwrap();
        let mut inflight = Inflight::restore([(stuck, 3)]);
        inflight.go_on_from(next);
        assert_eq!(inflight.insert(4).map(PacketId::get), Some(5));
    }

    #[test]
    fn those_moved_aside_stay_in_order() {
        let mut inflight = Inflight::default();
        for n in 0..50u32 {
            inflight.insert(n);
        }
        for n in 50..3000 {
            let id = inflight.insert(n).unwrap();
            inflight.remove(id);
        }
        assert_eq!(inflight.stragglers.len(), 50);
        inflight.insert(50);
        let order: Vec<_> = inflight.iter().map(|(_, n)| *n).collect();
        assert_eq!(order, (0..=50).collect::<Vec<_>>());
    }

    #[test]
    fn order_is_kept_when_the_middle_is_acknowledged() {
        let mut inflight = Inflight::default();
        let ids: Vec<_> = (0..5).map(|n| inflight.insert(n).unwrap()).collect();
        inflight.remove(ids[2]);
        inflight.remove(ids[0]);
        inflight.retain(&mut |n| *n != 4);
        assert_eq!(inflight.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(inflight.len(), 2);
    }
}
