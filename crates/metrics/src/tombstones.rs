//! Deletions that parts still wait for: which series, which times, and below which offset of the
//! log. Heads delete at once; a part hides what was deleted after its last offset, until it is
//! written anew. The list is a file beside the manifest, `docs/formats/metrics.md`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};
use skopos_core::metric::{FloatWindow, HistogramWindow, Series};
use skopos_core::{Labels, MatchOp, Matcher, TenantId, TimeRange, matcher};
use skopos_storage::atomic::replace_file;
use skopos_storage::{Offset, PartMeta, StorageError};

use crate::record::Deletion;

const VERSION: u32 = 1;

/// One deletion.
#[derive(Debug, Clone)]
pub(crate) struct Tombstone {
    /// The deletion's own record of the log: it hides what came before.
    pub(crate) offset: Offset,
    pub(crate) tenant: TenantId,
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) range: TimeRange,
}

impl Tombstone {
    /// What a record of the log deletes.
    pub(crate) fn new(offset: Offset, tenant: &TenantId, deletion: &Deletion) -> Self {
        Self {
            offset,
            tenant: tenant.clone(),
            matchers: deletion.matchers.clone(),
            range: deletion.range,
        }
    }

    /// Whether rows of the part may be hidden by it.
    pub(crate) fn concerns(&self, part: &PartMeta) -> bool {
        let is_applied = |before: Offset| self.offset < before;
        part.spec.last_offset < self.offset
            && part.spec.tenant == self.tenant
            && part.overlaps(&self.range)
            && !part
                .spec
                .aggregate
                .as_ref()
                .is_some_and(|aggregate| is_applied(aggregate.deletions_before))
    }

    /// Whether it hides the whole range of a series.
    pub(crate) fn hides(&self, labels: &Labels, range: TimeRange) -> bool {
        self.range.start_ms <= range.start_ms
            && range.end_ms <= self.range.end_ms
            && matcher::all_match(&self.matchers, labels)
    }

    /// Whether it deletes of the series.
    pub(crate) fn matches(&self, labels: &Labels) -> bool {
        matcher::all_match(&self.matchers, labels)
    }

    /// Takes what it deletes out of the samples of a series.
    pub(crate) fn apply(&self, labels: &Labels, series: &mut Series) {
        if self.matches(labels) {
            retain(&mut series.timestamps_ms, &mut series.values, self.range);
            retain(&mut series.histogram_timestamps_ms, &mut series.histograms, self.range);
        }
    }
}

impl Tombstone {
    /// Takes out of a series the windows that hold something of what it deletes: of what a window sums
    /// up nothing can be taken alone.
    pub(crate) fn apply_to_windows(
        &self,
        labels: &Labels,
        floats: &mut Vec<FloatWindow>,
        histograms: &mut Vec<HistogramWindow>,
    ) {
        if self.matches(labels) {
            let holds = |first_ms, last_ms| self.range.overlaps(&TimeRange::new(first_ms, last_ms));
            floats.retain(|window| !holds(window.first_ms, window.last_ms));
            histograms.retain(|window| !holds(window.first_ms(), window.last_ms()));
        }
    }
}

/// Keeps the samples outside of the range.
pub(crate) fn retain<T>(timestamps_ms: &mut Vec<i64>, values: &mut Vec<T>, deleted: TimeRange) {
    let mut times = timestamps_ms.iter();
    values.retain(|_| times.next().is_some_and(|time| !deleted.contains(*time)));
    timestamps_ms.retain(|time| !deleted.contains(*time));
}

/// All deletions that parts wait for.
#[derive(Debug)]
pub(crate) struct Tombstones {
    path: PathBuf,
    list: RwLock<Arc<Vec<Tombstone>>>,
    changing: Mutex<()>,
}

/// The file.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    version: u32,
    tombstones: Vec<StoredTombstone>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredTombstone {
    offset: Offset,
    tenant: String,
    min_time_ms: i64,
    max_time_ms: i64,
    /// Name, operator and value of each matcher.
    matchers: Vec<(String, String, String)>,
}

