//! Instant selectors: for each step the newest sample within the lookback, or an interpolation.

use std::ops::ControlFlow;
use std::sync::Arc;

use rayon::prelude::*;
use skopos_core::TimeRange;
use skopos_core::histogram::{CounterResetHint, FloatHistogram};
use skopos_core::metric::{DownsampledSeries, Lent, Selection, Series, SeriesView, StartTimestamps, Wanted};
use skopos_core::sample::is_stale;

use super::column::{Column, Grid, NOTHING};
use super::parallel::{in_parallel, is_worth_sharing};
use super::resolve::at_ms;
use super::{EvalResult, Evaluator, Frame, STAGE, downsampled};
use crate::ast::VectorSelector;
use crate::eval_error::EvalError;
use crate::functions::rate::interpolate;
use crate::histogram::detect_reset;
use crate::parser::Feature;
use crate::trace;

/// Series after which the deadline is looked at again.
pub(super) const CHECK_EVERY: usize = 64;

/// A sample that a selector found for a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Float(usize),
    Histogram(usize),
}

/// The times at which a selector looks for samples: the grid's, moved by `offset`, or fixed by `@`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LookAt {
    pub(crate) grid: Grid,
    pub(crate) at_ms: Option<i64>,
    pub(crate) offset_ms: i64,
}

impl LookAt {
    pub(crate) fn new(selector: &VectorSelector, grid: Grid) -> Self {
        Self {
            grid,
            at_ms: at_ms(selector.at),
            offset_ms: selector.offset.ms,
        }
    }

    /// The time looked at in a step.
    pub(crate) fn time(&self, step: usize) -> i64 {
        let time_ms = self.at_ms.unwrap_or_else(|| self.grid.time(step));
        time_ms.saturating_sub(self.offset_ms)
    }

    pub(crate) fn first(&self) -> i64 {
        self.time(0)
    }

    pub(crate) fn last(&self) -> i64 {
        self.time(self.grid.len().saturating_sub(1))
    }
}

/// The samples that an instant selector looks at over all steps.
pub(super) fn instant_range(selector: &VectorSelector, grid: Grid, lookback_ms: i64) -> TimeRange {
    let look_at = LookAt::new(selector, grid);
    let ahead_ms = if selector.smoothed { lookback_ms } else { 0 };
    TimeRange::new(
        look_at.first().saturating_sub(lookback_ms - 1),
        look_at.last().saturating_add(ahead_ms),
    )
}

