//! Reading the log while it is written: what was appended, record by record, for those who pass samples on.
//!
//! ```text
//!   append ─▶ log ─▶ LogFollower ─▶ LogRecord (series by number, samples) ─▶ remote write
//!              ▲ hold: records that a follower still needs stay
//! ```
//!
//! A follower that begins in the middle of an epoch does not know the series that were defined before:
//! it begins at [`MetricStore::epoch_at`] and passes over what it has had.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use skopos_core::histogram::FloatHistogram;
use skopos_core::metric::{Exemplar, MetricMetadata};
use skopos_core::{Labels, TenantId};
use skopos_storage::{Offset, StorageError, WalTail};

use crate::record::{self, Record};
use crate::store::{MetricStore, Shared};

/// What one append of a tenant wrote to the log. Series are named by numbers, which mean what the last
/// definition of this tenant said.
#[derive(Debug, Clone)]
pub struct LogRecord {
    /// The record's place in the log.
    pub offset: Offset,
    /// Whose samples they are.
    pub tenant: TenantId,
    /// Series that the numbers mean from here on.
    pub definitions: Vec<(u32, Labels)>,
    /// Float samples: series, milliseconds since the Unix epoch, value.
    pub floats: Vec<(u32, i64, f64)>,
    /// Native histograms: series, milliseconds since the Unix epoch, histogram.
    pub histograms: Vec<(u32, i64, Arc<FloatHistogram>)>,
    /// From a sample of a series on, when the counting behind it began: series, milliseconds of the
    /// sample, milliseconds of the start (0 unknown).
    pub starts: Vec<(u32, i64, i64)>,
    /// Exemplars.
    pub exemplars: Vec<(u32, Exemplar)>,
    /// Metadata of families.
    pub metadata: Vec<MetricMetadata>,
}

/// A reader of the log.
#[derive(Debug)]
pub struct LogFollower {
    shared: Arc<Shared>,
    tail: WalTail,
    unreadable: u64,
}

impl MetricStore {
    /// Reads the log from `from` on, or from the oldest record after it.
    pub fn follow(&self, from: Offset) -> LogFollower {
        LogFollower {
            shared: Arc::clone(&self.shared),
            tail: WalTail::new(from),
            unreadable: 0,
        }
    }

    /// The offset that the next append gets.
    pub fn next_log_offset(&self) -> Offset {
        self.shared.storage.wal().next_offset()
    }

    /// Keeps the log from `from` on for a follower of that name, until it says otherwise.
    pub fn hold_log(&self, name: &str, from: Offset) -> Result<(), StorageError> {
        self.shared.storage.wal().hold(name, from)
    }

    /// Ends a hold.
    pub fn release_log(&self, name: &str) -> Result<(), StorageError> {
        self.shared.storage.wal().release(name)
    }

    /// Bytes of the log from `from` on.
    pub fn log_bytes_from(&self, from: Offset) -> u64 {
        self.shared.storage.wal().bytes_from(from)
    }

    /// Where a follower must begin that is to know all series at `offset`: the last place at or before it
    /// from which on every series is defined anew. `None` where the log no longer has one.
    pub fn epoch_at(&self, offset: Offset) -> Option<Offset> {
        self.shared.epochs.at(offset).map(|epoch| epoch.offset)
    }

    /// The oldest such place from which on the log has no more than `max_bytes` and nothing older than
    /// `max_age`.
    pub fn log_floor(&self, max_bytes: u64, max_age: Duration, now_ms: i64) -> Offset {
        let age_ms = i64::try_from(max_age.as_millis()).unwrap_or(i64::MAX);
        let wal = self.shared.storage.wal();
        self.shared
            .epochs
            .floor(max_bytes, now_ms.saturating_sub(age_ms), |offset| {
                wal.bytes_from(offset)
            })
    }

    /// Defines all series anew from the next append on, if the log grew by `bytes` since they last were.
    /// Returns the newest place where that holds.
    pub fn begin_epoch_after(&self, bytes: u64) -> Result<Offset, StorageError> {
        let newest = self.shared.epochs.last().offset;
        if self.shared.storage.wal().bytes_from(newest) < bytes {
            return Ok(newest);
        }
        self.shared.begin_epoch()
    }
}

impl LogFollower {
    /// Gives the next records until the end, until `visit` breaks, or until a piece of the log is read.
    /// Returns whether there may be more right now.
    pub fn read(&mut self, visit: &mut dyn FnMut(LogRecord) -> ControlFlow<()>) -> Result<bool, StorageError> {
        let Self {
            shared,
            tail,
            unreadable,
        } = self;
        tail.read(shared.storage.wal(), &mut |offset, bytes| {
            let Some(record) = record::decode(bytes) else {
                *unreadable += 1;
                return ControlFlow::Continue(());
            };
            visit(log_record(offset, record))
        })
    }

    /// The next record that will be given.
    pub fn next_offset(&self) -> Offset {
        self.tail.next_offset()
    }

    /// Waits until there is something to read, but not longer than `wait`. Returns whether there is.
    pub fn wait(&self, wait: Duration) -> bool {
        self.shared.storage.wal().wait_for(self.tail.next_offset(), wait)
    }

    /// Records that were passed over because they were gone, damaged or of an unknown kind.
    pub fn lost_records(&self) -> u64 {
        self.tail.lost_records() + self.unreadable
    }
}

/// The one place that knows how records lie in the log.
fn log_record(offset: Offset, record: Record) -> LogRecord {
    let floats = record.floats.iter();
    let starts = record.starts.iter();
    LogRecord {
        offset,
        tenant: record.tenant,
        definitions: record.definitions,
        floats: floats
            .map(|sample| (sample.reference, sample.timestamp_ms, sample.value))
            .collect(),
        histograms: record.histograms,
        starts: starts
            .map(|start| (start.reference, start.timestamp_ms, start.start_ms))
            .collect(),
        exemplars: record.exemplars,
        metadata: record.metadata,
    }
}
