//! Recording rules: a query whose result is stored under a new name.

use std::collections::HashSet;

use skopos_core::LabelsBuilder;
use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::SeriesBatch;

use crate::file::RuleSpec;
use crate::io::RuleSample;
use crate::rule::series_batch;

/// The labels that a recording rule sets.
#[derive(Debug)]
pub(crate) struct RecordingRule {
    name: String,
    labels: Vec<(String, String)>,
}

impl RecordingRule {
    pub(crate) fn new(spec: &RuleSpec) -> Self {
        Self {
            name: spec.name.clone(),
            labels: spec.labels.clone().into_iter().collect(),
        }
    }

    /// The series that a result makes (`RecordingRule.Eval`).
    pub(crate) fn evaluate(
        &self,
        samples: Vec<RuleSample>,
        time_ms: i64,
        limit: usize,
    ) -> Result<Vec<SeriesBatch>, String> {
        let mut seen = HashSet::with_capacity(samples.len());
        let mut series = Vec::with_capacity(samples.len());
        for sample in samples {
            let mut builder = LabelsBuilder::from_labels(&sample.labels);
            builder.set(METRIC_NAME, &self.name);
            for (name, value) in &self.labels {
                builder.set(name, value);
            }
            let labels = builder.build();
            if !seen.insert(labels.clone()) {
                return Err("vector contains metrics with the same labelset after applying rule labels".to_owned());
            }
            series.push(series_batch(labels, time_ms, sample.value));
        }
        if limit > 0 && series.len() > limit {
            return Err(format!("exceeded limit of {limit} with {} series", series.len()));
        }
        Ok(series)
    }
}