impl Evaluator<'_> {
    pub(crate) fn vector_selector(&self, selector: &VectorSelector, frame: Frame) -> EvalResult<Vec<Column>> {
        let grid = frame.grid;
        let look_at = LookAt::new(selector, grid);
        let lookback_ms = self.options.lookback_ms;
        let range = instant_range(selector, grid, lookback_ms);
        if grid.len() == 1
            && !selector.smoothed
            && !selector.histogram_stats
            && let Some(columns) = self.newest_columns(selector, look_at, range, frame)?
        {
            return Ok(columns);
        }
        let all = self.select_downsampled(selector, range, grid.spacing_ms(), 0)?;
        self.check_room(all.len(), grid.len())?;
        let column = |series: DownsampledSeries| -> EvalResult<Option<Column>> {
            self.budget.check(STAGE)?;
            let column = if selector.smoothed {
                smoothed_column(series.into_samples().0, look_at, lookback_ms)?
            } else if series.has_windows() {
                downsampled::newest_column(&series, look_at, lookback_ms)
            } else {
                newest_column(&SeriesView::from(&series.series), look_at, lookback_ms)
            };
            self.count_filled(&column, frame);
            Ok(Some(column).filter(|column| !column.is_empty()))
        };
        let samples: usize = all.iter().map(DownsampledSeries::charged_samples).sum();
        let columns: Vec<Option<Column>> = if is_worth_sharing(all.len(), samples + all.len() * grid.len()) {
            in_parallel(|| all.into_par_iter().map(column).collect::<EvalResult<_>>())?
        } else {
            all.into_iter().map(column).collect::<EvalResult<_>>()?
        };
        Ok(columns.into_iter().flatten().collect())
    }

    /// The columns of a single step: of each series the newest sample is all that has to be read.
    fn newest_columns(
        &self,
        selector: &VectorSelector,
        look_at: LookAt,
        range: TimeRange,
        frame: Frame,
    ) -> EvalResult<Option<Vec<Column>>> {
        let selection = Selection {
            matchers: &selector.matchers,
            range,
            step_ms: frame.grid.spacing_ms(),
            resolution: self.options.source_resolution.limit(frame.grid.spacing_ms(), 0),
        };
        let (mut columns, mut read, mut room) = (Vec::new(), 0, Ok(()));
        let mut visit = |view: &SeriesView<'_>| {
            read += view.len();
            columns.push(newest_column(view, look_at, self.options.lookback_ms));
            room = self.check_room(columns.len(), 1);
            if columns.len().is_multiple_of(CHECK_EVERY) && room.is_ok() {
                room = self.budget.check(STAGE).map_err(EvalError::from);
            }
            if room.is_ok() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        let span = trace::select(selector);
        let lent = span.in_scope(|| self.source.visit(&selection, Wanted::Newest, self.budget, &mut visit))?;
        room?;
        if lent == Lent::Nothing {
            return Ok(None);
        }
        trace::selected(&span, columns.len(), read);
        self.count_series(columns.len() as u64, read);
        columns.retain(|column| !column.is_empty());
        for column in &columns {
            self.count_filled(column, frame);
        }
        Ok(Some(columns))
    }

    /// Counts the samples that a selector found.
    fn count_filled(&self, column: &Column, frame: Frame) {
        let mut looked = self.looked(frame);
        for step in (0..frame.grid.len()).filter(|step| column.has(*step)) {
            looked.add(step, 1);
        }
        self.count_looked(&looked);
    }

    /// The samples that a selector reads, those known of windows among them.
    pub(crate) fn select(&self, selector: &VectorSelector, range: TimeRange, step_ms: i64) -> EvalResult<Vec<Series>> {
        let found = self.select_downsampled(selector, range, step_ms, 0)?.into_iter();
        Ok(found.map(|series| series.into_samples().0).collect())
    }

    /// As [`Evaluator::select`], with start timestamps where the engine heeds them.
    pub(crate) fn select_started(
        &self,
        selector: &VectorSelector,
        range: TimeRange,
        step_ms: i64,
    ) -> EvalResult<Vec<(Series, StartTimestamps)>> {
        let found = self.select_downsampled(selector, range, step_ms, 0)?.into_iter();
        Ok(found.map(DownsampledSeries::into_samples).collect())
    }

    /// What a selector with a range (0 for none) reads: samples, and windows where the store has
    /// those in their place.
    pub(crate) fn select_downsampled(
        &self,
        selector: &VectorSelector,
        range: TimeRange,
        step_ms: i64,
        range_ms: i64,
    ) -> EvalResult<Vec<DownsampledSeries>> {
        let selection = Selection {
            matchers: &selector.matchers,
            range: self.range_to_read(selector, range),
            step_ms,
            resolution: self.options.source_resolution.limit(step_ms, range_ms),
        };
        let span = trace::select(selector);
        let mut found = span.in_scope(|| self.source.select_downsampled(&selection, self.budget))?;
        let read = self.count_read(&found);
        trace::selected(&span, found.len(), read);
        self.note_read(read);
        for DownsampledSeries { starts, .. } in &mut found {
            if self.options.start_timestamps == Feature::Disabled {
                *starts = StartTimestamps::default();
            }
        }
        if selector.histogram_stats {
            for found in &mut found {
                // Beside windows histograms stay whole: one reduced and one that is not do not compare.
                if !found.has_windows() {
                    keep_statistics(&mut found.series);
                }
                remove_before(&mut found.series, &mut found.starts, range.start_ms);
            }
            found.retain(|found| !found.is_empty());
        }
        Ok(found)
    }

    /// The range with what tells whether its first histogram follows a reset.
    fn range_to_read(&self, selector: &VectorSelector, range: TimeRange) -> TimeRange {
        if selector.histogram_stats {
            TimeRange::new(range.start_ms.saturating_sub(self.options.lookback_ms), range.end_ms)
        } else {
            range
        }
    }
}

/// Removes the samples before a time.
fn remove_before(series: &mut Series, starts: &mut StartTimestamps, start_ms: i64) {
    let floats = series.timestamps_ms.partition_point(|time| *time < start_ms);
    let histograms = series.histogram_timestamps_ms.partition_point(|time| *time < start_ms);
    series.timestamps_ms.drain(..floats);
    series.values.drain(..floats);
    series.histogram_timestamps_ms.drain(..histograms);
    series.histograms.drain(..histograms);
    starts.floats_ms.drain(..floats.min(starts.floats_ms.len()));
    starts.histograms_ms.drain(..histograms.min(starts.histograms_ms.len()));
}

/// Reduces histograms to count and sum. What their buckets tell of resets is kept as a hint
/// (`HistogramStatsIterator` in Prometheus).
fn keep_statistics(series: &mut Series) {
    let mut previous: Option<Arc<FloatHistogram>> = None;
    for slot in &mut series.histograms {
        if is_stale(slot.sum) {
            continue;
        }
        let hint = match (slot.counter_reset_hint, &previous) {
            (CounterResetHint::Unknown, Some(previous)) if detect_reset(slot, previous) => CounterResetHint::Reset,
            (CounterResetHint::Unknown, Some(_)) => CounterResetHint::NotReset,
            (hint, _) => hint,
        };
        let statistics = FloatHistogram {
            counter_reset_hint: hint,
            schema: slot.schema,
            count: slot.count,
            sum: slot.sum,
            custom_values: slot.custom_values.clone(),
            ..FloatHistogram::default()
        };
        previous = Some(std::mem::replace(slot, Arc::new(statistics)));
    }
}

