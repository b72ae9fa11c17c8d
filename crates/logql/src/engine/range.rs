//! Range functions: one pass over the lines, one column per series.

use std::ops::ControlFlow;

use skopos_core::Labels;
use skopos_core::MatchOp;
use skopos_core::log::{Direction, LogEntry, LogSelection};
use skopos_core::time::TimeRangeNs;

use super::columns::{Column, Steps};
use super::logs::{CHECK_EVERY, count_line};
use super::series::{SeriesIndex, SeriesLabels};
use super::window::{self, Sample};
use super::{Evaluation, STAGE};
use crate::ast::{Grouping, RangeExpr, RangeOp};
use crate::labels::{ERROR, EntryLabels};
use crate::output::QueryStats;
use crate::pipeline::{Pipeline, SampleExtractor};
use crate::{EvalError, LabelSet};

/// What one series has gathered.
enum Gathered {
    /// Differences of counts and sums between neighbouring steps: a line costs the same however
    /// many windows it lies in, and whole numbers stay exact.
    Counts { count: Vec<i64>, sum: Vec<f64> },
    /// The samples themselves, by time.
    Samples(Vec<Sample>),
}

/// The lines of one range expression on their way into series.
struct Gatherer<'q> {
    pipeline: Pipeline,
    extractor: SampleExtractor,
    range: &'q RangeExpr,
    grouping: Option<&'q Grouping>,
    steps: Steps,
    labels: EntryLabels,
    index: SeriesIndex,
    series: Vec<Gathered>,
    max_series: usize,
}

impl Evaluation<'_> {
    /// Evaluates a range function. `pushed` are the labels that an outer sum keeps.
    pub(super) fn range(&mut self, range: &RangeExpr, pushed: Option<&Grouping>) -> Result<Vec<Column>, EvalError> {
        let mut gatherer = Gatherer {
            pipeline: Pipeline::compile(&range.log.stages)?,
            extractor: SampleExtractor::new(range)?,
            range,
            grouping: range.grouping.as_ref().or(pushed),
            steps: self.steps,
            labels: EntryLabels::default(),
            index: SeriesIndex::default(),
            series: Vec::new(),
            // Inner expressions may have more series than an answer.
            max_series: self.max_series.saturating_mul(100),
        };
        self.gather(&mut gatherer)?;
        if range.op == RangeOp::AbsentOverTime {
            return Ok(vec![gatherer.absent()]);
        }
        self.budget
            .charge(gatherer.index.len().saturating_mul(self.steps.count), STAGE)?;
        Ok(gatherer.into_columns())
    }

    fn gather(&mut self, gatherer: &mut Gatherer<'_>) -> Result<(), EvalError> {
        let range = gatherer.range;
        let line_contains = gatherer.pipeline.line_contains().to_vec();
        let has_labels = gatherer.pipeline.has_labels().to_vec();
        let first = self
            .steps
            .start_ns
            .saturating_sub(range.range_ns)
            .saturating_sub(range.offset_ns);
        let last = self.steps.end_ns().saturating_sub(range.offset_ns);
        let selection = LogSelection {
            matchers: &range.log.matchers,
            range: TimeRangeNs::new(first.saturating_add(1), last.saturating_add(1)),
            direction: Direction::Forward,
            line_contains: &line_contains,
            has_labels: &has_labels,
        };
        let (budget, stats) = (self.budget, &mut self.stats);
        let mut failure = None;
        self.source.scan(&selection, budget, &mut |stream, entry| {
            count_line(stats, entry);
            let checked = if stats.total_lines_processed.is_multiple_of(CHECK_EVERY) {
                budget.check(STAGE).map_err(EvalError::from)
            } else {
                Ok(())
            };
            match checked.and_then(|()| gatherer.take(stream, entry, stats)) {
                Ok(0) => ControlFlow::Continue(()),
                Ok(held) => match budget.charge(held, STAGE) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        failure = Some(error.into());
                        ControlFlow::Break(())
                    }
                },
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        failure.map_or(Ok(()), Err)
    }
}

