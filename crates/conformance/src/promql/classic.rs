//! `load_with_nhcb`: native histograms with custom buckets built from classic ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use skopos_core::histogram::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Span};
use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::MetricValue;
use skopos_core::{Labels, LabelsBuilder};

use super::script::Loaded;

const BUCKET_LABEL: &str = "le";

/// The parts of a classic histogram at one step.
#[derive(Debug, Default)]
struct Parts {
    /// Bounds and cumulative counts.
    buckets: Vec<(f64, f64)>,
    sum: f64,
    count: Option<f64>,
}

/// The histograms that the classic series among `loaded` make.
pub(super) fn histograms(loaded: &[Loaded]) -> Result<Vec<Loaded>, String> {
    let mut all: BTreeMap<Labels, BTreeMap<usize, Parts>> = BTreeMap::new();
    for series in loaded {
        collect(series, &mut all);
    }
    let mut made = Vec::new();
    for (labels, steps) in all {
        let length = steps.keys().next_back().map_or(0, |step| step + 1);
        let mut values = vec![None; length];
        for (step, parts) in steps {
            if !parts.buckets.is_empty() || parts.count.is_some() {
                values[step] = Some(MetricValue::Histogram(Arc::new(parts.build()?)));
            }
        }
        made.push(Loaded {
            labels,
            values,
            starts_ms: Vec::new(),
        });
    }
    Ok(made)
}

fn collect(series: &Loaded, all: &mut BTreeMap<Labels, BTreeMap<usize, Parts>>) {
    let metric = series.labels.metric_name();
    let suffix = ["_bucket", "_sum", "_count"]
        .into_iter()
        .find(|suffix| metric.ends_with(suffix));
    let Some(suffix) = suffix else {
        return;
    };
    let bound: Option<f64> = match suffix {
        "_bucket" => series
            .labels
            .get(BUCKET_LABEL)
            .parse()
            .ok()
            .filter(|bound: &f64| !bound.is_nan()),
        _ => None,
    };
    if suffix == "_bucket" && bound.is_none() {
        return;
    }
    let labels = LabelsBuilder::from_labels(&series.labels.without(&[BUCKET_LABEL]))
        .set(METRIC_NAME, &metric[..metric.len() - suffix.len()])
        .build();
    let steps = all.entry(labels).or_default();
    for (step, value) in series.values.iter().enumerate() {
        let Some(MetricValue::Float(value)) = value else {
            continue;
        };
        let parts = steps.entry(step).or_default();
        match (suffix, bound) {
            (_, Some(bound)) => parts.buckets.push((bound, *value)),
            ("_sum", _) => parts.sum = *value,
            _ => parts.count = Some(*value),
        }
    }
}

impl Parts {
    fn build(mut self) -> Result<FloatHistogram, String> {
        self.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let highest = self.buckets.last().map_or(0.0, |(_, count)| *count);
        let count = self.count.unwrap_or(highest);
        if self.buckets.last().is_none_or(|(bound, _)| bound.is_finite()) {
            self.buckets.push((f64::INFINITY, count));
        }
        let mut previous = 0.0;
        let mut counts = Vec::with_capacity(self.buckets.len());
        for (bound, cumulative) in &self.buckets {
            if *cumulative < previous {
                return Err(format!(
                    "the count of bucket {bound} falls from {previous} to {cumulative}"
                ));
            }
            counts.push(cumulative - previous);
            previous = *cumulative;
        }
        if count.to_bits() != previous.to_bits() {
            return Err(format!("the count is {count}, the highest bucket has {previous}"));
        }
        let (positive_spans, positive_buckets) = spans(&counts);
        let bounds = self.buckets.iter().map(|(bound, _)| *bound);
        Ok(FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count,
            sum: self.sum,
            positive_spans,
            positive_buckets,
            custom_values: bounds.filter(|bound| bound.is_finite()).collect(),
            ..FloatHistogram::default()
        })
    }
}

fn spans(counts: &[f64]) -> (Vec<Span>, Vec<f64>) {
    let mut spans: Vec<Span> = Vec::new();
    let mut gap = 0;
    let mut open = false;
    for count in counts {
        if *count == 0.0 {
            gap += 1;
            open = false;
            continue;
        }
        match spans.last_mut() {
            Some(span) if open => span.length += 1,
            _ => spans.push(Span { offset: gap, length: 1 }),
        }
        (open, gap) = (true, 0);
    }
    (spans, counts.iter().copied().filter(|count| *count != 0.0).collect())
}