/// For each step the newest sample not older than the lookback, unless it marks staleness.
pub(crate) fn newest(
    series: SeriesView<'_>,
    look_at: LookAt,
    lookback_ms: i64,
) -> impl Iterator<Item = Option<Found>> + '_ {
    let (mut floats_end, mut histograms_end) = (0, 0);
    let find = move |step: usize| {
        let time_ms = look_at.time(step);
        advance(series.timestamps_ms, &mut floats_end, time_ms);
        advance(series.histogram_timestamps_ms, &mut histograms_end, time_ms);
        let float = floats_end
            .checked_sub(1)
            .map(|at| (series.timestamps_ms[at], Found::Float(at)));
        let histogram = histograms_end
            .checked_sub(1)
            .map(|at| (series.histogram_timestamps_ms[at], Found::Histogram(at)));
        let (newest_ms, found) = match (float, histogram) {
            (Some(float), Some(histogram)) if histogram.0 >= float.0 => histogram,
            (Some(float), _) => float,
            (None, Some(histogram)) => histogram,
            (None, None) => return None,
        };
        let value = match found {
            Found::Float(at) => series.values[at],
            Found::Histogram(at) => series.histograms[at].sum,
        };
        let fresh = newest_ms > time_ms.saturating_sub(lookback_ms) && !is_stale(value);
        fresh.then_some(found)
    };
    (0..look_at.grid.len()).map(find)
}

/// As [`newest`] for a series without histograms: fills the slots of the steps that have a value.
pub(crate) fn newest_floats(view: &SeriesView<'_>, look_at: LookAt, lookback_ms: i64, slots: &mut [f64]) {
    let mut end = 0;
    for (step, slot) in slots.iter_mut().enumerate() {
        let time_ms = look_at.time(step);
        advance(view.timestamps_ms, &mut end, time_ms);
        let Some(at) = end.checked_sub(1) else { continue };
        // A marker of staleness is what an empty slot holds.
        if view.timestamps_ms[at] > time_ms.saturating_sub(lookback_ms) {
            *slot = view.values[at];
        }
    }
}

/// Moves `end` behind the last timestamp that is not after `time_ms`.
pub(crate) fn advance(timestamps_ms: &[i64], end: &mut usize, time_ms: i64) {
    while timestamps_ms.get(*end).is_some_and(|timestamp| *timestamp <= time_ms) {
        *end += 1;
    }
}

fn newest_column(series: &SeriesView<'_>, look_at: LookAt, lookback_ms: i64) -> Column {
    let mut column = Column::empty(series.labels.clone(), look_at.grid.len());
    if series.histograms.is_empty() {
        newest_floats(series, look_at, lookback_ms, &mut column.floats);
        return column;
    }
    for (step, found) in newest(*series, look_at, lookback_ms).enumerate() {
        match found {
            Some(Found::Float(at)) => column.floats[step] = series.values[at],
            Some(Found::Histogram(at)) => {
                column.set_histogram(step, Arc::clone(&series.histograms[at]));
            }
            None => {}
        }
    }
    column
}

/// For each step the value on the line between the samples around it.
fn smoothed_column(series: Series, look_at: LookAt, lookback_ms: i64) -> EvalResult<Column> {
    if !series.histograms.is_empty() {
        let message = "smoothed and anchored modifiers do not work with native histograms";
        return Err(EvalError::execution(message));
    }
    let points: Vec<(i64, f64)> = series
        .timestamps_ms
        .into_iter()
        .zip(series.values)
        .filter(|(_, value)| !is_stale(*value))
        .collect();
    let value = |step: usize| {
        let time_ms = look_at.time(step);
        let after = points.partition_point(|(timestamp, _)| *timestamp < time_ms);
        let before = after
            .checked_sub(1)
            .map(|at| points[at])
            .filter(|(timestamp, _)| *timestamp > time_ms - lookback_ms);
        let after = points
            .get(after)
            .filter(|(timestamp, _)| *timestamp <= time_ms + lookback_ms);
        match (before, after) {
            (_, Some((timestamp, value))) if *timestamp == time_ms => *value,
            (Some(before), Some(after)) => interpolate(before, *after, time_ms, false),
            (Some((_, value)), None) => value,
            (None, _) => NOTHING,
        }
    };
    let floats = (0..look_at.grid.len()).map(value).collect();
    Ok(Column::new(series.labels, floats))
}
