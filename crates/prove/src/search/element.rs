//! The elements of a result.

use skopos_core::Labels;
use skopos_core::metric::MetricValue;
use skopos_promql::Value;

/// One element of a result.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Element {
    pub(crate) labels: Labels,
    pub(crate) value: f64,
}

/// The elements of a value; a scalar is one without labels.
pub(crate) fn elements(value: Value) -> Vec<Element> {
    match value {
        Value::Scalar { value, .. } => vec![Element {
            labels: Labels::empty(),
            value,
        }],
        Value::Vector(samples) => samples
            .into_iter()
            .map(|sample| Element {
                labels: sample.labels,
                value: match sample.value {
                    MetricValue::Float(value) => value,
                    // Of histograms the number of observations.
                    MetricValue::Histogram(histogram) => histogram.count,
                },
            })
            .collect(),
        Value::String { .. } | Value::Matrix(_) => Vec::new(),
    }
}
