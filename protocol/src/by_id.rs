use codec::PacketId;

/// A broker may have thousands, of which the first mostly goes first.
#[cfg(not(target_arch = "wasm32"))]
type List<T> = std::collections::VecDeque<T>;
/// A page has few, and loads every byte of the program.
#[cfg(target_arch = "wasm32")]
type List<T> = Vec<T>;

/// Values by packet identifier, in a list that is sorted by it: in little
/// memory and little code, which a page loads. The other end decides how many
/// there are and in which order they come and go, so none is searched for but
/// by halving, and values should be small: what lies on the shorter side of one
/// moves up. Most come and go in order, and nothing moves.
#[derive(Clone, Debug)]
pub(crate) struct ById<T>(List<(PacketId, T)>);

impl<T> Default for ById<T> {
    fn default() -> Self {
        Self(List::new())
    }
}

impl<T> ById<T> {
    fn find(&self, id: PacketId) -> Result<usize, usize> {
        // Most come behind all others.
        match self.0.iter().next_back() {
            Some((last, _)) if id > *last => Err(self.0.len()),
            _ => self.0.binary_search_by_key(&id, |(id, _)| *id),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn get(&self, id: PacketId) -> Option<&T> {
        self.find(id).ok().map(|at| &self.0[at].1)
    }

    pub(crate) fn get_mut(&mut self, id: PacketId) -> Option<&mut T> {
        self.find(id).ok().map(|at| &mut self.0[at].1)
    }

    /// Puts a value in; gives the one that it takes the place of.
    pub(crate) fn insert(&mut self, id: PacketId, value: T) -> Option<T> {
        match self.find(id) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (id, value));
                None
            }
        }
    }

    pub(crate) fn remove(&mut self, id: PacketId) -> Option<T> {
        let at = self.find(id).ok()?;
        #[cfg(not(target_arch = "wasm32"))]
        let (_, value) = self.0.remove(at)?;
        #[cfg(target_arch = "wasm32")]
        let (_, value) = self.0.remove(at);
        Some(value)
    }

    /// Keeps the values for which `keep` holds.
    pub(crate) fn retain(&mut self, keep: &mut dyn FnMut(PacketId, &mut T) -> bool) {
        self.0.retain_mut(|(id, value)| keep(*id, value));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (PacketId, &T)> {
        self.0.iter().map(|(id, value)| (*id, value))
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        self.0.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_map_holds(steps: Vec<(u8, Option<u8>)>) {
            let mut list = ById::default();
            let mut map = BTreeMap::new();
            for (id, value) in steps {
                let id = PacketId::new(u16::from(id) + 1).unwrap();
                match value {
                    Some(value) => prop_assert_eq!(list.insert(id, value), map.insert(id, value)),
                    None => prop_assert_eq!(list.remove(id), map.remove(&id)),
                }
                prop_assert_eq!(list.get(id), map.get(&id));
                prop_assert_eq!(list.get_mut(id), map.get_mut(&id));
            }
            prop_assert_eq!(list.len(), map.len());
            prop_assert!(list.iter().eq(map.iter().map(|(id, value)| (*id, value))));
            list.retain(&mut |_, value| *value % 2 == 0);
            map.retain(|_, value| *value % 2 == 0);
            prop_assert!(list.values_mut().eq(map.values_mut()));
        }
    }
}
