//! Who still needs records of the log after the store has them in parts.

use std::collections::BTreeMap;

use crate::Offset;

/// Lower bounds of what may be forgotten, by name.
#[derive(Debug, Default)]
pub(super) struct Holds {
    by_name: BTreeMap<String, Offset>,
    /// Everything below is held elsewhere; holds alone keep it.
    committed: Offset,
}

impl Holds {
    /// Says that everything below `before` is held elsewhere.
    pub(super) fn commit(&mut self, before: Offset) {
        self.committed = self.committed.max(before);
    }

    pub(super) fn set(&mut self, name: &str, from: Offset) {
        self.by_name.insert(name.to_owned(), from);
    }

    pub(super) fn release(&mut self, name: &str) {
        self.by_name.remove(name);
    }

    /// Everything below may be forgotten.
    pub(super) fn forgettable(&self) -> Offset {
        let held = self.by_name.values().copied().min();
        held.map_or(self.committed, |held| held.min(self.committed))
    }
}
