//! The indexes of parts that are in use, within a bound of memory.

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;
use skopos_storage::{PartMeta, SignalStorage, StorageError};

use crate::part::PartIndex;

/// Bytes of indexes that are kept; those used longest ago go first.
const MAX_BYTES: usize = 256 * 1024 * 1024;

/// Indexes by the path of their part.
#[derive(Debug, Default)]
pub(crate) struct PartIndexes {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    by_path: HashMap<String, Entry>,
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    index: Arc<PartIndex>,
    used: u64,
}

impl PartIndexes {
    /// The index of a live part, read where it is not kept; `None` where the part is gone.
    pub(crate) fn get(&self, storage: &SignalStorage, meta: &PartMeta) -> Result<Option<Arc<PartIndex>>, StorageError> {
        if let Some(index) = self.kept.lock().find(&meta.path) {
            return Ok(Some(index));
        }
        let Some(reader) = storage.open_part(meta)? else {
            return Ok(None);
        };
        let index = Arc::new(PartIndex::read(&reader)?);
        let state = storage.manifest().state();
        let mut kept = self.kept.lock();
        kept.by_path
            .retain(|path, _| state.parts.iter().any(|part| part.path == *path));
        kept.insert(&meta.path, &index);
        Ok(Some(index))
    }
}

impl Kept {
    fn find(&mut self, path: &str) -> Option<Arc<PartIndex>> {
        self.uses += 1;
        let entry = self.by_path.get_mut(path)?;
        entry.used = self.uses;
        Some(Arc::clone(&entry.index))
    }

    fn insert(&mut self, path: &str, index: &Arc<PartIndex>) {
        let mut bytes: usize = self.by_path.values().map(|entry| entry.index.size_bytes()).sum();
        while bytes + index.size_bytes() > MAX_BYTES {
            let oldest = self.by_path.iter().min_by_key(|(_, entry)| entry.used);
            let Some(oldest) = oldest.map(|(path, _)| path.clone()) else {
                break;
            };
            if let Some(gone) = self.by_path.remove(&oldest) {
                bytes -= gone.index.size_bytes();
            }
        }
        let entry = Entry {
            index: Arc::clone(index),
            used: self.uses,
        };
        self.by_path.insert(path.to_owned(), entry);
    }
}
