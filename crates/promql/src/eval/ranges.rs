//! Range vectors: what a range selector or a subquery gives to a function.

use std::sync::Arc;

use skopos_core::TimeRange;
use skopos_core::histogram::CounterResetHint;
use skopos_core::metric::{DownsampledSeries, Series, SeriesView, StartTimestamps};
use skopos_core::sample::is_stale;

use super::column::Grid;
use super::downsampled::Windows;
use super::resolve::at_ms;
use super::select::LookAt;
use super::window::extend_series;
use super::{EvalResult, Evaluator, Frame};
use crate::ast::{Expr, MatrixSelector, SubqueryExpr};
use crate::eval_error::EvalError;
use crate::functions::extended::Extension;

/// Buckets of a common native histogram.
const HISTOGRAM_BUCKETS: usize = 64;

/// A series of a range vector.
#[derive(Debug, Clone, Default)]
pub(crate) struct RangeSeries {
    pub(crate) series: Series,
    /// Empty where unknown.
    pub(crate) starts: StartTimestamps,
    /// What the store keeps in place of samples.
    pub(crate) windows: Windows,
    /// The metric's name no longer fits the values.
    pub(crate) drop_name: bool,
}

impl RangeSeries {
    /// A series as the store gave it.
    pub(crate) fn of_store(read: DownsampledSeries) -> Self {
        let DownsampledSeries {
            series,
            starts,
            windows,
            histogram_windows,
        } = read;
        Self {
            series,
            starts,
            windows: Windows {
                floats: windows,
                histograms: histogram_windows,
            },
            drop_name: false,
        }
    }

    pub(super) fn view(&self) -> RangeView<'_> {
        RangeView {
            series: SeriesView::from(&self.series),
            float_starts: &self.starts.floats_ms,
            histogram_starts: &self.starts.histograms_ms,
        }
    }

    fn values(&self) -> usize {
        let histograms = self.series.histograms.len() + self.windows.histograms.len();
        self.series.values.len() + self.windows.floats.len() + histograms * HISTOGRAM_BUCKETS
    }

    /// The same with samples alone, those known of windows among them.
    fn in_samples(self) -> Self {
        let read = DownsampledSeries {
            series: self.series,
            starts: self.starts,
            windows: self.windows.floats,
            histogram_windows: self.windows.histograms,
        };
        let (series, starts) = read.into_samples();
        Self {
            series,
            starts,
            windows: Windows::default(),
            drop_name: self.drop_name,
        }
    }
}

/// A series of a range vector as what computes its windows sees it.
#[derive(Clone, Copy)]
pub(super) struct RangeView<'a> {
    pub(super) series: SeriesView<'a>,
    /// Empty where unknown.
    pub(super) float_starts: &'a [i64],
    /// Empty where unknown.
    pub(super) histogram_starts: &'a [i64],
}

/// The series of a range vector and the times its windows end at.
pub(crate) struct Ranges {
    pub(crate) series: Vec<RangeSeries>,
    pub(crate) extension: Option<Extension>,
    look_at: LookAt,
    range_ms: i64,
    lookback_ms: i64,
}

impl Ranges {
    /// The window of a step: after the first time, up to the second.
    pub(crate) fn bounds(&self, step: usize) -> (i64, i64) {
        let end_ms = self.look_at.time(step);
        (end_ms.saturating_sub(self.range_ms), end_ms)
    }

    /// The samples that a step may use, as [`Ranges::bounds`]: extended windows look beyond.
    pub(crate) fn reach(&self, step: usize) -> (i64, i64) {
        let (start_ms, end_ms) = self.bounds(step);
        match self.extension {
            None => (start_ms, end_ms),
            Some(Extension::Anchored) => (start_ms.saturating_sub(self.lookback_ms), end_ms),
            Some(Extension::Smoothed) => (
                start_ms.saturating_sub(self.lookback_ms),
                end_ms.saturating_add(self.lookback_ms),
            ),
        }
    }