impl Tombstones {
    /// Reads the file; none is an empty list.
    pub(crate) fn open(path: &Path) -> Result<Self, StorageError> {
        let list = match std::fs::read(path) {
            Ok(bytes) => {
                check_version(path, &bytes)?;
                decode(&bytes).ok_or_else(|| StorageError::Corrupt {
                    what: path.display().to_string(),
                    reason: "it is no list of deletions\nrestore it from a backup, or move it away: \
                         what was deleted and lies in parts is then seen again"
                        .to_owned(),
                })?
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(source) => {
                return Err(StorageError::Io {
                    action: "read",
                    path: path.to_path_buf(),
                    source,
                });
            }
        };
        Ok(Self {
            path: path.to_path_buf(),
            list: RwLock::new(Arc::new(list)),
            changing: Mutex::default(),
        })
    }

    /// The deletions now.
    pub(crate) fn list(&self) -> Arc<Vec<Tombstone>> {
        Arc::clone(&self.list.read())
    }

    /// Those that may hide rows of a part.
    pub(crate) fn of_part(&self, part: &PartMeta) -> Vec<Tombstone> {
        let list = self.list();
        list.iter()
            .filter(|tombstone| tombstone.concerns(part))
            .cloned()
            .collect()
    }

    /// The first offset above those of all deletions.
    pub(crate) fn next_offset(&self) -> Offset {
        let offsets = self.list();
        let next = offsets.iter().map(|tombstone| tombstone.offset.next()).max();
        next.unwrap_or_default()
    }

    /// Adds a deletion, unless one with its offset is there.
    pub(crate) fn add(&self, tombstone: Tombstone) -> Result<(), StorageError> {
        self.change(|list| {
            if list.iter().all(|known| known.offset != tombstone.offset) {
                list.push(tombstone);
            }
        })
    }

    /// Forgets the deletions that hide nothing of the parts any more; gives how many.
    pub(crate) fn forget_done(&self, parts: &[Arc<PartMeta>], upto: Option<Offset>) -> Result<u64, StorageError> {
        let before = self.list().len();
        let is_done = |tombstone: &Tombstone| {
            upto.is_some_and(|upto| tombstone.offset <= upto) || !parts.iter().any(|part| tombstone.concerns(part))
        };
        if self.list().iter().any(is_done) {
            self.change(|list| list.retain(|tombstone| !is_done(tombstone)))?;
        }
        Ok(before.saturating_sub(self.list().len()) as u64)
    }

    /// Writes the list into another data directory.
    pub(crate) fn copy_to(&self, path: &Path) -> Result<(), StorageError> {
        write(path, &self.list())
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Tombstone>)) -> Result<(), StorageError> {
        let _one_at_a_time = self.changing.lock();
        let mut next = self.list().as_ref().clone();
        change(&mut next);
        write(&self.path, &next)?;
        *self.list.write() = Arc::new(next);
        Ok(())
    }
}

fn write(path: &Path, list: &[Tombstone]) -> Result<(), StorageError> {
    let tombstones = list.iter().map(|tombstone| StoredTombstone {
        offset: tombstone.offset,
        tenant: tombstone.tenant.as_str().to_owned(),
        min_time_ms: tombstone.range.start_ms,
        max_time_ms: tombstone.range.end_ms,
        matchers: tombstone.matchers.iter().map(matcher_parts).collect(),
    });
    let stored = Stored {
        version: VERSION,
        tombstones: tombstones.collect(),
    };
    let text = serde_json::to_vec_pretty(&stored).map_err(|error| StorageError::Corrupt {
        what: path.display().to_string(),
        reason: error.to_string(),
    })?;
    replace_file(path, &text)
}

/// What a list of any version has.
#[derive(Debug, Deserialize)]
struct StoredVersion {
    version: u32,
}

fn check_version(path: &Path, bytes: &[u8]) -> Result<(), StorageError> {
    match serde_json::from_slice(bytes) {
        Ok(StoredVersion { version }) if version > VERSION => Err(StorageError::LaterVersion {
            what: path.display().to_string(),
            found: u64::from(version),
            known: u64::from(VERSION),
        }),
        _ => Ok(()),
    }
}

/// The deletions that a file lists.
pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<Tombstone>> {
    let stored: Stored = serde_json::from_slice(bytes).ok()?;
    if stored.version != VERSION {
        return None;
    }
    let one = |stored: StoredTombstone| {
        let matchers = stored.matchers.into_iter().map(matcher_of);
        Some(Tombstone {
            offset: stored.offset,
            tenant: TenantId::new(&stored.tenant).ok()?,
            matchers: matchers.collect::<Option<_>>()?,
            range: TimeRange::new(stored.min_time_ms, stored.max_time_ms),
        })
    };
    stored.tombstones.into_iter().map(one).collect()
}

/// A matcher as texts: name, operator, value.
pub(crate) fn matcher_parts(matcher: &Matcher) -> (String, String, String) {
    let (name, operator) = (matcher.name().to_owned(), matcher.op().as_str().to_owned());
    (name, operator, matcher.value().to_owned())
}

/// The matcher of such texts; `None` where they are none.
pub(crate) fn matcher_of((name, operator, value): (String, String, String)) -> Option<Matcher> {
    let operators = [MatchOp::Equal, MatchOp::NotEqual, MatchOp::Regex, MatchOp::NotRegex];
    let op = operators.into_iter().find(|op| op.as_str() == operator)?;
    Matcher::new(op, name, value).ok()
}
