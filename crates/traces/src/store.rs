//! The store of all tenants: opening, flushing, maintenance.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use skopos_core::TenantId;
use skopos_storage::{Retention, SignalOptions, SignalStorage, StorageError};

use crate::error::{FlushError, OpenError};
use crate::flush::Frozen;
use crate::options::TraceStoreOptions;
use crate::record::SpanBlock;
use crate::stats::{FlushReport, MaintainReport, OpenReport, TraceStoreStats};
use crate::tenant::TenantTraces;
use crate::thin::Thinning;
use crate::{compact, flush, telemetry};

const SIGNAL: &str = "traces";

/// What the store and its tenants share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) storage: SignalStorage,
    /// Held for reading from the log's append to the head's insert, and for writing while the
    /// head is cut off at an offset: a record is on one side of the cut in both.
    pub(crate) gate: RwLock<()>,
    pub(crate) options: TraceStoreOptions,
}

/// The store of all tenants.
#[derive(Debug)]
pub struct TraceStore {
    shared: Arc<Shared>,
    tenants: RwLock<BTreeMap<TenantId, Arc<TenantTraces>>>,
    /// Held by whoever writes parts.
    maintenance: Mutex<Maintenance>,
    report: OpenReport,
}

#[derive(Debug, Default)]
struct Maintenance {
    last_flush_ms: i64,
    thinning: Thinning,
}

impl TraceStore {
    /// Opens a store and replays its log.
    pub fn open(options: TraceStoreOptions) -> Result<Self, OpenError> {
        let signal = SignalOptions {
            fsync: options.fsync,
            wal_segment_bytes: options.wal_segment_bytes,
            retention: Retention::by_age(options.retention),
            ..SignalOptions::new(&options.root, SIGNAL)
        };
        let (storage, opened) = SignalStorage::open(&signal)?;
        let now_ms = options.clock.now_ms();
        let mut store = Self {
            shared: Arc::new(Shared {
                storage,
                gate: RwLock::new(()),
                options,
            }),
            tenants: RwLock::default(),
            maintenance: Mutex::new(Maintenance {
                last_flush_ms: now_ms,
                ..Maintenance::default()
            }),
            report: OpenReport {
                torn_bytes: opened.torn_bytes,
                orphan_parts: opened.orphans,
                corrupt_parts: opened.corrupt_parts,
                ..OpenReport::default()
            },
        };
        store.report = store.replay(store.report)?;
        Ok(store)
    }

    fn replay(&self, mut report: OpenReport) -> Result<OpenReport, StorageError> {
        let storage = &self.shared.storage;
        let replayed = storage.wal().replay(storage.covered(), |_, payload| {
            match SpanBlock::parse(payload.to_vec()) {
                Ok((tenant, block)) => {
                    let spans = block.len() as u64;
                    let broken = self.tenant(&tenant).replay(block);
                    report.spans += spans - broken;
                    report.broken += broken;
                }
                Err(error) => {
                    tracing::error!(%error, "a record of the trace log could not be read");
                    report.broken += 1;
                }
            }
            ControlFlow::Continue(())
        })?;
        report.records = replayed.records;
        report.corrupt_bytes = replayed.corrupt_bytes;
        telemetry::BROKEN_RECORDS.inc_by(report.broken);
        Ok(report)
    }

    /// What opening found.
    pub fn replay_report(&self) -> OpenReport {
        self.report
    }

    /// The traces of a tenant.
    pub fn tenant(&self, tenant: &TenantId) -> Arc<TenantTraces> {
        if let Some(known) = self.tenants.read().get(tenant) {
            return Arc::clone(known);
        }
        let mut tenants = self.tenants.write();
        let known = tenants
            .entry(tenant.clone())
            .or_insert_with(|| Arc::new(TenantTraces::new(tenant.clone(), Arc::clone(&self.shared))));
        Arc::clone(known)
    }

