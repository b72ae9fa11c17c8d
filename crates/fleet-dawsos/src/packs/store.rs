//! The packs that were built last, by id. One that cannot be rebuilt stays, and its state says so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use skopos_sdk::freshness::{Freshness, FreshnessState};

use crate::invocation::PackState;
use crate::pack::Pack;

/// Packs that are kept: those of the dates that are built.
#[derive(Debug)]
pub(super) struct Store {
    packs: Mutex<BTreeMap<String, Arc<Pack>>>,
    freshness: Freshness,
}

impl Store {
    pub(super) fn new(freshness: Freshness) -> Self {
        Self {
            packs: Mutex::default(),
            freshness,
        }
    }

    pub(super) fn get(&self, pack_id: &str) -> Option<Arc<Pack>> {
        self.lock().get(pack_id).cloned()
    }

    /// Version that the next build of the pack has.
    pub(super) fn next_version(&self, pack_id: &str) -> u64 {
        self.get(pack_id).map_or(1, |pack| pack.version + 1)
    }

    pub(super) fn put(&self, pack: Pack) {
        self.lock().insert(pack.pack_id.clone(), Arc::new(pack));
    }

    pub(super) fn state(&self, pack_id: &str) -> Option<PackState> {
        let pack = self.get(pack_id)?;
        Some(PackState {
            is_fresh: self.freshness.state(pack_id) == Some(FreshnessState::Fresh),
            pack_id: pack.pack_id.clone(),
            version: pack.version,
            asof_date: pack.asof_date.clone(),
        })
    }

    /// The pack of the latest date. Ids are in the order of their dates.
    pub(super) fn latest(&self) -> Option<PackState> {
        let pack_id = self.lock().keys().next_back().cloned()?;
        self.state(&pack_id)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Pack>>> {
        self.packs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
