//! The write-ahead log: append, acknowledge, read again after a crash.
//!
//! A record is acknowledged when `write(2)` has taken it, so it survives `kill -9`; fsync runs as
//! group commit on a background thread, or before each answer with [`FsyncPolicy::Always`].
//! Damage is never fatal: a torn tail is cut, a corrupt region in the middle is skipped to the
//! next readable record, both are counted and reported. It does not know what a record means.
//! Format: `docs/formats/wal.md`.

mod holds;
mod outage;
mod record;
mod segment;
mod sync;
mod tail;
mod writer;

#[cfg(any(test, fuzzing))]
pub mod fuzzing;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

pub use record::MAX_RECORD_BYTES;
pub(crate) use segment::sync_dir;
pub use tail::WalTail;

use crate::telemetry;
use crate::{Offset, StorageError};
use holds::Holds;
use outage::Outage;
use segment::{Segment, SegmentScan};
use sync::{SyncThread, Syncer};
use writer::Writer;

/// A log of records that a store's head is built from. The local log is one implementation; a
/// partition of a Kafka topic can be another.
pub trait IngestLog: Send + Sync + fmt::Debug {
    /// Appends a record and returns its offset. When it returns, the record survives `kill -9`.
    fn append(&self, payload: &[u8]) -> Result<Offset, StorageError>;

    /// Visits the records from `from` on, in order, until the end or until `visit` breaks.
    fn read_from(
        &self,
        from: Offset,
        visit: &mut dyn FnMut(Offset, &[u8]) -> ControlFlow<()>,
    ) -> Result<ReplayReport, StorageError>;

    /// Says that everything below `before` is held elsewhere and may be forgotten.
    fn commit(&self, before: Offset) -> Result<(), StorageError>;

    /// The offset that the next record gets.
    fn next_offset(&self) -> Offset;
}

/// When records reach the disk itself, beyond the operating system's cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FsyncPolicy {
    /// As group commit at this interval: a power cut may lose that much, a killed process nothing.
    Interval(Duration),
    /// Before each append returns; appends that wait together share one call.
    Always,
}

impl Default for FsyncPolicy {
    fn default() -> Self {
        Self::Interval(Duration::from_secs(1))
    }
}

/// How to open a log.
#[derive(Debug, Clone)]
pub struct WalOptions {
    /// A segment is closed when it has this many bytes.
    pub segment_bytes: u64,
    /// When records reach the disk.
    pub fsync: FsyncPolicy,
    /// The next offset is at least this: the covered offset of the manifest, so that numbers never
    /// repeat even if somebody removed the log's files.
    pub minimum_offset: Offset,
    /// Value of the label `signal` of the log's metrics.
    pub signal: &'static str,
}

impl Default for WalOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 16 * 1024 * 1024,
            fsync: FsyncPolicy::default(),
            minimum_offset: Offset::ZERO,
            signal: "test",
        }
    }
}

/// What a pass over the log found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReplayReport {
    /// Readable records visited.
    pub records: u64,
    /// Bytes of their payloads.
    pub payload_bytes: u64,
    /// Bytes cut at the end of the log when it was opened: a record that was being written when
    /// the process or the machine stopped, and that was never acknowledged.
    pub torn_bytes: u64,
    /// Bytes skipped elsewhere.
    pub corrupt_bytes: u64,
    /// Separate places where bytes were skipped.
    pub corrupt_regions: u64,
    /// Offsets missing between readable records.
    pub lost_records: u64,
}

/// A log in segment files of one directory.
#[derive(Debug)]
pub struct Wal {
    shared: Arc<Shared>,
    thread: Option<SyncThread>,
    torn_bytes: u64,
}

/// What the log and its fsync thread share.
#[derive(Debug)]
struct Shared {
    dir: PathBuf,
    options: WalOptions,
    writer: Mutex<Writer>,
    /// Rings when a record was appended.
    appended: Condvar,
    /// Locked before the writer.
    holds: Mutex<Holds>,
    syncer: Syncer,
    outage: Outage,
}

impl Wal {
    /// Opens or creates the log in `dir` and cuts a torn tail.
    pub fn open(dir: &Path, options: WalOptions) -> Result<Self, StorageError> {
        let (writer, torn_bytes) = Writer::open(dir, &options)?;
        if torn_bytes > 0 {
            tracing::warn!(dir = %dir.display(), bytes = torn_bytes, "cut a torn record at the end of the write-ahead log");
            telemetry::WAL_DAMAGED_BYTES
                .with_label_values(&[options.signal, "torn"])
                .inc_by(torn_bytes);
        }
        let interval = match options.fsync {
            FsyncPolicy::Interval(interval) => Some(interval),
            FsyncPolicy::Always => None,
        };
        let shared = Arc::new(Shared {
            dir: dir.to_path_buf(),
            options,
            writer: Mutex::new(writer),
            appended: Condvar::new(),
            holds: Mutex::default(),
            syncer: Syncer::default(),
            outage: Outage::default(),
        });
        let thread = interval
            .map(|interval| SyncThread::start(Arc::clone(&shared), interval))
            .transpose()?;
        Ok(Self {
            shared,
            thread,
            torn_bytes,
        })
    }

