//! The store of all tenants: log, heads, parts, flush, retention.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use skopos_core::log::LogBatch;
use skopos_core::metric::AppendReport;
use skopos_core::{TenantId, WriteError};
use skopos_storage::{Offset, Retention, SignalOptions, SignalStorage, StorageError, error_text};

use crate::head::Head;
use crate::options::{LogStoreOptions, LogStoreStats};
use crate::tenant::TenantLogs;
use crate::{part, record};

/// Name of the signal in paths and metrics.
const SIGNAL: &str = "logs";
const NS_PER_MS: i64 = 1_000_000;

/// The logs of all tenants.
#[derive(Debug, Clone)]
pub struct LogStore {
    shared: Arc<Shared>,
}

/// What opening found in the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReplayOutcome {
    /// Records read.
    pub records: u64,
    /// Entries put into the head.
    pub entries: u64,
    /// Bytes of an unfinished record that were cut at the end.
    pub torn_bytes: u64,
    /// Records that could not be understood, or were lost to damage.
    pub lost_records: u64,
}

/// What a flush wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FlushReport {
    /// Parts.
    pub parts: u64,
    /// Bytes of them.
    pub bytes: u64,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) storage: SignalStorage,
    options: LogStoreOptions,
    pub(crate) heads: RwLock<Heads>,
    /// Appends hold it from the check to the head, a flush while it cuts the log.
    gate: Mutex<()>,
    flushing: Mutex<()>,
    replayed: ReplayOutcome,
}

/// What lies in memory. Readers hold the lock while they look at heads and list parts, so that a
/// commit moves entries from one to the other at once.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    /// Takes appends.
    pub(crate) active: BTreeMap<TenantId, Head>,
    /// Being written to parts.
    pub(crate) frozen: Arc<BTreeMap<TenantId, Head>>,
}

