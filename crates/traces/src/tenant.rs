//! The traces of one tenant: takes spans in, and answers from head and parts.

mod admit;
mod queries;

use std::cmp::Reverse;
use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::{RwLock, RwLockWriteGuard};
use skopos_core::metric::AppendReport;
use skopos_core::span::{Span, SpanBatch, SpanKind, TraceId, TraceSearch, TraceSink, TraceSource};
use skopos_core::time::TimeRangeNs;
use skopos_core::{QueryBudget, ReadError, TenantId, TimeRange, WriteError};
use skopos_storage::{PartMeta, PartReader, error_text};

use crate::error::part_error;
use crate::head::Head;
use crate::record::{SpanBlock, encode};
use crate::sets::count_calls;
use crate::stats::TraceStoreStats;
use crate::store::Shared;
use crate::telemetry;

/// Most spans of one record.
const RECORD_SPANS: usize = 4096;
/// How long before its child's start a parent may have started.
const PARENT_LOOKBACK_NS: i64 = 3_600_000_000_000;
/// Most traces of a search, whatever its limit: they are returned whole.
const MAX_TRACES: usize = 10_000;
/// How often a read starts anew because parts were merged or removed under it.
const MAX_READ_ATTEMPTS: usize = 3;

/// The traces of one tenant.
#[derive(Debug)]
pub struct TenantTraces {
    id: TenantId,
    shared: Arc<Shared>,
    heads: RwLock<Heads>,
}

/// What is in memory.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    /// Takes spans in.
    active: Head,
    /// Cut off; on the way to parts.
    pub(crate) frozen: Vec<Arc<Head>>,
}

impl Heads {
    fn all(&self) -> impl Iterator<Item = &Head> {
        std::iter::once(&self.active).chain(self.frozen.iter().map(AsRef::as_ref))
    }
}

impl TenantTraces {
    pub(crate) fn new(id: TenantId, shared: Arc<Shared>) -> Self {
        Self {
            id,
            shared,
            heads: RwLock::default(),
        }
    }

    /// Whose traces they are.
    pub fn id(&self) -> &TenantId {
        &self.id
    }

    pub(crate) fn replay(&self, block: SpanBlock) -> u64 {
        self.heads.write().active.insert(block)
    }

    pub(crate) fn is_head_empty(&self) -> bool {
        let heads = self.heads.read();
        heads.active.is_empty() && heads.frozen.is_empty()
    }

    pub(crate) fn head_bytes(&self) -> usize {
        self.heads.read().all().map(Head::size_bytes).sum()
    }

    /// Cuts the active head off.
    pub(crate) fn freeze(&self) {
        let mut heads = self.heads.write();
        if !heads.active.is_empty() {
            let full = std::mem::take(&mut heads.active);
            heads.frozen.push(Arc::new(full));
        }
    }

    pub(crate) fn frozen(&self) -> Vec<Arc<Head>> {
        self.heads.read().frozen.clone()
    }

    pub(crate) fn lock_heads(&self) -> RwLockWriteGuard<'_, Heads> {
        self.heads.write()
    }

    pub(crate) fn add_stats(&self, stats: &mut TraceStoreStats, starts_ms: &mut Vec<i64>) {
        for head in self.heads.read().all() {
            stats.traces += head.trace_count() as u64;
            stats.spans += head.span_count() as u64;
            stats.head_bytes += head.size_bytes() as u64;
            if let Some((oldest_ns, newest_ns)) = head.time_bounds_ns() {
                starts_ms.extend([oldest_ns.div_euclid(1_000_000), newest_ns.div_euclid(1_000_000)]);
            }
        }
    }

    /// Runs `query` on the heads and then on the parts that belong to the same state, the newest
    /// first. If a part is gone when it is its turn, everything starts anew.
    fn read<Q: Query>(&self, range: TimeRange, query: &Q) -> Result<Q::Found, ReadError> {
        for _ in 0..MAX_READ_ATTEMPTS {
            let mut found = Q::Found::default();
            let heads = self.heads.read();
            for head in heads.all() {
                query.head(head, &mut found)?;
            }
            let mut parts = self.shared.storage.live_parts(&self.id, &range);
            drop(heads);
            parts.sort_by_key(|part| Reverse(part.spec.max_time_ms));
            if self.read_parts(&parts, query, &mut found)? {
                return Ok(found);
            }
        }
        Err(ReadError::Storage {
            what: "parts of traces".to_owned(),
            reason: "they were replaced while they were read".to_owned(),
        })
    }

    /// Whether all parts were there.
    fn read_parts<Q: Query>(
        &self,
        parts: &[Arc<PartMeta>],
        query: &Q,
        found: &mut Q::Found,
    ) -> Result<bool, ReadError> {
        for meta in parts {
            if !query.wants_part(meta, found) {
                continue;
            }
            let opened = self.shared.storage.open_part(meta);
            let Some(part) = opened.map_err(|error| part_error(&meta.path, &error))? else {
                return Ok(false);
            };
            query.part(&part, found)?;
        }
        Ok(true)
    }

    /// Whole traces, each sorted by start, in the order of `ids`.
    fn traces(&self, ids: &[TraceId], budget: &QueryBudget) -> Result<Vec<Vec<Span>>, ReadError> {
        let found = self.read(TimeRange::ALL, &queries::Traces { ids, budget })?;
        let mut by_trace: HashMap<TraceId, Vec<Span>> = HashMap::with_capacity(ids.len());
        for span in found {
            by_trace.entry(span.trace_id).or_default().push(span);
        }
        let traces = ids.iter().filter_map(|id| by_trace.remove(id));
        Ok(traces.map(sorted).collect())
    }
}

