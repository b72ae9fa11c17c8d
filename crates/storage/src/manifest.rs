//! The manifest: which parts of a signal are live, and up to which offset they hold everything.
//!
//! It is one JSON file, replaced as a whole: written beside, synced, renamed, directory synced. A
//! reader sees the old or the new one, never a mixture. Format: `docs/formats/manifest.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};

use crate::atomic::replace_file;
use crate::part::PartMeta;
use crate::{Offset, StorageError};

/// Newest version of the format that this code reads and writes.
pub const MANIFEST_VERSION: u32 = 2;
/// Version that is written while there are no aggregates: programs that know none read it.
const VERSION_WITHOUT_AGGREGATES: u32 = 1;

/// Most names of imported sources that are remembered; the first in their order are forgotten.
const MAX_IMPORTED: usize = 100_000;

/// The live parts at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestState {
    /// Version of the format.
    pub version: u32,
    /// The signal.
    pub signal: String,
    /// Counts the commits.
    pub generation: u64,
    /// By partition of the log: the first offset that is not in parts yet.
    pub covered: BTreeMap<u32, Offset>,
    /// Names of outside sources whose data the parts hold, so that an import takes none twice.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub imported: BTreeSet<String>,
    /// Live parts by path.
    pub parts: Vec<Arc<PartMeta>>,
}

/// What a manifest of any version has.
#[derive(Debug, Deserialize)]
struct Version {
    version: u32,
}

/// One change of the manifest; all of it becomes visible at once.
#[derive(Debug, Clone, Default)]
pub struct ManifestChange {
    /// Parts that become live.
    pub added: Vec<PartMeta>,
    /// Paths of parts that are no longer live.
    pub removed: Vec<String>,
    /// Partition and the first offset that is not in parts.
    pub covered: Option<(u32, Offset)>,
    /// Names of outside sources whose data is in `added`.
    pub imported: Vec<String>,
}

/// The manifest of one signal.
#[derive(Debug)]
pub struct Manifest {
    path: PathBuf,
    state: RwLock<Arc<ManifestState>>,
    /// One commit at a time; readers are not held up by the disk.
    committing: Mutex<()>,
}

impl ManifestState {
    fn empty(signal: &str) -> Self {
        Self {
            version: VERSION_WITHOUT_AGGREGATES,
            signal: signal.to_owned(),
            generation: 0,
            covered: BTreeMap::new(),
            imported: BTreeSet::new(),
            parts: Vec::new(),
        }
    }

    /// The first offset of a partition that is not in parts.
    pub fn covered(&self, partition: u32) -> Offset {
        self.covered.get(&partition).copied().unwrap_or_default()
    }

    fn changed(&self, change: ManifestChange) -> Self {
        let added = change.added.into_iter().map(Arc::new);
        let added: BTreeMap<String, Arc<PartMeta>> = added.map(|part| (part.path.clone(), part)).collect();
        let removed: BTreeSet<String> = change.removed.into_iter().collect();
        let mut next = self.clone();
        next.generation += 1;
        next.parts
            .retain(|part| !removed.contains(&part.path) && !added.contains_key(&part.path));
        next.parts.extend(added.into_values());
        next.parts.sort_by(|a, b| a.path.cmp(&b.path));
        let has_aggregates = next.parts.iter().any(|part| part.spec.aggregate.is_some());
        next.version = if has_aggregates {
            MANIFEST_VERSION
        } else {
            VERSION_WITHOUT_AGGREGATES
        };
        next.imported.extend(change.imported);
        while next.imported.len() > MAX_IMPORTED {
            next.imported.pop_first();
        }
        if let Some((partition, offset)) = change.covered {
            next.covered.insert(partition, offset);
        }
        next
    }
}

impl Manifest {
    /// Opens the manifest at `path`, or `None` where there is none.
    pub fn open(path: &Path, signal: &str) -> Result<Option<Self>, StorageError> {
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StorageError::io("read", path, source)),
        };
        let problem = |reason: String| StorageError::Manifest {
            path: path.to_path_buf(),
            reason,
        };
        let Version { version } = serde_json::from_slice(&text).map_err(|error| problem(error.to_string()))?;
        if version > MANIFEST_VERSION {
            return Err(StorageError::LaterVersion {
                what: format!("manifest {}", path.display()),
                found: u64::from(version),
                known: u64::from(MANIFEST_VERSION),
            });
        }
        let state: ManifestState = serde_json::from_slice(&text).map_err(|error| problem(error.to_string()))?;
        if state.version < VERSION_WITHOUT_AGGREGATES {
            return Err(problem(format!("there is no version {}", state.version)));
        }
        if state.signal != signal {
            return Err(problem(format!("it is of signal {:?}, not {signal:?}", state.signal)));
        }
        Ok(Some(Self::of(path, state)))
    }

    /// Writes a new manifest that lists `parts` and covers nothing.
    pub fn create(path: &Path, signal: &str, parts: Vec<PartMeta>) -> Result<Self, StorageError> {
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).map_err(|source| StorageError::io("create", dir, source))?;
        }
        let state = ManifestState::empty(signal).changed(ManifestChange {
            added: parts,
            ..ManifestChange::default()
        });
        replace(path, &state)?;
        Ok(Self::of(path, state))
    }

    /// Writes what `state` says as the manifest of another data directory.
    pub(crate) fn create_copy(path: &Path, state: &ManifestState) -> Result<(), StorageError> {
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).map_err(|source| StorageError::io("create", dir, source))?;
        }
        replace(path, state)
    }

    /// The live parts now.
    pub fn state(&self) -> Arc<ManifestState> {
        Arc::clone(&self.state.read())
    }

    /// What the file says. It may be more than [`Manifest::state`], after a commit that failed late.
    pub(crate) fn reread(&self) -> Result<Arc<ManifestState>, StorageError> {
        let found = Self::open(&self.path, &self.state().signal)?;
        Ok(found.map_or_else(|| self.state(), |found| found.state()))
    }

    /// Applies a change on disk and then for readers.
    pub fn commit(&self, change: ManifestChange) -> Result<Arc<ManifestState>, StorageError> {
        let _one_at_a_time = self.committing.lock();
        let next = Arc::new(self.state().changed(change));
        replace(&self.path, &next)?;
        *self.state.write() = Arc::clone(&next);
        Ok(next)
    }

    fn of(path: &Path, state: ManifestState) -> Self {
        Self {
            path: path.to_path_buf(),
            state: RwLock::new(Arc::new(state)),
            committing: Mutex::new(()),
        }
    }
}

fn replace(path: &Path, state: &ManifestState) -> Result<(), StorageError> {
    let text = serde_json::to_vec_pretty(state).map_err(|error| StorageError::Manifest {
        path: path.to_path_buf(),
        reason: error.to_string(),
    })?;
    replace_file(path, &text)
}

#[cfg(test)]
mod tests;
