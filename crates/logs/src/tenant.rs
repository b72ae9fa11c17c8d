//! The sink and source of one tenant: head and parts as one.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use skopos_core::log::{LogBatch, LogEntry, LogSelection, LogSink, LogSource, LogStats};
use skopos_core::metric::AppendReport;
use skopos_core::time::TimeRangeNs;
use skopos_core::{Labels, Matcher, QueryBudget, ReadError, TenantId, WriteError};

use crate::scan::{Place, Scan, read_error};
use crate::store::Shared;

/// The logs of one tenant.
#[derive(Debug)]
pub struct TenantLogs {
    tenant: TenantId,
    shared: Arc<Shared>,
}

/// What one stream has in one place, as far as the range touches it: whole blocks of the head,
/// whole parts.
struct Extent {
    chunks: u64,
    entries: u64,
    bytes: u64,
}

impl TenantLogs {
    pub(crate) fn new(tenant: TenantId, shared: Arc<Shared>) -> Self {
        Self { tenant, shared }
    }

    /// Everything that may hold wanted entries, as of one moment, in the order in which it came.
    fn places(&self, selection: &LogSelection<'_>) -> Vec<Place> {
        let heads = self.shared.heads.read();
        let parts = self.shared.live_parts(&self.tenant, selection.range);
        let mut places: Vec<Place> = parts.into_iter().map(Place::Part).collect();
        for head in heads.of(&self.tenant) {
            for stream in head.matching(selection.matchers, selection.range) {
                let blocks = stream.blocks().filter(|block| block.overlaps(selection.range));
                places.extend(blocks.map(|block| Place::Block(stream.labels.clone(), Arc::clone(block))));
            }
        }
        places
    }

    /// Calls `visit` with each matching stream that may have entries in the range, once for each
    /// place in which it lies.
    fn for_each_stream(
        &self,
        matchers: &[Matcher],
        range: TimeRangeNs,
        mut visit: impl FnMut(&Labels, Extent),
    ) -> Result<(), ReadError> {
        let range = self.shared.kept(&self.tenant, range);
        let parts = {
            let heads = self.shared.heads.read();
            for stream in heads.of(&self.tenant).flat_map(|head| head.matching(matchers, range)) {
                let mut extent = Extent {
                    chunks: 0,
                    entries: 0,
                    bytes: 0,
                };
                for block in stream.blocks().filter(|block| block.overlaps(range)) {
                    extent.chunks += 1;
                    extent.entries += block.len();
                    extent.bytes += block.line_bytes();
                }
                visit(&stream.labels, extent);
            }
            self.shared.live_parts(&self.tenant, range)
        };
        for meta in parts {
            let part = self
                .shared
                .open_part(&meta)
                .map_err(|error| read_error(&meta.path, &error))?;
            let Some(part) = part else { continue };
            for stream in part.table.matching(matchers, range) {
                let (entries, bytes) = (stream.rows, stream.bytes);
                visit(
                    &stream.labels,
                    Extent {
                        chunks: 1,
                        entries,
                        bytes,
                    },
                );
            }
        }
        Ok(())
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
        let selection = LogSelection {
            range: self.shared.kept(&self.tenant, selection.range),
            ..selection.clone()
        };
        let places = self.places(&selection);
        Scan::new(&self.shared, &selection, budget).run(places, visit)
    }

    fn series(&self, matchers: &[Matcher], range: TimeRangeNs) -> Result<Vec<Labels>, ReadError> {
        let mut found = BTreeSet::new();
        self.for_each_stream(matchers, range, |labels, _| {
            if !found.contains(labels) {
                found.insert(labels.clone());
            }
        })?;
        Ok(found.into_iter().collect())
    }

    fn label_names(&self, matchers: &[Matcher], range: TimeRangeNs) -> Result<Vec<String>, ReadError> {
        let mut found = BTreeSet::new();
        self.for_each_stream(matchers, range, |labels, _| {
            for (name, _) in labels {
                if !found.contains(name) {
                    found.insert(name.to_owned());
                }
            }
        })?;
        Ok(found.into_iter().collect())
    }

    fn label_values(&self, name: &str, matchers: &[Matcher], range: TimeRangeNs) -> Result<Vec<String>, ReadError> {
        let mut found = BTreeSet::new();
        self.for_each_stream(matchers, range, |labels, _| {
            if let Some(value) = labels.find(name)
                && !found.contains(value)
            {
                found.insert(value.to_owned());
            }
        })?;
        Ok(found.into_iter().collect())
    }

    fn stats(&self, matchers: &[Matcher], range: TimeRangeNs) -> Result<LogStats, ReadError> {
        let mut stats = LogStats::default();
        let mut streams = BTreeSet::new();
        self.for_each_stream(matchers, range, |labels, extent| {
            streams.insert(labels.clone());
            stats.chunks += extent.chunks;
            stats.entries += extent.entries;
            stats.bytes += extent.bytes;
        })?;
        stats.streams = streams.len() as u64;
        Ok(stats)
    }
}