    fn all_tenants(&self) -> Vec<Arc<TenantTraces>> {
        self.tenants.read().values().cloned().collect()
    }

    /// Brings everything in memory to parts and truncates the log.
    pub fn flush(&self) -> Result<FlushReport, FlushError> {
        let mut maintenance = self.maintenance.lock();
        maintenance.last_flush_ms = self.shared.options.clock.now_ms();
        self.flush_locked()
    }

    fn flush_locked(&self) -> Result<FlushReport, FlushError> {
        let storage = &self.shared.storage;
        let first = storage.covered();
        let tenants = {
            let _gate = self.shared.gate.write();
            let tenants = self.all_tenants();
            if tenants.iter().all(|tenant| tenant.is_head_empty()) {
                return Ok(FlushReport::default());
            }
            for tenant in &tenants {
                tenant.freeze();
            }
            (tenants, storage.cut()?)
        };
        let (tenants, cut) = tenants;
        let mut parts = Vec::new();
        for tenant in &tenants {
            let frozen = Frozen {
                tenant: tenant.id(),
                heads: &tenant.frozen(),
                first_offset: first,
                last_offset: cut.previous(),
            };
            parts.extend(flush::write_parts(storage, &frozen)?);
        }
        let report = FlushReport {
            spans: parts.iter().map(|part| part.rows).sum(),
            parts: parts.len() as u64,
            part_bytes: parts.iter().map(|part| part.bytes).sum(),
        };
        let mut guards: Vec<_> = tenants.iter().map(|tenant| tenant.lock_heads()).collect();
        storage.commit(parts, cut)?;
        for guard in &mut guards {
            guard.frozen.clear();
        }
        telemetry::FLUSHES.inc();
        Ok(report)
    }

    /// Flushes what is due, merges small parts and removes what retention no longer keeps. To be
    /// called every few seconds.
    pub fn maintain(&self, now_ms: i64) -> Result<MaintainReport, FlushError> {
        let mut maintenance = self.maintenance.lock();
        let options = &self.shared.options;
        let mut report = MaintainReport::default();
        let head_bytes: usize = self.all_tenants().iter().map(|tenant| tenant.head_bytes()).sum();
        let age_ms = u128::from((now_ms - maintenance.last_flush_ms).max(0).unsigned_abs());
        // Retention makes the room that a flush on a full disk needs.
        let made_room = self.shared.storage.retain(now_ms);
        if head_bytes >= options.flush_bytes || age_ms >= options.flush_interval.as_millis() {
            maintenance.last_flush_ms = now_ms;
            report.flush = self.flush_locked()?;
            report.compacted = compact::compact(&self.shared.storage, options.compact_parts)?;
        }
        report.expired = made_room? + self.shared.storage.retain(now_ms)?;
        let age = options.low_priority_retention;
        report.thinned = maintenance.thinning.round(&self.shared.storage, age, now_ms)?;
        Ok(report)
    }

    /// Figures over all tenants.
    pub fn stats(&self) -> TraceStoreStats {
        let mut stats = TraceStoreStats {
            wal_bytes: self.shared.storage.wal().size_bytes(),
            ..TraceStoreStats::default()
        };
        let mut starts_ms: Vec<i64> = Vec::new();
        for tenant in self.all_tenants() {
            tenant.add_stats(&mut stats, &mut starts_ms);
        }
        for part in &self.shared.storage.manifest().state().parts {
            stats.parts += 1;
            stats.part_bytes += part.bytes;
            stats.rows += part.rows;
            starts_ms.extend([part.spec.min_time_ms, part.spec.max_time_ms]);
        }
        stats.oldest_ms = starts_ms.iter().min().copied();
        stats.newest_ms = starts_ms.iter().max().copied();
        stats
    }

    /// Brings the log to the disk. What is in memory is replayed by the next start.
    pub fn close(&self) -> Result<(), FlushError> {
        Ok(self.shared.storage.wal().sync()?)
    }
}

#[cfg(test)]
mod tests;
