//! The sink and source of one tenant: head and parts as one.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use skopos_core::log::{Direction, LogBatch, LogEntry, LogSelection, LogSink, LogSource, LogStats};
use skopos_core::metric::AppendReport;
use skopos_core::time::TimeRangeNs;
use skopos_core::{Labels, Matcher, QueryBudget, ReadError, TenantId, TimeRange, WriteError};
use skopos_storage::{PartMeta, StorageError, error_text};

use crate::part;
use crate::scan::{Merge, Pending};
use crate::store::Shared;

const NS_PER_MS: i64 = 1_000_000;
/// Entries between two looks at the budget.
const CHECK_EVERY: usize = 1024;

/// The logs of one tenant.
#[derive(Debug)]
pub struct TenantLogs {
    tenant: TenantId,
    shared: Arc<Shared>,
}

/// Entries by stream.
type Streams = Vec<(Labels, Vec<LogEntry>)>;

impl TenantLogs {
    pub(crate) fn new(tenant: TenantId, shared: Arc<Shared>) -> Self {
        Self { tenant, shared }
    }

    /// What the heads hold and which parts to read, as of one moment.
    fn snapshot(&self, selection: &LogSelection<'_>) -> (Streams, Vec<Arc<PartMeta>>) {
        let heads = self.shared.heads.read();
        let mut streams = Vec::new();
        for head in [heads.active.get(&self.tenant), heads.frozen.get(&self.tenant)]
            .into_iter()
            .flatten()
        {
            streams.extend(head.select(selection));
        }
        let range = TimeRange::new(
            selection.range.start_ns.div_euclid(NS_PER_MS),
            selection.range.end_ns.div_euclid(NS_PER_MS),
        );
        (streams, self.shared.storage.live_parts(&self.tenant, &range))
    }

    fn load(&self, meta: &PartMeta, selection: &LogSelection<'_>) -> Result<Streams, ReadError> {
        let failed = |error: StorageError| ReadError::Storage {
            what: meta.path.clone(),
            reason: error_text(&error),
        };
        match self.shared.storage.open_part(meta).map_err(failed)? {
            Some(reader) => part::read(&reader, selection).map_err(failed),
            None => Ok(Vec::new()),
        }
    }

    /// Calls `visit` with each matching stream that has entries in the range, and their number
    /// and bytes, once for each place in which they lie.
    fn for_each_stream(
        &self,
        matchers: &[Matcher],
        range: TimeRangeNs,
        mut visit: impl FnMut(&Labels, u64, u64),
    ) -> Result<u64, ReadError> {
        let selection = LogSelection {
            matchers,
            range,
            direction: Direction::Forward,
            line_contains: &[],
        };
        let (streams, parts) = self.snapshot(&selection);
        let mut chunks = streams.len() as u64;
        let mut show = |streams: Streams| {
            for (labels, entries) in streams {
                let bytes = entries.iter().map(|entry| entry.line.len() as u64).sum();
                visit(&labels, entries.len() as u64, bytes);
            }
        };
        show(streams);
        for meta in parts {
            let streams = self.load(&meta, &selection)?;
            chunks += u64::from(!streams.is_empty());
            show(streams);
        }
        Ok(chunks)
    }
}

impl LogSink for TenantLogs {
    fn append(&self, batch: LogBatch) -> Result<AppendReport, WriteError> {
        self.shared.append(&self.tenant, batch)
    }
}

impl LogSource for TenantLogs {
    fn scan(
        &self,
        selection: &LogSelection<'_>,
        budget: &QueryBudget,
        visit: &mut dyn FnMut(&Labels, &LogEntry) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let (streams, parts) = self.snapshot(selection);
        let pending = parts.into_iter().map(|meta| Pending {
            min_ns: meta.spec.min_time_ms.saturating_mul(NS_PER_MS),
            max_ns: meta.spec.max_time_ms.saturating_add(1).saturating_mul(NS_PER_MS),
            source: meta,
        });
        let mut merge = Merge::new(selection.direction, pending.collect());
        merge.add(streams);
        let mut visited = 0usize;
        let mut refused = Ok(());
        merge.run(
            |meta| {
                budget.check("log scan")?;
                self.load(&meta, selection)
            },
            &mut |labels, entry| {
                visited += 1;
                if visited.is_multiple_of(CHECK_EVERY)
                    && let Err(error) = budget.check("log scan")
                {
                    refused = Err(error);
                    return ControlFlow::Break(());
                }
                visit(labels, entry)
            },
        )?;
        Ok(refused?)
    }

    fn series(&self, matchers: &[Matcher], range: TimeRangeNs) -> Result<Vec<Labels>, ReadError> {
        let mut found = BTreeSet::new();
        self.for_each_stream(matchers, range, |labels, _, _| {
            found.insert(labels.clone());
        })?;
        Ok(found.into_iter().collect())
    }

    fn label_names(&self, matchers: &[Matcher], range: TimeRangeNs) -> Result<Vec<String>, ReadError> {
        let names: BTreeSet<String> = self
            .series(matchers, range)?
            .iter()
            .flat_map(|labels| labels.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>())
            .collect();
        Ok(names.into_iter().collect())
    }

    fn label_values(&self, name: &str, matchers: &[Matcher], range: TimeRangeNs) -> Result<Vec<String>, ReadError> {
        let series = self.series(matchers, range)?;
        let values: BTreeSet<String> = series
            .iter()
            .filter_map(|labels| labels.find(name))
            .map(str::to_owned)
            .collect();
        Ok(values.into_iter().collect())
    }

    fn stats(&self, matchers: &[Matcher], range: TimeRangeNs) -> Result<LogStats, ReadError> {
        let mut stats = LogStats::default();
        let mut streams = BTreeSet::new();
        stats.chunks = self.for_each_stream(matchers, range, |labels, entries, bytes| {
            streams.insert(labels.clone());
            stats.entries += entries;
            stats.bytes += bytes;
        })?;
        stats.streams = streams.len() as u64;
        Ok(stats)
    }
}
