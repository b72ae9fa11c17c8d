//! A metric store in memory: the world of rule unit tests, proofs and engine scripts.
//!
//! Series are found by metric name, samples lie sorted by time. Histograms are given back with the
//! counter-reset hints that Prometheus' store would give.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use parking_lot::RwLock;
use skopos_core::histogram::{CounterResetHint, FloatHistogram};
use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::{
    AppendReport, Exemplar, MetricBatch, MetricMetadata, MetricSink, MetricSource, MetricValue, Selection, Series,
    StartTimestamps,
};
use skopos_core::sample::is_stale;
use skopos_core::{Labels, MatchOp, Matcher, QueryBudget, ReadError, TimeRange, WriteError};
use skopos_promql::detect_reset;

/// A sample with the start timestamp of its counter.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The value.
    pub value: MetricValue,
    /// When its counting began, in Unix milliseconds; 0 where unknown.
    pub start_ms: i64,
}

type Samples = Vec<(i64, Stored)>;

/// Series by metric name and labels.
#[derive(Debug, Default)]
pub struct MemoryStore {
    metrics: RwLock<BTreeMap<String, BTreeMap<Labels, Samples>>>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a float at a time; what was there is replaced.
    pub fn put(&self, labels: &Labels, timestamp_ms: i64, value: f64) {
        let value = MetricValue::Float(value);
        self.insert(labels, timestamp_ms, Stored { value, start_ms: 0 });
    }

    /// Puts a sample at a time; what was there is replaced.
    pub fn insert(&self, labels: &Labels, timestamp_ms: i64, mut sample: Stored) {
        let mut metrics = self.metrics.write();
        let samples = samples_mut(&mut metrics, labels);
        let at = samples.partition_point(|(time_ms, _)| *time_ms < timestamp_ms);
        hint(
            &mut sample.value,
            at.checked_sub(1).map(|before| &samples[before].1.value),
        );
        match samples.get_mut(at) {
            Some((time_ms, there)) if *time_ms == timestamp_ms => *there = sample,
            _ => samples.insert(at, (timestamp_ms, sample)),
        }
    }

    /// All samples of one series, staleness markers included.
    #[must_use]
    pub fn samples(&self, labels: &Labels) -> Vec<(i64, MetricValue)> {
        let metrics = self.metrics.read();
        let samples = metrics.get(labels.metric_name()).and_then(|metric| metric.get(labels));
        let samples = samples.into_iter().flatten();
        samples
            .map(|(time_ms, sample)| (*time_ms, sample.value.clone()))
            .collect()
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.metrics.write().clear();
    }

    /// Calls `visit` for every series that matches and has samples in the range.
    fn for_each(&self, matchers: &[Matcher], range: TimeRange, mut visit: impl FnMut(&Labels, &[(i64, Stored)])) {
        let metrics = self.metrics.read();
        let mut look_into = |metric: &BTreeMap<Labels, Samples>| {
            for (labels, samples) in metric {
                if !matchers.iter().all(|matcher| matcher.matches_labels(labels)) {
                    continue;
                }
                let start = samples.partition_point(|(time_ms, _)| *time_ms < range.start_ms);
                let end = samples.partition_point(|(time_ms, _)| *time_ms <= range.end_ms);
                if start < end {
                    visit(labels, &samples[start..end]);
                }
            }
        };
        match matchers.iter().find(|matcher| is_name(matcher)) {
            Some(name) => metrics.get(name.value()).into_iter().for_each(&mut look_into),
            None => metrics.values().for_each(&mut look_into),
        }
    }
}

fn is_name(matcher: &Matcher) -> bool {
    matcher.name() == METRIC_NAME && matcher.op() == MatchOp::Equal
}

fn samples_mut<'a>(metrics: &'a mut BTreeMap<String, BTreeMap<Labels, Samples>>, labels: &Labels) -> &'a mut Samples {
    let metric = match metrics.entry(labels.metric_name().to_owned()) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) => entry.insert(BTreeMap::new()),
    };
    metric.entry(labels.clone()).or_default()
}

/// Sets the hint with which Prometheus' store gives a histogram back: within a chunk there is no
/// reset, and of the first of a chunk nothing is known.
fn hint(value: &mut MetricValue, previous: Option<&MetricValue>) {
    if let MetricValue::Histogram(histogram) = value {
        let hint = stored_hint(histogram, previous);
        if hint != histogram.counter_reset_hint {
            Arc::make_mut(histogram).counter_reset_hint = hint;
        }
    }
}