impl LogStore {
    /// Opens the store and replays its log.
    pub fn open(options: LogStoreOptions) -> Result<Self, StorageError> {
        let mut signal = SignalOptions::new(&options.root, SIGNAL);
        signal.fsync = options.fsync;
        signal.retention = Retention {
            age: options.retention,
            ..Retention::default()
        };
        let (storage, report) = SignalStorage::open(&signal)?;
        let mut heads = Heads::default();
        let mut replayed = replay(&storage, &mut heads)?;
        replayed.torn_bytes = report.torn_bytes;
        let shared = Shared {
            storage,
            options,
            heads: RwLock::new(heads),
            gate: Mutex::default(),
            flushing: Mutex::default(),
            replayed,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// What opening found.
    pub fn replay_report(&self) -> ReplayOutcome {
        self.shared.replayed
    }

    /// The logs of one tenant.
    pub fn tenant(&self, tenant: &TenantId) -> Arc<TenantLogs> {
        Arc::new(TenantLogs::new(tenant.clone(), Arc::clone(&self.shared)))
    }

    /// Writes the heads to parts and truncates the log.
    pub fn flush(&self) -> Result<FlushReport, StorageError> {
        self.shared.flush()
    }

    /// Flushes what is due and applies retention. To be called every minute or so.
    pub fn maintain(&self, now_ms: i64) -> Result<FlushReport, StorageError> {
        let report = if self.shared.is_flush_due(now_ms) {
            self.shared.flush()?
        } else {
            FlushReport::default()
        };
        self.shared.storage.retain(now_ms)?;
        Ok(report)
    }

    /// Sizes over all tenants.
    pub fn stats(&self) -> LogStoreStats {
        self.shared.stats()
    }

    /// Flushes everything: the next start has nothing to replay.
    pub fn close(&self) -> Result<FlushReport, StorageError> {
        self.shared.flush()
    }
}

impl Shared {
    /// Checks, logs and applies a batch.
    pub(crate) fn append(&self, tenant: &TenantId, batch: LogBatch) -> Result<AppendReport, WriteError> {
        let mut report = AppendReport::default();
        let gate = self.gate.lock();
        let empty = Head::default();
        let taken = {
            let heads = self.heads.read();
            heads
                .active
                .get(tenant)
                .unwrap_or(&empty)
                .check(batch, &self.options.limits, &mut report)
        };
        if taken.streams.is_empty() {
            return Ok(report);
        }
        let bytes = record::encode(tenant, &taken);
        self.storage.wal().append(&bytes).map_err(|error| WriteError::Wal {
            reason: error_text(&error),
        })?;
        self.heads
            .write()
            .active
            .entry(tenant.clone())
            .or_default()
            .apply(taken);
        drop(gate);
        Ok(report)
    }

    fn is_flush_due(&self, now_ms: i64) -> bool {
        let stats = self.stats();
        let heads = self.heads.read();
        let oldest_ns = heads
            .active
            .values()
            .filter_map(Head::bounds_ns)
            .map(|bounds| bounds.0)
            .min();
        let due_ns = (now_ms - self.options.flush_after.as_millis() as i64).saturating_mul(NS_PER_MS);
        stats.head_bytes >= self.options.flush_bytes || oldest_ns.is_some_and(|oldest| oldest <= due_ns)
    }

    fn flush(&self) -> Result<FlushReport, StorageError> {
        let _one_at_a_time = self.flushing.lock();
        let first_offset = self.storage.covered();
        let (covered, frozen) = self.freeze()?;
        if covered == first_offset {
            return Ok(FlushReport::default());
        }
        let mut written = Vec::new();
        for (tenant, head) in frozen.iter() {
            let entries = head
                .streams()
                .flat_map(|(labels, entries)| entries.iter().map(move |entry| (labels, entry)));
            written.extend(part::write(
                self.storage.parts(),
                tenant,
                (first_offset, covered.previous()),
                entries,
            )?);
        }
        let report = FlushReport {
            parts: written.len() as u64,
            bytes: written.iter().map(|part| part.bytes).sum(),
        };
        let mut heads = self.heads.write();
        self.storage.commit(written, covered)?;
        heads.frozen = Arc::default();
        Ok(report)
    }

    /// Cuts the log and sets aside what it covers. What an earlier flush could not write is
    /// written with it.
    fn freeze(&self) -> Result<(Offset, Arc<BTreeMap<TenantId, Head>>), StorageError> {
        let _gate = self.gate.lock();
        let covered = self.storage.cut()?;
        let mut heads = self.heads.write();
        let mut frozen = std::mem::take(&mut heads.active);
        for (tenant, head) in heads.frozen.iter() {
            frozen.entry(tenant.clone()).or_default().apply(head.to_batch());
        }
        heads.frozen = Arc::new(frozen);
        Ok((covered, Arc::clone(&heads.frozen)))
    }

    fn stats(&self) -> LogStoreStats {
        let mut stats = LogStoreStats {
            wal_bytes: self.storage.wal().size_bytes(),
            ..LogStoreStats::default()
        };
        let mut times = Vec::new();
        let heads = self.heads.read();
        for head in heads.active.values().chain(heads.frozen.values()) {
            stats.streams += head.stream_count() as u64;
            stats.entries += head.len();
            stats.head_bytes += head.size_bytes();
            times.extend(
                head.bounds_ns()
                    .map(|bounds| (bounds.0 / NS_PER_MS, bounds.1 / NS_PER_MS)),
            );
        }
        for part in &self.storage.manifest().state().parts {
            stats.parts += 1;
            stats.part_bytes += part.bytes;
            stats.rows += part.rows;
            times.push((part.spec.min_time_ms, part.spec.max_time_ms));
        }
        stats.oldest_ms = times.iter().map(|times| times.0).min();
        stats.newest_ms = times.iter().map(|times| times.1).max();
        stats
    }
}

fn replay(storage: &SignalStorage, heads: &mut Heads) -> Result<ReplayOutcome, StorageError> {
    let mut outcome = ReplayOutcome::default();
    let report = storage.wal().replay(storage.covered(), |_, bytes| {
        match record::decode(bytes) {
            Some((tenant, batch)) => {
                outcome.entries += batch
                    .streams
                    .iter()
                    .map(|stream| stream.entries.len() as u64)
                    .sum::<u64>();
                heads.active.entry(tenant).or_default().apply(batch);
            }
            None => outcome.lost_records += 1,
        }
        ControlFlow::Continue(())
    })?;
    outcome.records = report.records;
    outcome.lost_records += report.lost_records;
    Ok(outcome)
}