    /// Appends a record and returns its offset. When it returns, the record survives `kill -9`.
    pub fn append(&self, payload: &[u8]) -> Result<Offset, StorageError> {
        self.append_batch(&[payload])
    }

    /// Appends records with one write and returns the offset of the first. All or none is kept.
    pub fn append_batch(&self, payloads: &[&[u8]]) -> Result<Offset, StorageError> {
        let signal = self.shared.options.signal;
        let appended = self.shared.writer.lock().append(payloads);
        self.shared.outage.note(signal, appended.as_ref().err());
        let (first, written) = appended?;
        self.shared.appended.notify_all();
        telemetry::WAL_RECORDS
            .with_label_values(&[signal])
            .inc_by(payloads.len() as u64);
        telemetry::WAL_BYTES.with_label_values(&[signal]).inc_by(written);
        if self.shared.options.fsync == FsyncPolicy::Always {
            self.shared
                .sync_through(Offset(first.0 + payloads.len().saturating_sub(1) as u64))?;
        }
        Ok(first)
    }

    /// Brings everything appended so far to the disk.
    pub fn sync(&self) -> Result<(), StorageError> {
        self.shared.sync()
    }

    /// Closes the active segment, so that what was appended so far can be truncated whole, and
    /// returns the offset of the next record.
    pub fn roll(&self) -> Result<Offset, StorageError> {
        self.shared.writer.lock().roll()
    }

    /// Visits the readable records from `from` on, in order. Damage is skipped and reported.
    pub fn replay(
        &self,
        from: Offset,
        mut visit: impl FnMut(Offset, &[u8]) -> ControlFlow<()>,
    ) -> Result<ReplayReport, StorageError> {
        let mut report = ReplayReport {
            torn_bytes: self.torn_bytes,
            ..ReplayReport::default()
        };
        let segments: Vec<Segment> = self.shared.writer.lock().segments_from(from);
        let mut expected = from;
        for segment in segments {
            let scan = segment.scan(&mut |offset, payload| {
                if offset < expected {
                    return ControlFlow::Continue(());
                }
                report.lost_records += offset.0 - expected.0;
                expected = offset.next();
                report.records += 1;
                report.payload_bytes += payload.len() as u64;
                visit(offset, payload)
            })?;
            self.note_damage(&segment, &scan, &mut report);
            if scan.stopped {
                break;
            }
        }
        Ok(report)
    }

    /// Forgets all records below `before` that nobody holds, in whole segments.
    pub fn truncate_before(&self, before: Offset) -> Result<(), StorageError> {
        let mut holds = self.shared.holds.lock();
        holds.commit(before);
        self.forget_before(holds.forgettable())
    }

    fn forget_before(&self, before: Offset) -> Result<(), StorageError> {
        let removed = self.shared.writer.lock().truncate_before(before)?;
        for path in &removed {
            std::fs::remove_file(path).map_err(|source| StorageError::io("remove", path, source))?;
        }
        if !removed.is_empty() {
            segment::sync_dir(&self.shared.dir)?;
        }
        Ok(())
    }

    /// The offset that the next record gets.
    pub fn next_offset(&self) -> Offset {
        self.shared.writer.lock().next_offset()
    }

    /// Bytes of all segments.
    pub fn size_bytes(&self) -> u64 {
        self.shared.writer.lock().size_bytes()
    }

    /// Bytes cut at the end when the log was opened.
    pub fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }

    fn note_damage(&self, segment: &Segment, scan: &SegmentScan, report: &mut ReplayReport) {
        if scan.corrupt_bytes == 0 {
            return;
        }
        report.corrupt_bytes += scan.corrupt_bytes;
        report.corrupt_regions += scan.corrupt_regions;
        telemetry::WAL_DAMAGED_BYTES
            .with_label_values(&[self.shared.options.signal, "corrupt"])
            .inc_by(scan.corrupt_bytes);
        tracing::error!(
            segment = %segment.path.display(),
            bytes = scan.corrupt_bytes,
            regions = scan.corrupt_regions,
            "skipped corrupt bytes of the write-ahead log; the readable records around them are kept"
        );
    }
}

impl IngestLog for Wal {
    fn append(&self, payload: &[u8]) -> Result<Offset, StorageError> {
        Self::append(self, payload)
    }

    fn read_from(
        &self,
        from: Offset,
        visit: &mut dyn FnMut(Offset, &[u8]) -> ControlFlow<()>,
    ) -> Result<ReplayReport, StorageError> {
        self.replay(from, visit)
    }

    fn commit(&self, before: Offset) -> Result<(), StorageError> {
        self.truncate_before(before)
    }

    fn next_offset(&self) -> Offset {
        Self::next_offset(self)
    }
}

impl Drop for Wal {
    fn drop(&mut self) {
        drop(self.thread.take());
        if let Err(error) = self.shared.sync() {
            tracing::error!(
                error = crate::error_text(&error),
                "could not sync the write-ahead log while closing"
            );
        }
    }
}
