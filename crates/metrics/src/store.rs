//! The store of all tenants: log, heads, parts, flush, retention.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use skopos_core::metric::{AppendReport, CleanReport, MetricBatch, PackedFloats, SnapshotHead};
use skopos_core::{TenantId, TimeRange, WriteError};
use skopos_storage::{SignalOptions, SignalStorage, StorageError, error_text};

use crate::decoded::DecodedRuns;
use crate::epochs::Epochs;
use crate::head::{AppendRules, Head, Known};
use crate::indexes::PartIndexes;
use crate::limits::StoreLimits;
use crate::options::{MetricStoreOptions, MetricStoreStats};
use crate::part::{check_version, read_metadata};
use crate::record::{self, Record};
use crate::tenant::TenantMetrics;
use crate::tombstones::{Tombstone, Tombstones};

/// Name of the signal in paths and metrics.
const SIGNAL: &str = "metrics";
/// Name of the file of deletions, beside the manifest.
pub(crate) const TOMBSTONES: &str = "metrics.tombstones.json";
/// Name of the file of the log's epochs, beside the manifest.
const EPOCHS: &str = "metrics.epochs.json";
/// How far ahead of the clock a sample may be (Prometheus' `maxAheadTime`). One that lies further
/// would keep all later ones of its series out.
const MOST_AHEAD_MS: i64 = 10 * 60 * 1000;

/// The metrics of all tenants.
#[derive(Debug, Clone)]
pub struct MetricStore {
    pub(crate) shared: Arc<Shared>,
}

/// What opening found in the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReplayOutcome {
    /// Records read.
    pub records: u64,
    /// Samples put into the head.
    pub samples: u64,
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
    pub(crate) tombstones: Tombstones,
    pub(crate) epochs: Epochs,
    pub(crate) options: MetricStoreOptions,
    limits: RwLock<StoreLimits>,
    pub(crate) heads: RwLock<BTreeMap<TenantId, Arc<RwLock<Head>>>>,
    /// Appends hold it from the check to the head, a flush while it cuts the log.
    pub(crate) gate: Mutex<Gate>,
    /// Whoever changes which parts are live.
    pub(crate) flushing: Mutex<()>,
    pub(crate) indexes: PartIndexes,
    pub(crate) decoded: Arc<DecodedRuns>,
    replayed: ReplayOutcome,
}

/// Held by who appends to the log.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) epoch: u32,
}

