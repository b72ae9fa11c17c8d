//! Log queries: entries in order until the limit.

use std::ops::ControlFlow;

use skopos_core::log::{Direction, LogEntry, LogSelection, LogSource};
use skopos_core::time::TimeRangeNs;
use skopos_core::{Labels, QueryBudget};

use super::{RangeQuery, STAGE};
use crate::ast::LogExpr;
use crate::labels::{Category, EntryLabels};
use crate::output::{QueryStats, ResultEntry, StreamsResult};
use crate::pipeline::Pipeline;
use crate::{EvalError, LabelSet};

/// Lines between two looks at the clock.
pub(super) const CHECK_EVERY: u64 = 1024;

struct Collector<'q> {
    pipeline: Pipeline,
    labels: EntryLabels,
    stream: Option<(Labels, LabelSet)>,
    query: &'q RangeQuery<'q>,
    result: StreamsResult,
    stats: QueryStats,
}

pub(super) fn select(
    source: &dyn LogSource,
    log: &LogExpr,
    query: &RangeQuery<'_>,
    budget: &QueryBudget,
) -> Result<(StreamsResult, QueryStats), EvalError> {
    let mut collector = Collector {
        pipeline: Pipeline::compile(&log.stages)?,
        labels: EntryLabels::default(),
        stream: None,
        query,
        result: StreamsResult::default(),
        stats: QueryStats::default(),
    };
    if query.limit == 0 {
        return Ok((collector.result, collector.stats));
    }
    let line_contains = collector.pipeline.line_contains().to_vec();
    let has_labels = collector.pipeline.has_labels().to_vec();
    let selection = LogSelection {
        matchers: &log.matchers,
        range: TimeRangeNs::new(query.start_ns, query.end_ns),
        direction: query.direction,
        line_contains: &line_contains,
        has_labels: &has_labels,
    };
    let mut failure = None;
    source.scan(
        &selection,
        budget,
        &mut |stream, entry| match collector.take(stream, entry, budget) {
            Ok(flow) => flow,
            Err(error) => {
                failure = Some(error);
                ControlFlow::Break(())
            }
        },
    )?;
    failure.map_or(Ok((collector.result, collector.stats)), Err)
}

impl Collector<'_> {
    fn take(&mut self, stream: &Labels, entry: &LogEntry, budget: &QueryBudget) -> Result<ControlFlow<()>, EvalError> {
        count_line(&mut self.stats, entry);
        if self.stats.total_lines_processed.is_multiple_of(CHECK_EVERY) {
            budget.check(STAGE)?;
        }
        if !self.pipeline.accepts_line(&entry.line) || self.too_close(entry.timestamp_ns) {
            return Ok(ControlFlow::Continue(()));
        }
        self.labels.reset(stream, &entry.structured_metadata);
        let Some(line) = self.pipeline.run(entry.timestamp_ns, &entry.line, &mut self.labels) else {
            return Ok(ControlFlow::Continue(()));
        };
        budget.charge(1, STAGE)?;
        self.stats.total_post_filter_lines += 1;
        let line = line.into_owned();
        let entry = ResultEntry {
            stream: self.stream_labels(stream),
            timestamp_ns: entry.timestamp_ns,
            line,
            structured_metadata: self.labels.of(Category::Metadata),
            parsed: self.labels.of(Category::Parsed),
        };
        self.result.entries.push(entry);
        if self.result.entries.len() >= self.query.limit {
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Whether `interval` leaves the entry out.
    fn too_close(&self, timestamp_ns: i64) -> bool {
        let Some(last) = self.result.entries.last().filter(|_| self.query.interval_ns > 0) else {
            return false;
        };
        let distance = match self.query.direction {
            Direction::Forward => timestamp_ns.saturating_sub(last.timestamp_ns),
            Direction::Backward => last.timestamp_ns.saturating_sub(timestamp_ns),
        };
        distance < self.query.interval_ns
    }

    /// The stream's labels, shared between its entries while stages leave them alone.
    fn stream_labels(&mut self, stream: &Labels) -> LabelSet {
        if !self.labels.stream_is_unchanged() {
            return self.labels.of(Category::Stream);
        }
        match &self.stream {
            Some((known, set)) if known == stream => set.clone(),
            _ => {
                let set = LabelSet::from(stream);
                self.stream = Some((stream.clone(), set.clone()));
                set
            }
        }
    }
}

pub(super) fn count_line(stats: &mut QueryStats, entry: &LogEntry) {
    stats.total_lines_processed += 1;
    stats.total_bytes_processed += (entry.line.len() + entry.structured_metadata.encoded().len()) as u64;
}
