//! The store of a script: series in memory with start timestamps.

use std::collections::BTreeMap;
use std::sync::Arc;

use skopos_core::histogram::{CounterResetHint, FloatHistogram};
use skopos_core::metric::{Exemplar, MetricMetadata, MetricSource, MetricValue, Selection, Series, StartTimestamps};
use skopos_core::sample::is_stale;
use skopos_core::{Labels, Matcher, QueryBudget, ReadError, TimeRange};
use skopos_promql::detect_reset;

/// A sample with the start timestamp of its counter; 0 where unknown.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) value: MetricValue,
    pub(super) start_ms: i64,
}

/// Series by labels, samples by time.
#[derive(Debug, Default)]
pub(super) struct Store {
    series: BTreeMap<Labels, BTreeMap<i64, Stored>>,
}

impl Store {
    pub(super) fn insert(&mut self, labels: &Labels, timestamp_ms: i64, mut sample: Stored) {
        let series = self.series.entry(labels.clone()).or_default();
        if let MetricValue::Histogram(histogram) = &mut sample.value {
            let previous = series
                .range(..timestamp_ms)
                .next_back()
                .map(|(_, sample)| &sample.value);
            let hint = stored_hint(histogram, previous);
            if hint != histogram.counter_reset_hint {
                Arc::make_mut(histogram).counter_reset_hint = hint;
            }
        }
        series.insert(timestamp_ms, sample);
    }

    fn matching<'a>(
        &'a self,
        matchers: &'a [Matcher],
        range: TimeRange,
    ) -> impl Iterator<Item = (&'a Labels, Vec<(i64, &'a Stored)>)> {
        self.series
            .iter()
            .filter(|(labels, _)| matchers.iter().all(|matcher| matcher.matches_labels(labels)))
            .map(move |(labels, samples)| {
                let within = samples.iter().filter(|(time, _)| range.contains(**time));
                (labels, within.map(|(time, sample)| (*time, sample)).collect())
            })
            .filter(|(_, samples): &(_, Vec<_>)| !samples.is_empty())
    }
}

/// The hint with which Prometheus' store gives a histogram back: within a chunk there is no
/// reset, and of the first of a chunk nothing is known.
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

fn read(labels: &Labels, samples: &[(i64, &Stored)]) -> (Series, StartTimestamps) {
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

impl MetricSource for Store {
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
        for (labels, samples) in self.matching(selection.matchers, selection.range) {
            budget.charge(samples.len(), "expanding series")?;
            found.push(read(labels, &samples));
        }
        Ok(found)
    }

    fn series(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<Labels>, ReadError> {
        Ok(self
            .matching(matchers, range)
            .map(|(labels, _)| labels.clone())
            .collect())
    }

    fn label_names(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, ReadError> {
        let all = self.matching(matchers, range);
        let mut names: Vec<String> = all
            .flat_map(|(labels, _)| labels.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>())
            .collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    fn label_values(&self, name: &str, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, ReadError> {
        let all = self.matching(matchers, range);
        let mut values: Vec<String> = all
            .filter_map(|(labels, _)| labels.find(name).map(str::to_owned))
            .collect();
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