fn stored_hint(histogram: &FloatHistogram, previous: Option<&MetricValue>) -> CounterResetHint {
    if histogram.counter_reset_hint == CounterResetHint::Gauge {
        return CounterResetHint::Gauge;
    }
    let Some(MetricValue::Histogram(previous)) = previous else {
        return CounterResetHint::Unknown;
    };
    let same_layout = previous.schema == histogram.schema
        && previous.zero_threshold.to_bits() == histogram.zero_threshold.to_bits()
        && previous.custom_values == histogram.custom_values;
    let is_gauge = previous.counter_reset_hint == CounterResetHint::Gauge;
    if same_layout && !is_gauge && !is_stale(previous.sum) && !detect_reset(histogram, previous) {
        CounterResetHint::NotReset
    } else {
        CounterResetHint::Unknown
    }
}

fn read(labels: &Labels, samples: &[(i64, Stored)]) -> (Series, StartTimestamps) {
    let mut starts = StartTimestamps::default();
    let mut series = Series {
        labels: labels.clone(),
        ..Series::default()
    };
    for (time, sample) in samples {
        match &sample.value {
            MetricValue::Float(value) => {
                series.timestamps_ms.push(*time);
                series.values.push(*value);
                starts.floats_ms.push(sample.start_ms);
            }
            MetricValue::Histogram(histogram) => {
                series.histogram_timestamps_ms.push(*time);
                series.histograms.push(Arc::clone(histogram));
                starts.histograms_ms.push(sample.start_ms);
            }
        }
    }
    (series, starts)
}

/// As Prometheus' store: samples that are older than the newest of their series, or say another
/// value for its time, are refused.
impl MetricSink for MemoryStore {
    fn append(&self, batch: MetricBatch) -> Result<AppendReport, WriteError> {
        let mut report = AppendReport::default();
        let mut metrics = self.metrics.write();
        for series in batch.series {
            let samples = samples_mut(&mut metrics, &series.labels);
            for sample in series.samples {
                let last = samples.last();
                match last {
                    Some((time_ms, _)) if *time_ms > sample.timestamp_ms => {
                        report.refuse("out_of_order", || format!("out of order sample for {}", series.labels));
                        continue;
                    }
                    Some((time_ms, there)) if *time_ms == sample.timestamp_ms => {
                        if is_same(&there.value, &sample.value) {
                            report.stored += 1;
                        } else {
                            report.refuse("duplicate", || {
                                format!("duplicate sample for timestamp of {}", series.labels)
                            });
                        }
                        continue;
                    }
                    _ => {}
                }
                let mut value = sample.value;
                hint(&mut value, last.map(|(_, sample)| &sample.value));
                samples.push((sample.timestamp_ms, Stored { value, start_ms: 0 }));
                report.stored += 1;
            }
        }
        Ok(report)
    }
}

fn is_same(there: &MetricValue, new: &MetricValue) -> bool {
    match (there, new) {
        (MetricValue::Float(there), MetricValue::Float(new)) => there.to_bits() == new.to_bits(),
        _ => there == new,
    }
}

impl MetricSource for MemoryStore {
    fn select(&self, selection: &Selection<'_>, budget: &QueryBudget) -> Result<Vec<Series>, ReadError> {
        let found = self.select_started(selection, budget)?;
        Ok(found.into_iter().map(|(series, _)| series).collect())
    }

    fn select_started(
        &self,
        selection: &Selection<'_>,
        budget: &QueryBudget,
    ) -> Result<Vec<(Series, StartTimestamps)>, ReadError> {
        let mut found = Vec::new();
        let mut charged = Ok(());
        self.for_each(selection.matchers, selection.range, |labels, samples| {
            if charged.is_ok() {
                charged = budget.charge(samples.len(), "expanding series");
                found.push(read(labels, samples));
            }
        });
        charged?;
        found.sort_by(|a, b| a.0.labels.cmp(&b.0.labels));
        Ok(found)
    }

    fn series(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<Labels>, ReadError> {
        let mut series = Vec::new();
        self.for_each(matchers, range, |labels, _| series.push(labels.clone()));
        series.sort();
        Ok(series)
    }

    fn label_names(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, ReadError> {
        let mut names = Vec::new();
        self.for_each(matchers, range, |labels, _| {
            names.extend(labels.iter().map(|(name, _)| name.to_owned()));
        });
        names.sort();
        names.dedup();
        Ok(names)
    }

    fn label_values(&self, name: &str, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, ReadError> {
        let mut values = Vec::new();
        self.for_each(matchers, range, |labels, _| {
            values.extend(labels.find(name).map(str::to_owned));
        });
        values.sort();
        values.dedup();
        Ok(values)
    }

    fn exemplars(&self, _: &[Matcher], _: TimeRange) -> Result<Vec<(Labels, Vec<Exemplar>)>, ReadError> {
        Ok(Vec::new())
    }

    fn metadata(&self, _: Option<&str>) -> Result<Vec<MetricMetadata>, ReadError> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests;
