//! Grids of steps, and series with a slot per step.

use std::sync::Arc;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use skopos_core::Labels;
use skopos_core::histogram::FloatHistogram;
use skopos_core::metric::{MetricValue, Series};
use skopos_core::sample::{STALE_NAN, is_stale};

use crate::eval::EvalResult;
use crate::eval_error::EvalError;

/// Evenly spaced times, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::struct_field_names, reason = "the unit is part of the name")]
pub(crate) struct Grid {
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    /// Above zero; of no meaning where there is one step.
    pub(crate) step_ms: i64,
}

impl Grid {
    pub(crate) const fn new(start_ms: i64, end_ms: i64, step_ms: i64) -> Self {
        Self {
            start_ms,
            end_ms,
            step_ms,
        }
    }

    /// A single step.
    pub(crate) const fn instant(time_ms: i64) -> Self {
        Self::new(time_ms, time_ms, 1)
    }

    /// Number of steps.
    pub(crate) fn len(&self) -> usize {
        if self.end_ms < self.start_ms {
            return 0;
        }
        ((self.end_ms - self.start_ms) / self.step_ms) as usize + 1
    }

    pub(crate) fn is_instant(&self) -> bool {
        self.start_ms == self.end_ms
    }

    /// Time between steps, as reads are told it: 0 where there is one.
    pub(crate) fn spacing_ms(&self) -> i64 {
        if self.is_instant() { 0 } else { self.step_ms }
    }

    pub(crate) fn time(&self, step: usize) -> i64 {
        self.start_ms + step as i64 * self.step_ms
    }

    pub(crate) fn times(self) -> impl Iterator<Item = i64> {
        (0..self.len()).map(move |step| self.time(step))
    }
}

/// A series with a slot per step. A slot holds a float, a histogram or nothing; nothing is the
/// staleness marker among the floats, which no evaluation yields.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) labels: Labels,
    /// The metric's name no longer fits the values.
    pub(crate) drop_name: bool,
    pub(crate) floats: Vec<f64>,
    /// As long as `floats`, or empty where the series has no histogram.
    pub(crate) histograms: Vec<Option<Arc<FloatHistogram>>>,
}

/// What a slot marks as empty.
pub(crate) const NOTHING: f64 = STALE_NAN;

impl Column {
    pub(crate) fn new(labels: Labels, floats: Vec<f64>) -> Self {
        Self {
            labels,
            drop_name: false,
            floats,
            histograms: Vec::new(),
        }
    }

    /// A column of empty slots.
    pub(crate) fn empty(labels: Labels, steps: usize) -> Self {
        Self::new(labels, vec![NOTHING; steps])
    }

    pub(crate) fn histogram(&self, step: usize) -> Option<&Arc<FloatHistogram>> {
        self.histograms.get(step).and_then(Option::as_ref)
    }

    pub(crate) fn float(&self, step: usize) -> Option<f64> {
        Some(self.floats[step]).filter(|value| !is_stale(*value))
    }

    pub(crate) fn has(&self, step: usize) -> bool {
        !is_stale(self.floats[step]) || self.histogram(step).is_some()
    }

    pub(crate) fn value(&self, step: usize) -> Option<MetricValue> {
        match self.histogram(step) {
            Some(histogram) => Some(MetricValue::Histogram(Arc::clone(histogram))),
            None => self.float(step).map(MetricValue::Float),
        }
    }

    pub(crate) fn set(&mut self, step: usize, value: MetricValue) {
        match value {
            MetricValue::Float(value) => self.floats[step] = value,
            MetricValue::Histogram(histogram) => self.set_histogram(step, histogram),
        }
    }

    pub(crate) fn set_histogram(&mut self, step: usize, histogram: Arc<FloatHistogram>) {
        if self.histograms.is_empty() {
            self.histograms = vec![None; self.floats.len()];
        }
        self.histograms[step] = Some(histogram);
    }

    pub(crate) fn clear(&mut self, step: usize) {
        self.floats[step] = NOTHING;
        if let Some(slot) = self.histograms.get_mut(step) {
            *slot = None;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        (0..self.floats.len()).all(|step| !self.has(step))
    }

    pub(crate) fn map_floats(&mut self, map: impl Fn(f64) -> f64) {
        for value in self.floats.iter_mut().filter(|value| !is_stale(**value)) {
            *value = map(*value);
        }
    }

    pub(crate) fn map_histograms(&mut self, map: impl Fn(&FloatHistogram) -> FloatHistogram) {
        for histogram in self.histograms.iter_mut().flatten() {
            *histogram = Arc::new(map(histogram));
        }
    }

    /// Repeats the first slot.
    pub(crate) fn broadcast(mut self, steps: usize) -> Self {
        self.floats.truncate(1);
        self.floats.resize(steps, self.floats[0]);
        if let Some(first) = self.histograms.first().cloned() {
            self.histograms = vec![first; steps];
        }
        self
    }

    /// The filled slots as samples.
    pub(crate) fn into_series(self, grid: Grid) -> Series {
        let mut series = Series {
            labels: self.labels,
            ..Series::default()
        };
        for (step, time_ms) in grid.times().enumerate() {
            if let Some(histogram) = self.histograms.get(step).and_then(Option::as_ref) {
                series.histogram_timestamps_ms.push(time_ms);
                series.histograms.push(Arc::clone(histogram));
            } else if !is_stale(self.floats[step]) {
                series.timestamps_ms.push(time_ms);
                series.values.push(self.floats[step]);
            }
        }
        series
    }
}

/// Labels that say what a metric is, which results of arithmetic no longer are.
pub(crate) const METADATA_LABELS: [&str; 3] = ["__name__", "__type__", "__unit__"];

pub(crate) fn without_metadata(labels: &Labels) -> Labels {
    if labels.iter().any(|(name, _)| METADATA_LABELS.contains(&name)) {
        labels.without(&METADATA_LABELS)
    } else {
        labels.clone()
    }
}

fn same_labels() -> EvalError {
    EvalError::execution("vector cannot contain metrics with the same labelset")
}

/// Merges columns of one label set; an error if two fill one step.
pub(crate) fn merge_same(columns: Vec<Column>) -> EvalResult<Vec<Column>> {
    let mut merged: Vec<Column> = Vec::with_capacity(columns.len());
    let mut positions: HashMap<Labels, usize> = HashMap::with_capacity(columns.len());
    for column in columns {
        match positions.entry(column.labels.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(merged.len());
                merged.push(column);
            }
            Entry::Occupied(entry) => merge_into(&mut merged[*entry.get()], &column)?,
        }
    }
    Ok(merged)
}

fn merge_into(target: &mut Column, other: &Column) -> EvalResult<()> {
    for step in 0..other.floats.len() {
        let Some(value) = other.value(step) else {
            continue;
        };
        if target.has(step) {
            return Err(same_labels());
        }
        target.set(step, value);
    }
    Ok(())
}
