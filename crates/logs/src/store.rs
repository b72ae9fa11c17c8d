//! The store of all tenants: log, heads, parts, flush, retention.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};
use skopos_core::log::LogBatch;
use skopos_core::metric::AppendReport;
use skopos_core::time::TimeRangeNs;
use skopos_core::{TenantId, TimeRange, WriteError};
use skopos_storage::{Offset, PartMeta, Retention, SignalOptions, SignalStorage, StorageError, error_text};

use crate::head::Head;
use crate::options::{LogStoreOptions, LogStoreStats};
use crate::part::{PartRead, Table};
use crate::rate::Rates;
use crate::tenant::TenantLogs;
use crate::{check, part, record, telemetry};

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
    rates: Mutex<Rates>,
    /// Tables of the live parts that were looked at.
    tables: Mutex<HashMap<String, Arc<Table>>>,
    replayed: ReplayOutcome,
}

/// The heads of all tenants at one time.
type TenantHeads = BTreeMap<TenantId, Head>;

/// What lies in memory. Readers hold the lock while they look at heads and list parts, so that a
/// commit moves entries from one to the other at once.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    active: TenantHeads,
    /// Being written to parts, the older ones first.
    frozen: Vec<Arc<TenantHeads>>,
}

impl Heads {
    /// The heads of a tenant, the older ones first.
    pub(crate) fn of(&self, tenant: &TenantId) -> impl Iterator<Item = &Head> {
        let frozen = self.frozen.iter().filter_map(|heads| heads.get(tenant));
        frozen.chain(self.active.get(tenant))
    }

    fn all(&self) -> impl Iterator<Item = &Head> {
        let frozen = self.frozen.iter().flat_map(|heads| heads.values());
        frozen.chain(self.active.values())
    }
}

impl LogStore {
    /// Opens the store and replays its log.
    pub fn open(options: LogStoreOptions) -> Result<Self, StorageError> {
        let mut signal = SignalOptions::new(&options.root, SIGNAL);
        signal.fsync = options.fsync;
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
            rates: Mutex::default(),
            tables: Mutex::default(),
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
        // Retention makes the room that a flush on a full disk needs.
        let shared = &self.shared;
        let retention = |tenant: &TenantId| shared.retention(tenant);
        let made_room = shared.storage.retain_by(now_ms, retention);
        let report = if self.shared.is_flush_due(now_ms) {
            self.shared.flush()?
        } else {
            FlushReport::default()
        };
        made_room.and(shared.storage.retain_by(now_ms, retention))?;
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
        let limits = self.options.limits.of(tenant);
        let now_ms = self.options.clock.now_ms();
        if let Some(refused) = self.rates.lock().take(tenant, &batch, &limits, now_ms) {
            for stream in &batch.streams {
                check::refuse_stream(stream, &refused, &mut report);
            }
            note_refused(&report);
            return Ok(report);
        }
        let gate = self.gate.lock();
        let empty = Head::default();
        let taken = {
            let heads = self.heads.read();
            heads
                .active
                .get(tenant)
                .unwrap_or(&empty)
                .check(tenant.as_str(), batch, &limits, &mut report)
        };
        note_refused(&report);
        if taken.streams.is_empty() {
            return Ok(report);
        }
        let bytes = record::encode(tenant, &taken);
        self.storage.wal().append(&bytes).map_err(|error| WriteError::Wal {
            reason: error_text(&error),
        })?;
        note_stored(&taken);
        self.heads
            .write()
            .active
            .entry(tenant.clone())
            .or_default()
            .apply(taken);
        drop(gate);
        Ok(report)
    }

    fn retention(&self, tenant: &TenantId) -> Retention {
        let own = self.options.limits.of(tenant).retention_period;
        Retention::by_age(own.unwrap_or(self.options.retention))
    }

    fn is_flush_due(&self, now_ms: i64) -> bool {
        let heads = self.heads.read();
        let bytes: u64 = heads.active.values().map(Head::plain_bytes).sum();
        let oldest_ns = heads
            .active
            .values()
            .filter_map(Head::bounds_ns)
            .map(|bounds| bounds.0)
            .min();
        let due_ns = (now_ms - self.options.flush_after.as_millis() as i64).saturating_mul(NS_PER_MS);
        bytes >= self.options.flush_bytes || oldest_ns.is_some_and(|oldest| oldest <= due_ns)
    }

    fn flush(&self) -> Result<FlushReport, StorageError> {
        let _one_at_a_time = self.flushing.lock();
        let first_offset = self.storage.covered();
        let (covered, frozen) = self.freeze()?;
        if covered == first_offset {
            return Ok(FlushReport::default());
        }
        let tenants: BTreeSet<&TenantId> = frozen.iter().flat_map(|heads| heads.keys()).collect();
        let mut written = Vec::new();
        for tenant in tenants {
            let heads: Vec<&Head> = frozen.iter().filter_map(|heads| heads.get(tenant)).collect();
            let offsets = (first_offset, covered.previous());
            written.extend(part::write(self.storage.parts(), tenant, offsets, &heads)?);
        }
        let report = FlushReport {
            parts: written.len() as u64,
            bytes: written.iter().map(|part| part.bytes).sum(),
        };
        let mut heads = self.heads.write();
        self.storage.commit(written, covered)?;
        heads.frozen.clear();
        telemetry::FLUSHES.inc();
        Ok(report)
    }

