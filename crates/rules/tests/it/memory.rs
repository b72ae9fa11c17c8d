//! A metric store in memory under the PromQL engine, as the world of rules.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use skopos_core::metric::{
    AppendReport, Exemplar, MetricBatch, MetricMetadata, MetricSink, MetricSource, MetricValue, Selection, Series,
};
use skopos_core::sample::is_stale;
use skopos_core::{Labels, Matcher, QueryBudget, ReadError, TimeRange, WriteError};
use skopos_promql::{Engine, EngineOptions};
use skopos_rules::PromqlIo;

/// The store and the engine.
#[derive(Debug)]
pub(crate) struct World {
    series: Mutex<BTreeMap<Labels, Vec<(i64, f64)>>>,
    engine: Engine,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            series: Mutex::new(BTreeMap::new()),
            engine: Engine::new(EngineOptions::default()),
        }
    }

    /// The world as rules see it.
    pub(crate) fn io(&self) -> PromqlIo<'_> {
        PromqlIo {
            engine: &self.engine,
            source: self,
            sink: self,
            budget: Arc::new(QueryBudget::unbounded),
        }
    }

    pub(crate) fn put(&self, labels: &[(&str, &str)], timestamp_ms: i64, value: f64) {
        let labels = Labels::from_pairs(labels.iter().copied());
        self.series
            .lock()
            .expect("no panic")
            .entry(labels)
            .or_default()
            .push((timestamp_ms, value));
    }

    /// All samples of one series; staleness markers as `None`.
    pub(crate) fn samples(&self, labels: &[(&str, &str)]) -> Vec<(i64, Option<f64>)> {
        let labels = Labels::from_pairs(labels.iter().copied());
        let series = self.series.lock().expect("no panic");
        let samples = series.get(&labels).cloned().unwrap_or_default();
        samples
            .into_iter()
            .map(|(t, v)| (t, (!is_stale(v)).then_some(v)))
            .collect()
    }
}

impl MetricSink for World {
    fn append(&self, batch: MetricBatch) -> Result<AppendReport, WriteError> {
        let mut report = AppendReport::default();
        for series in batch.series {
            for sample in series.samples {
                if let MetricValue::Float(value) = sample.value {
                    let mut all = self.series.lock().expect("no panic");
                    all.entry(series.labels.clone())
                        .or_default()
                        .push((sample.timestamp_ms, value));
                    report.stored += 1;
                }
            }
        }
        Ok(report)
    }
}

impl MetricSource for World {
    fn select(&self, selection: &Selection<'_>, budget: &QueryBudget) -> Result<Vec<Series>, ReadError> {
        let mut found = Vec::new();
        for (labels, samples) in &*self.series.lock().expect("no panic") {
            if !selection.matchers.iter().all(|matcher| matcher.matches_labels(labels)) {
                continue;
            }
            let within = samples
                .iter()
                .filter(|(timestamp_ms, _)| selection.range.contains(*timestamp_ms));
            let (timestamps_ms, values): (Vec<i64>, Vec<f64>) = within.copied().unzip();
            budget.charge(values.len(), "select").map_err(ReadError::from)?;
            if !values.is_empty() {
                found.push(Series {
                    labels: labels.clone(),
                    timestamps_ms,
                    values,
                    ..Series::default()
                });
            }
        }
        Ok(found)
    }

    fn series(&self, _matchers: &[Matcher], _range: TimeRange) -> Result<Vec<Labels>, ReadError> {
        Ok(Vec::new())
    }

    fn label_names(&self, _matchers: &[Matcher], _range: TimeRange) -> Result<Vec<String>, ReadError> {
        Ok(Vec::new())
    }

    fn label_values(&self, _: &str, _: &[Matcher], _: TimeRange) -> Result<Vec<String>, ReadError> {
        Ok(Vec::new())
    }

    fn exemplars(&self, _: &[Matcher], _: TimeRange) -> Result<Vec<(Labels, Vec<Exemplar>)>, ReadError> {
        Ok(Vec::new())
    }

    fn metadata(&self, _metric: Option<&str>) -> Result<Vec<MetricMetadata>, ReadError> {
        Ok(Vec::new())
    }
}
