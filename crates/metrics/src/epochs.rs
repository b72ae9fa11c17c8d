//! Where in the log every series begins to be defined anew, so that a reader need not begin at the first
//! record. Kept in a file beside the manifest, for the log outlives the process.
//!
//! A place that is missing only makes a reader begin earlier; one that is wrong would leave it without
//! labels. So a place is noted once it holds.

use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use skopos_storage::atomic::replace_file;
use skopos_storage::{Offset, StorageError};

const VERSION: u32 = 1;
/// Most places kept; the oldest go.
const MAX_EPOCHS: usize = 4096;

/// A place, and when it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Epoch {
    pub(crate) offset: Offset,
    /// Milliseconds since the Unix epoch.
    pub(crate) began_ms: i64,
}

/// All places that the log still has, oldest first; never empty.
#[derive(Debug)]
pub(crate) struct Epochs {
    path: PathBuf,
    list: Mutex<Vec<Epoch>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Stored {
    version: u32,
    epochs: Vec<Epoch>,
}

impl Epochs {
    /// Reads the places of a log and begins an epoch at its end, where a process that opens it defines
    /// all series anew. Places beyond the end are of records that a power cut took away.
    pub(crate) fn open(path: &Path, first: Offset, next: Offset, now_ms: i64) -> Result<Self, StorageError> {
        let epochs = Self {
            path: path.to_path_buf(),
            list: Mutex::new(read(path)),
        };
        epochs.list.lock().retain(|epoch| epoch.offset < next);
        epochs.begin(first, next, now_ms)?;
        Ok(epochs)
    }

    /// Notes that all series are defined anew from `offset` on; `first` is the oldest record of the log.
    pub(crate) fn begin(&self, first: Offset, offset: Offset, now_ms: i64) -> Result<(), StorageError> {
        let mut list = self.list.lock();
        if list.last().is_none_or(|last| last.offset < offset) {
            list.push(Epoch {
                offset,
                began_ms: now_ms,
            });
        }
        let gone = list.partition_point(|epoch| epoch.offset < first);
        let surplus = list.len().saturating_sub(MAX_EPOCHS);
        let gone = gone.max(surplus).min(list.len() - 1);
        list.drain(..gone);
        let stored = Stored {
            version: VERSION,
            epochs: list.clone(),
        };
        let content = serde_json::to_vec(&stored).unwrap_or_default();
        replace_file(&self.path, &content)
    }

    /// The last place at or before `offset`; the oldest where there is none.
    pub(crate) fn at(&self, offset: Offset) -> Option<Epoch> {
        let list = self.list.lock();
        let after = list.partition_point(|epoch| epoch.offset <= offset);
        after.checked_sub(1).and_then(|at| list.get(at)).copied()
    }

    /// How many places are kept.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.list.lock().len()
    }

    /// The newest place.
    pub(crate) fn last(&self) -> Epoch {
        let last = self.list.lock().last().copied();
        last.unwrap_or(Epoch {
            offset: Offset::ZERO,
            began_ms: 0,
        })
    }

    /// The oldest place from which on the log has no more than `max_bytes` and nothing that was written
    /// before `since_ms`; the newest where even that has more.
    pub(crate) fn floor(&self, max_bytes: u64, since_ms: i64, bytes_from: impl Fn(Offset) -> u64) -> Offset {
        let list = self.list.lock();
        let young = list
            .partition_point(|epoch| epoch.began_ms <= since_ms)
            .saturating_sub(1);
        let recent = list.get(young..).unwrap_or_default();
        let small = recent.partition_point(|epoch| bytes_from(epoch.offset) > max_bytes);
        let found = recent.get(small).or(list.last());
        found.map_or(Offset::ZERO, |epoch| epoch.offset)
    }
}

/// What cannot be read is as good as nothing: readers begin earlier.
fn read(path: &Path) -> Vec<Epoch> {
    let content = match std::fs::read(path) {
        Ok(content) => content,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            note_unreadable(path, &error.to_string());
            return Vec::new();
        }
    };
    match decode(&content) {
        Ok(epochs) => epochs,
        Err(reason) => {
            note_unreadable(path, &reason);
            Vec::new()
        }
    }
}

/// The places that a file lists.
pub(crate) fn decode(content: &[u8]) -> Result<Vec<Epoch>, String> {
    let stored: Stored = serde_json::from_slice(content).map_err(|error| error.to_string())?;
    if stored.version != VERSION || !stored.epochs.is_sorted_by_key(|epoch| epoch.offset) {
        return Err(format!("version {} is not known or not in order", stored.version));
    }
    Ok(stored.epochs)
}

fn note_unreadable(path: &Path, reason: &str) {
    tracing::warn!(path = %path.display(), reason, "the epochs of the log cannot be read; readers begin earlier");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_outlive_the_process_and_a_power_cut() {
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().join("epochs.json");
        let open = |first, next, now_ms| Epochs::open(&path, Offset(first), Offset(next), now_ms).expect("opens");
        let epochs = open(0, 0, 10);
        epochs.begin(Offset(0), Offset(40), 20).expect("written");
        epochs.begin(Offset(0), Offset(90), 30).expect("written");
        drop(epochs);
        // The records from 80 on are gone: the place at 90 no longer holds.
        let epochs = open(0, 80, 40);
        assert_eq!(epochs.at(Offset(39)).map(|epoch| epoch.offset), Some(Offset(0)));
        assert_eq!(epochs.at(Offset(85)).map(|epoch| epoch.offset), Some(Offset(80)));
        let floor = |max_bytes, since_ms| epochs.floor(max_bytes, since_ms, |offset| 100 - offset.0).0;
        assert_eq!(floor(1000, 0), 0);
        assert_eq!(
            floor(1000, 25),
            40,
            "what was written before 25 and after 20 is kept with its epoch"
        );
        assert_eq!(floor(60, 0), 40);
        assert_eq!(floor(1, 0), 80, "the newest stays");
        // The log begins at 50 now; the place before it is of no use.
        epochs.begin(Offset(50), Offset(120), 50).expect("written");
        assert_eq!(epochs.at(Offset(60)), None);
        std::fs::write(&path, "{").expect("written");
        assert_eq!(open(50, 130, 60).last().offset, Offset(130));
    }
}