    /// Cuts the log and sets aside what it covers. What an earlier flush could not write is
    /// written with it.
    fn freeze(&self) -> Result<(Offset, Vec<Arc<TenantHeads>>), StorageError> {
        let _gate = self.gate.lock();
        let covered = self.storage.cut()?;
        let mut heads = self.heads.write();
        let successors = heads
            .active
            .iter()
            .map(|(tenant, head)| (tenant.clone(), head.successor()));
        let successors = successors.collect();
        let active = std::mem::replace(&mut heads.active, successors);
        if active.values().any(|head| head.len() > 0) {
            heads.frozen.push(Arc::new(active));
        }
        Ok((covered, heads.frozen.clone()))
    }

    /// The part of a range that retention keeps: parts go as a whole, so older entries may still
    /// lie in them.
    pub(crate) fn kept(&self, tenant: &TenantId, range: TimeRangeNs) -> TimeRangeNs {
        let now_ms = self.options.clock.now_ms();
        let oldest_ns = self
            .retention(tenant)
            .cutoff_ms(now_ms)
            .map(|oldest_ms| oldest_ms.saturating_mul(NS_PER_MS));
        match oldest_ns {
            Some(oldest_ns) => TimeRangeNs::new(range.start_ns.max(oldest_ns), range.end_ns),
            None => range,
        }
    }

    /// Live parts of a tenant that may have entries in the range, in the order of the log.
    pub(crate) fn live_parts(&self, tenant: &TenantId, range: TimeRangeNs) -> Vec<Arc<PartMeta>> {
        let range = TimeRange::new(range.start_ns.div_euclid(NS_PER_MS), range.end_ns.div_euclid(NS_PER_MS));
        let mut parts = self.storage.live_parts(tenant, &range);
        parts.sort_by_key(|part| (part.spec.first_offset, part.spec.min_time_ms));
        parts
    }

    /// Opens a part; `None` where it is gone or set aside.
    pub(crate) fn open_part(&self, meta: &PartMeta) -> Result<Option<PartRead>, StorageError> {
        let Some(reader) = self.storage.open_part(meta)? else {
            return Ok(None);
        };
        if let Some(table) = self.tables.lock().get(&meta.path) {
            return Ok(Some(PartRead::new(reader, Arc::clone(table))));
        }
        let table = Arc::new(PartRead::table(&reader)?);
        self.remember(meta, &table);
        Ok(Some(PartRead::new(reader, table)))
    }

    /// Keeps a table; those of parts that are gone make room.
    fn remember(&self, meta: &PartMeta, table: &Arc<Table>) {
        let mut tables = self.tables.lock();
        let live = self.storage.manifest().state();
        if tables.len() > live.parts.len() {
            let paths: BTreeSet<&str> = live.parts.iter().map(|part| part.path.as_str()).collect();
            tables.retain(|path, _| paths.contains(path.as_str()));
        }
        tables.insert(meta.path.clone(), Arc::clone(table));
    }

    fn stats(&self) -> LogStoreStats {
        let mut stats = LogStoreStats {
            wal_bytes: self.storage.wal().size_bytes(),
            ..LogStoreStats::default()
        };
        let mut times = Vec::new();
        let heads = self.heads.read();
        stats.streams = heads.active.values().map(|head| head.stream_count() as u64).sum();
        for head in heads.all() {
            stats.entries += head.len();
            stats.head_bytes += head.size_bytes();
            times.extend(
                head.bounds_ns()
                    .map(|bounds| (bounds.0.div_euclid(NS_PER_MS), bounds.1.div_euclid(NS_PER_MS))),
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

fn note_refused(report: &AppendReport) {
    for refusal in &report.refused {
        telemetry::ENTRIES_REFUSED
            .with_label_values(&[refusal.reason])
            .inc_by(refusal.count);
    }
}

fn note_stored(batch: &LogBatch) {
    let entries = || batch.streams.iter().flat_map(|stream| &stream.entries);
    telemetry::ENTRIES_STORED.inc_by(entries().count() as u64);
    telemetry::BYTES_STORED.inc_by(entries().map(|entry| entry.line.len() as u64).sum());
}

fn replay(storage: &SignalStorage, heads: &mut Heads) -> Result<ReplayOutcome, StorageError> {
    let mut outcome = ReplayOutcome::default();
    let report = storage.wal().replay(storage.covered(), |_, bytes| {
        if let Some((tenant, batch)) = record::decode(bytes) {
            let entries = batch.streams.iter().map(|stream| stream.entries.len() as u64);
            outcome.entries += entries.sum::<u64>();
            heads.active.entry(tenant).or_default().apply(batch);
        } else {
            telemetry::BROKEN_RECORDS.inc();
            outcome.lost_records += 1;
        }
        ControlFlow::Continue(())
    })?;
    outcome.records = report.records;
    outcome.lost_records += report.lost_records;
    Ok(outcome)
}