    /// The samples that all steps of `grid` may use.
    pub(super) fn to_read(&self, grid: Grid) -> TimeRange {
        let last_step = grid.len().saturating_sub(1);
        let (after_ms, end_ms) = (self.reach(0).0, self.reach(last_step).1);
        TimeRange::new(after_ms.saturating_add(1), end_ms)
    }

    /// About how many values all windows have, a histogram counting for as many as it has buckets.
    pub(super) fn values_looked_at(&self, grid: Grid) -> usize {
        let read = self.to_read(grid);
        let part_of_a_window = self.range_ms as f64 / (read.end_ms.saturating_sub(read.start_ms)).max(1) as f64;
        let held: usize = self.series.iter().map(RangeSeries::values).sum();
        (held as f64 * (1.0 + grid.len() as f64 * part_of_a_window.min(1.0))) as usize
    }
}

/// The windows of a range selector, without series yet.
pub(super) fn windows_of(matrix: &MatrixSelector, grid: Grid, lookback_ms: i64) -> Ranges {
    let selector = &matrix.selector;
    let extension = if selector.anchored {
        Some(Extension::Anchored)
    } else if selector.smoothed {
        Some(Extension::Smoothed)
    } else {
        None
    };
    Ranges {
        series: Vec::new(),
        extension,
        look_at: LookAt::new(selector, grid),
        range_ms: matrix.range.ms,
        lookback_ms,
    }
}

/// The samples that a range selector reads for all steps.
pub(super) fn range_to_read(matrix: &MatrixSelector, grid: Grid, lookback_ms: i64) -> TimeRange {
    windows_of(matrix, grid, lookback_ms).to_read(grid)
}

fn look_at_of(subquery: &SubqueryExpr, grid: Grid) -> LookAt {
    LookAt {
        grid,
        at_ms: at_ms(subquery.at),
        offset_ms: subquery.offset.ms,
    }
}

/// The steps at which a subquery evaluates what is in it. The first is the first multiple of its
/// step after the oldest window's start.
pub(super) fn subquery_grid(subquery: &SubqueryExpr, grid: Grid, default_step_ms: i64) -> Grid {
    let look_at = look_at_of(subquery, grid);
    let step_ms = subquery.step.as_ref().map_or(default_step_ms, |step| step.ms).max(1);
    let after_ms = look_at.first().saturating_sub(subquery.range.ms);
    let start_ms = after_ms.div_euclid(step_ms).saturating_add(1).saturating_mul(step_ms);
    Grid::new(start_ms, look_at.last(), step_ms)
}

impl Evaluator<'_> {
    /// The samples of a range vector at one time, as an instant query returns them.
    pub(crate) fn range_vector(&self, expr: &Expr, frame: Frame) -> EvalResult<Vec<Series>> {
        let mut ranges = self.ranges(expr, frame)?;
        if ranges.series.iter().any(|series| !series.windows.is_empty()) {
            let range = ranges.to_read(frame.grid);
            let in_samples = |series: RangeSeries| {
                let mut series = series.in_samples();
                remove_stale(&mut series);
                keep_in(&mut series.series, range);
                series
            };
            let all = std::mem::take(&mut ranges.series).into_iter();
            ranges.series = all.map(in_samples).collect();
        }
        if let Some(extension) = ranges.extension {
            let series = std::mem::take(&mut ranges.series);
            ranges.series = series
                .into_iter()
                .map(|series| extend_series(series, &ranges, extension))
                .collect::<EvalResult<_>>()?;
        }
        let series = ranges.series.into_iter().map(|series| series.series);
        Ok(series.filter(|series| !series.is_empty()).collect())
    }

    pub(crate) fn ranges(&self, expr: &Expr, frame: Frame) -> EvalResult<Ranges> {
        let mut ranges = match expr.unwrap_parens() {
            Expr::Matrix(matrix) => self.range_selector(matrix, frame)?,
            Expr::Subquery(subquery) => self.subquery(subquery, frame)?,
            _ => return Err(EvalError::execution("expected a range vector")),
        };
        for series in &mut ranges.series {
            remove_stale(series);
        }
        ranges
            .series
            .retain(|series| !series.series.is_empty() || !series.windows.is_empty());
        Ok(ranges)
    }

    fn range_selector(&self, matrix: &MatrixSelector, frame: Frame) -> EvalResult<Ranges> {
        let mut ranges = windows_of(matrix, frame.grid, self.options.lookback_ms);
        let range = ranges.to_read(frame.grid);
        let found = self.select_downsampled(&matrix.selector, range, frame.grid.spacing_ms(), ranges.range_ms)?;
        let series = found.into_iter().map(RangeSeries::of_store);
        ranges.series = match ranges.extension {
            None => series.collect(),
            Some(_) => series.map(RangeSeries::in_samples).collect(),
        };
        Ok(ranges)
    }

    fn subquery(&self, subquery: &SubqueryExpr, frame: Frame) -> EvalResult<Ranges> {
        let look_at = look_at_of(subquery, frame.grid);
        let grid = subquery_grid(subquery, frame.grid, self.options.subquery_step_ms);
        self.check_room(1, grid.len())?;
        let columns = if grid.len() == 0 {
            Vec::new()
        } else {
            let inner = Frame {
                grid,
                query: frame.query,
            };
            self.eval_vector(&subquery.expr, inner)?
        };
        let series = columns.into_iter().map(|column| RangeSeries {
            drop_name: column.drop_name,
            series: forgetting_resets(column.into_series(grid)),
            starts: StartTimestamps::default(),
            windows: Windows::default(),
        });
        Ok(Ranges {
            series: series.collect(),
            extension: None,
            look_at,
            range_ms: subquery.range.ms,
            lookback_ms: self.options.lookback_ms,
        })
    }
}