impl MetricStore {
    /// Opens the store and replays its log.
    pub fn open(options: MetricStoreOptions) -> Result<Self, StorageError> {
        let mut signal = SignalOptions::new(&options.root, SIGNAL);
        signal.fsync = options.fsync;
        let (storage, report) = SignalStorage::open(&signal)?;
        let tombstones = Tombstones::open(&options.root.join("manifest").join(TOMBSTONES))?;
        let wal = storage.wal();
        let epochs = Epochs::open(
            &options.root.join("manifest").join(EPOCHS),
            wal.first_offset(),
            wal.next_offset(),
            options.clock.now_ms(),
        )?;
        let mut heads = BTreeMap::new();
        let mut replayed = replay(&storage, &tombstones, &mut heads, options.limits.max_exemplars)?;
        replayed.torn_bytes = report.torn_bytes;
        restore_metadata(&storage, &mut heads)?;
        let heads = heads
            .into_iter()
            .map(|(tenant, head)| (tenant, Arc::new(RwLock::new(head))));
        let shared = Shared {
            storage,
            tombstones,
            epochs,
            heads: RwLock::new(heads.collect()),
            decoded: Arc::new(DecodedRuns::new(options.cache_bytes)),
            limits: RwLock::new(options.limits),
            options,
            gate: Mutex::new(Gate { epoch: 1 }),
            flushing: Mutex::default(),
            indexes: PartIndexes::default(),
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

    /// From now on keeps and takes what these limits say; what is too old already goes with the next
    /// [`MetricStore::maintain`].
    pub fn set_limits(&self, limits: StoreLimits) {
        *self.shared.limits.write() = limits;
        for head in self.shared.heads.read().values() {
            head.write().set_max_exemplars(limits.max_exemplars);
        }
    }

    /// What is kept and taken now.
    pub fn limits(&self) -> StoreLimits {
        self.shared.limits()
    }

    /// The metrics of one tenant.
    pub fn tenant(&self, tenant: &TenantId) -> Arc<TenantMetrics> {
        Arc::new(TenantMetrics::new(tenant.clone(), Arc::clone(&self.shared)))
    }

    /// The time of the oldest sample of any tenant, in milliseconds since the Unix epoch.
    pub fn oldest_ms(&self) -> Option<i64> {
        let head = self.shared.head_bounds().map(|bounds| bounds.start_ms);
        let state = self.shared.storage.manifest().state();
        state.parts.iter().map(|part| part.spec.min_time_ms).chain(head).min()
    }

    /// Writes the heads to parts and truncates the log.
    pub fn flush(&self) -> Result<FlushReport, StorageError> {
        self.shared.flush()
    }

    /// Applies retention, flushes what is due, merges and downsamples parts. To be called every minute or so.
    pub fn maintain(&self, now_ms: i64) -> Result<FlushReport, StorageError> {
        // Retention makes the room that a flush on a full disk needs.
        let made_room = self.shared.retain(now_ms);
        let due_ms = now_ms - self.shared.options.flush_after.as_millis() as i64;
        let mut report = FlushReport::default();
        if self.shared.oldest_unflushed_ms().is_some_and(|oldest| oldest <= due_ms) {
            report = self.shared.flush()?;
        }
        self.shared.forget(now_ms);
        self.shared.decoded.forget_idle(now_ms);
        self.shared.compact(now_ms)?;
        self.shared.downsample(now_ms)?;
        made_room.and(self.shared.retain(now_ms))?;
        Ok(report)
    }

    /// Copies all tenants to `snapshots/<name>` below the data directory, as a data directory
    /// that can be opened, and gives its path.
    pub fn snapshot(&self, name: &str, head: SnapshotHead) -> Result<PathBuf, StorageError> {
        self.shared.snapshot(name, head)
    }

    /// Writes the parts anew in which deleted samples still lie.
    pub fn clean_tombstones(&self) -> Result<CleanReport, StorageError> {
        self.shared.clean_tombstones()
    }

    /// Sizes over all tenants.
    pub fn stats(&self) -> MetricStoreStats {
        self.shared.stats()
    }

    /// Flushes everything: the next start has nothing to replay.
    pub fn close(&self) -> Result<FlushReport, StorageError> {
        self.shared.flush()
    }
}

impl Shared {
    /// What is kept and taken now.
    pub(crate) fn limits(&self) -> StoreLimits {
        *self.limits.read()
    }

    /// The head of a tenant, made where there is none.
    pub(crate) fn head(&self, tenant: &TenantId) -> Arc<RwLock<Head>> {
        if let Some(head) = self.heads.read().get(tenant) {
            return Arc::clone(head);
        }
        let mut heads = self.heads.write();
        let made = || Arc::new(RwLock::new(Head::new(self.limits().max_exemplars)));
        Arc::clone(heads.entry(tenant.clone()).or_insert_with(made))
    }

    /// Checks, logs and applies a batch.
    pub(crate) fn append(&self, tenant: &TenantId, batch: MetricBatch) -> Result<AppendReport, WriteError> {
        self.append_planned(tenant, |head, rules, report| head.plan(tenant, batch, rules, report))
    }

    /// Checks, logs and applies packed floats.
    pub(crate) fn append_packed(&self, tenant: &TenantId, floats: &PackedFloats) -> Result<AppendReport, WriteError> {
        self.append_planned(tenant, |head, rules, report| {
            head.plan_packed(tenant, floats, rules, report)
        })
    }

    fn append_planned(
        &self,
        tenant: &TenantId,
        plan: impl FnOnce(&mut Head, AppendRules, &mut AppendReport) -> Record,
    ) -> Result<AppendReport, WriteError> {
        let head = self.head(tenant);
        let gate = self.gate.lock();
        let rules = AppendRules {
            epoch: gate.epoch,
            out_of_order_window_ms: self.limits().out_of_order_window.as_millis() as i64,
            newest_ms: self.options.clock.now_ms().saturating_add(MOST_AHEAD_MS),
            max_series: self.options.max_series,
        };
        let mut report = AppendReport::default();
        let mut record = plan(&mut head.write(), rules, &mut report);
        if record.is_empty() {
            return Ok(report);
        }
        self.storage.wal().append(&record.encode()).map_err(|error| {
            head.write().undo(&record);
            WriteError::Wal {
                reason: error_text(&error),
            }
        })?;
        head.write().apply(&mut record);
        drop(gate);
        Ok(report)
    }

    /// Lets heads forget what lies in parts and behind their window. Not between the plan of an
    /// append and its samples: a new series has none yet.
    pub(crate) fn forget(&self, now_ms: i64) {
        let until_ms = now_ms - self.options.head_window.as_millis() as i64;
        let heads: Vec<_> = self.heads.read().values().cloned().collect();
        for head in heads {
            let _no_append = self.gate.lock();
            head.write().forget(until_ms);
        }
    }

    fn oldest_unflushed_ms(&self) -> Option<i64> {
        self.heads
            .read()
            .values()
            .filter_map(|head| head.read().oldest_unflushed_ms())
            .min()
    }

    fn head_bounds(&self) -> Option<TimeRange> {
        let heads = self.heads.read();
        let bounds = heads.values().filter_map(|head| head.read().bounds());
        bounds.reduce(|a, b| TimeRange::new(a.start_ms.min(b.start_ms), a.end_ms.max(b.end_ms)))
    }

    fn stats(&self) -> MetricStoreStats {
        let mut stats = MetricStoreStats {
            wal_bytes: self.storage.wal().size_bytes(),
            ..MetricStoreStats::default()
        };
        for head in self.heads.read().values() {
            let head = head.read();
            for series in head.all() {
                stats.series += 1;
                stats.samples += series.len() as u64;
                stats.head_bytes += series.size_bytes() as u64;
            }
        }
        let state = self.storage.manifest().state();
        for part in &state.parts {
            stats.parts += 1;
            stats.part_bytes += part.bytes;
            stats.rows += part.rows;
        }
        let head = self.head_bounds();
        let oldest = state
            .parts
            .iter()
            .map(|part| part.spec.min_time_ms)
            .chain(head.map(|bounds| bounds.start_ms));
        let newest = state
            .parts
            .iter()
            .map(|part| part.spec.max_time_ms)
            .chain(head.map(|bounds| bounds.end_ms));
        stats.oldest_ms = oldest.min();
        stats.newest_ms = newest.max();
        stats
    }
}

fn replay(
    storage: &SignalStorage,
    tombstones: &Tombstones,
    heads: &mut BTreeMap<TenantId, Head>,
    max_exemplars: usize,
) -> Result<ReplayOutcome, StorageError> {
    let mut known: BTreeMap<TenantId, Known> = BTreeMap::new();
    let mut outcome = ReplayOutcome::default();
    let mut failed = Ok(());
    let report = storage.wal().replay(storage.covered(), |offset, bytes| {
        let Some(record) = record::decode(bytes) else {
            failed = record::check_version(offset, bytes);
            outcome.lost_records += 1;
            return match failed {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            };
        };
        let tenant = record.tenant.clone();
        for deletion in &record.deletions {
            failed = tombstones.add(Tombstone::new(offset, &tenant, deletion));
            if failed.is_err() {
                return ControlFlow::Break(());
            }
        }
        let known = known.entry(tenant.clone()).or_default();
        outcome.samples += heads
            .entry(tenant)
            .or_insert_with(|| Head::new(max_exemplars))
            .replay(record, known);
        ControlFlow::Continue(())
    })?;
    failed?;
    outcome.records = report.records;
    outcome.lost_records += report.lost_records;
    Ok(outcome)
}

/// Takes the metadata of families from the newest part of each tenant.
fn restore_metadata(storage: &SignalStorage, heads: &mut BTreeMap<TenantId, Head>) -> Result<(), StorageError> {
    let state = storage.manifest().state();
    for tenant in storage.tenants() {
        let parts = state.parts.iter().filter(|part| part.spec.tenant == tenant);
        let newest = parts.max_by_key(|part| (part.spec.last_offset, part.spec.max_time_ms));
        if let Some(newest) = newest
            && let Some(reader) = storage.open_part(newest)?
        {
            check_version(&reader)?;
            heads
                .entry(tenant)
                .or_default()
                .restore_metadata(read_metadata(&reader));
        }
    }
    Ok(())
}
