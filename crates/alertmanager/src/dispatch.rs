//! Aggregation groups: which alerts are told together, and when.

mod group;
mod timer;

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use skopos_core::Labels;

pub use self::group::{Flush, Group, Member, Suppression};
pub use self::timer::{Timer, Timers};
use crate::RouteId;

/// Names a group for as long as it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(u64);

/// All groups, by id and by what makes them: route and group labels.
#[derive(Debug, Default)]
pub struct Groups {
    by_id: HashMap<GroupId, Group>,
    by_labels: HashMap<(RouteId, Labels), GroupId>,
    next_id: u64,
}

impl Groups {
    /// The group of a route and its labels, made by `make` where there is none; says whether it was.
    pub fn get_or_insert(
        &mut self,
        route: RouteId,
        labels: Labels,
        make: impl FnOnce(Labels) -> Group,
    ) -> (GroupId, bool) {
        match self.by_labels.entry((route, labels)) {
            Entry::Occupied(entry) => (*entry.get(), false),
            Entry::Vacant(entry) => {
                let id = GroupId(self.next_id);
                self.next_id += 1;
                let group = make(entry.key().1.clone());
                entry.insert(id);
                self.by_id.insert(id, group);
                (id, true)
            }
        }
    }

    /// A group.
    pub fn get(&self, id: GroupId) -> Option<&Group> {
        self.by_id.get(&id)
    }

    /// A group, to be changed.
    pub fn get_mut(&mut self, id: GroupId) -> Option<&mut Group> {
        self.by_id.get_mut(&id)
    }

    /// Ends a group.
    pub fn remove(&mut self, id: GroupId) {
        if let Some(group) = self.by_id.remove(&id) {
            self.by_labels.remove(&(group.route, group.labels));
        }
    }

    /// Ends all groups. Ids are not used again.
    pub fn clear(&mut self) {
        self.by_id.clear();
        self.by_labels.clear();
    }

    /// All groups in no order.
    pub fn iter(&self) -> impl Iterator<Item = (GroupId, &Group)> {
        self.by_id.iter().map(|(id, group)| (*id, group))
    }

    /// Number of groups.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}