/// What a query does with heads and parts.
trait Query {
    /// What it collects.
    type Found: Default;

    fn head(&self, head: &Head, found: &mut Self::Found) -> Result<(), ReadError>;

    fn wants_part(&self, _meta: &PartMeta, _found: &Self::Found) -> bool {
        true
    }

    fn part(&self, part: &PartReader, found: &mut Self::Found) -> Result<(), ReadError>;
}

/// Sorted by start; spans that were sent twice are there once.
fn sorted(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|span| (span.start_ns, span.span_id, span.end_ns));
    spans.dedup();
    spans
}

/// The milliseconds that a range of nanoseconds touches.
fn millis(range: TimeRangeNs) -> TimeRange {
    TimeRange::new(
        range.start_ns.div_euclid(1_000_000),
        range.end_ns.saturating_sub(1).div_euclid(1_000_000),
    )
}

impl TraceSink for TenantTraces {
    fn append(&self, batch: SpanBatch) -> Result<AppendReport, WriteError> {
        let mut report = AppendReport::default();
        let options = &self.shared.options;
        let spans = admit::admit(batch.spans, options, options.clock.now_ms(), &mut report);
        for refusal in &report.refused {
            telemetry::SPANS_REFUSED
                .with_label_values(&[refusal.reason])
                .inc_by(refusal.count);
        }
        let records: Vec<Vec<u8>> = spans
            .chunks(RECORD_SPANS)
            .map(|chunk| encode(&self.id, chunk))
            .collect();
        if records.is_empty() {
            return Ok(report);
        }
        let payloads: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
        let gate = self.shared.gate.read();
        let appended = self.shared.storage.wal().append_batch(&payloads);
        appended.map_err(|error| WriteError::Wal {
            reason: error_text(&error),
        })?;
        for record in records {
            let (_, block) = SpanBlock::parse(record).expect("what was just encoded can be read");
            self.heads.write().active.insert(block);
        }
        drop(gate);
        report.stored = spans.len() as u64;
        telemetry::SPANS_STORED.inc_by(report.stored);
        Ok(report)
    }
}

impl TraceSource for TenantTraces {
    fn trace(&self, trace_id: TraceId, budget: &QueryBudget) -> Result<Vec<Span>, ReadError> {
        Ok(self.traces(&[trace_id], budget)?.pop().unwrap_or_default())
    }

    fn search(&self, search: &TraceSearch, budget: &QueryBudget) -> Result<Vec<Vec<Span>>, ReadError> {
        if search.limit == 0 {
            return Ok(Vec::new());
        }
        let newest = self.read(
            millis(search.range),
            &queries::Search {
                wanted: search,
                limit: search.limit.min(MAX_TRACES),
                budget,
            },
        )?;
        match newest.traces().as_slice() {
            [] => Ok(Vec::new()),
            ids => self.traces(ids, budget),
        }
    }

    fn services(&self, range: TimeRangeNs) -> Result<Vec<String>, ReadError> {
        Ok(self.read(millis(range), &queries::Operations { range })?.services())
    }

    fn operations(&self, service: &str, range: TimeRangeNs) -> Result<Vec<(String, SpanKind)>, ReadError> {
        Ok(self
            .read(millis(range), &queries::Operations { range })?
            .operations(service))
    }

    fn dependencies(&self, range: TimeRangeNs) -> Result<Vec<(String, String, u64)>, ReadError> {
        let wider = TimeRangeNs::new(range.start_ns.saturating_sub(PARENT_LOOKBACK_NS), range.end_ns);
        let calls = self.read(millis(wider), &queries::Calls { range: wider })?;
        Ok(count_calls(&calls.edges, &calls.services, range))
    }
}