impl Gatherer<'_> {
    /// Takes an entry in; gives how many samples it made to be held.
    fn take(&mut self, stream: &Labels, entry: &LogEntry, stats: &mut QueryStats) -> Result<usize, EvalError> {
        let shifted = entry.timestamp_ns.saturating_add(self.range.offset_ns);
        let (first, end) = self.steps.covering(shifted, self.range.range_ns);
        if first == end || !self.pipeline.accepts_line(&entry.line) {
            return Ok(0);
        }
        let plain =
            self.pipeline.only_filters_lines() && self.range.unwrap.is_none() && entry.structured_metadata.is_empty();
        if plain && let Some(series) = self.index.of_stream(stream) {
            stats.total_post_filter_lines += 1;
            let value = self.extractor.value(&entry.line, &mut self.labels).unwrap_or(0.0);
            return Ok(self.add(series, shifted, value, (first, end)));
        }
        self.labels.reset(stream, &entry.structured_metadata);
        let Some(line) = self.pipeline.run(entry.timestamp_ns, &entry.line, &mut self.labels) else {
            return Ok(0);
        };
        let Some(value) = self.extractor.value(&line, &mut self.labels) else {
            return Ok(0);
        };
        stats.total_post_filter_lines += 1;
        if self.labels.has_error() && !self.labels.preserves_error() {
            return Err(pipeline_error(&self.labels));
        }
        let series = self.series_of_entry()?;
        if plain {
            self.index.note_stream(stream, series);
        }
        Ok(self.add(series, shifted, value, (first, end)))
    }

    fn series_of_entry(&mut self) -> Result<usize, EvalError> {
        // Absence is one series, whatever the lines say.
        let nothing = Grouping::default();
        let grouping = if self.range.op == RangeOp::AbsentOverTime {
            Some(&nothing)
        } else {
            self.grouping
        };
        let rule = SeriesLabels::new(grouping, self.extractor.consumed_label());
        let series = self.index.of_entry(&rule, &self.labels);
        if self.index.len() > self.max_series {
            return Err(EvalError::TooManySeries { limit: self.max_series });
        }
        Ok(series)
    }

    fn add(&mut self, series: usize, time_ns: i64, value: f64, (first, end): (usize, usize)) -> usize {
        if series == self.series.len() {
            self.series.push(self.new_series());
        }
        match &mut self.series[series] {
            Gathered::Counts { count, sum } => {
                count[first] += 1;
                count[end] -= 1;
                sum[first] += value;
                sum[end] -= value;
                0
            }
            Gathered::Samples(samples) => {
                samples.push(Sample { time_ns, value });
                1
            }
        }
    }

    fn new_series(&self) -> Gathered {
        if self.range.unwrap.is_none() || self.range.op == RangeOp::AbsentOverTime {
            return Gathered::Counts {
                count: vec![0; self.steps.count + 1],
                sum: vec![0.0; self.steps.count + 1],
            };
        }
        Gathered::Samples(Vec::new())
    }

    fn into_columns(self) -> Vec<Column> {
        let (range, steps) = (self.range, self.steps);
        let columns = self.index.into_labels().into_iter().zip(self.series);
        let columns = columns.map(|(labels, gathered)| Column {
            labels,
            points: match gathered {
                Gathered::Counts { count, sum } => window::counted(range, &count, &sum),
                Gathered::Samples(samples) => window::slide(range, steps, &samples),
            },
        });
        columns.collect()
    }

    /// One where no series has a line, with the labels that the selector fixes.
    fn absent(self) -> Column {
        let mut present = vec![false; self.steps.count];
        for series in &self.series {
            let Gathered::Counts { count, .. } = series else {
                continue;
            };
            let mut held = 0;
            for (slot, change) in present.iter_mut().zip(count) {
                held += change;
                *slot |= held > 0;
            }
        }
        Column {
            labels: absent_labels(self.range),
            points: present.into_iter().map(|found| (!found).then_some(1.0)).collect(),
        }
    }
}

fn absent_labels(range: &RangeExpr) -> LabelSet {
    let matchers = &range.log.matchers;
    let unique = |name: &str| matchers.iter().filter(|matcher| matcher.name() == name).count() == 1;
    let fixed = matchers
        .iter()
        .filter(|matcher| matcher.op() == MatchOp::Equal && unique(matcher.name()) && !matcher.value().is_empty());
    LabelSet::from_pairs(fixed.map(|m| (m.name().to_owned(), m.value().to_owned())).collect())
}

fn pipeline_error(labels: &EntryLabels) -> EvalError {
    EvalError::Pipeline {
        error: labels.get(ERROR).unwrap_or_default().to_owned(),
        series: labels.all().to_string(),
    }
}