/// Keeps the samples in a range of time.
fn keep_in(series: &mut Series, range: TimeRange) {
    let keep: Vec<bool> = series.timestamps_ms.iter().map(|time| range.contains(*time)).collect();
    retain(&mut series.timestamps_ms, &keep);
    retain(&mut series.values, &keep);
    let times = series.histogram_timestamps_ms.iter();
    let keep: Vec<bool> = times.map(|time| range.contains(*time)).collect();
    retain(&mut series.histogram_timestamps_ms, &keep);
    retain(&mut series.histograms, &keep);
}

/// Copies the floats that are no staleness markers.
pub(super) fn remove_stale_floats(view: &SeriesView<'_>, times: &mut Vec<i64>, values: &mut Vec<f64>) {
    let fresh = || view.values.iter().map(|value| !is_stale(*value));
    times.clear();
    values.clear();
    times.extend(
        view.timestamps_ms
            .iter()
            .zip(fresh())
            .filter_map(|(time, is_fresh)| is_fresh.then_some(*time)),
    );
    values.extend(view.values.iter().filter(|value| !is_stale(**value)));
}

fn remove_stale(range: &mut RangeSeries) {
    let RangeSeries { series, starts, .. } = range;
    if series.values.iter().any(|value| is_stale(*value)) {
        let keep: Vec<bool> = series.values.iter().map(|value| !is_stale(*value)).collect();
        retain(&mut series.timestamps_ms, &keep);
        retain(&mut series.values, &keep);
        retain(&mut starts.floats_ms, &keep);
    }
    if series.histograms.iter().any(|histogram| is_stale(histogram.sum)) {
        let fresh = series.histograms.iter().map(|histogram| !is_stale(histogram.sum));
        let keep: Vec<bool> = fresh.collect();
        retain(&mut series.histogram_timestamps_ms, &keep);
        retain(&mut series.histograms, &keep);
        retain(&mut starts.histograms_ms, &keep);
    }
}

/// Keeps the items whose flag is set; `items` may be shorter than the flags, or empty.
fn retain<T>(items: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    items.retain(|_| keep.next().copied().unwrap_or(true));
}

/// Hints about resets between samples do not hold between the steps of a subquery.
fn forgetting_resets(mut series: Series) -> Series {
    for histogram in &mut series.histograms {
        if matches!(
            histogram.counter_reset_hint,
            CounterResetHint::Reset | CounterResetHint::NotReset
        ) {
            Arc::make_mut(histogram).counter_reset_hint = CounterResetHint::Unknown;
        }
    }
    series
}
