//! `/api/v1/status/self_metrics`: the process's own metrics as JSON, for pages that show them. The families have the
//! JSON form of protobuf messages (`io.prometheus.client.MetricFamily`): whole numbers of 64 bits are texts, and so are
//! numbers that JSON has not.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use serde::{Serialize, Serializer};
use skopos_core::metric::MetricType;
use skopos_core::re2;
use skopos_wire::exposition::{Entry, Format, MetadataText, Parser, Sample};

use super::envelope::{ApiError, success};
use super::manage::own_metrics;
use crate::params::Params;
use crate::router::Shared;

/// The parameter that says which families are wanted.
const PATTERN: &str = "metric_name_pattern";

/// The families whose whole names a pattern matches; all without one.
pub(crate) async fn self_metrics(State(app): State<Shared>, params: Params) -> Result<Response, ApiError> {
    let pattern = params.non_empty(PATTERN).map(re2::compile_anchored).transpose();
    let pattern = pattern.map_err(|reason| ApiError::parameter(PATTERN, reason))?;
    let page = own_metrics(
        &app.state.ledger,
        app.state.alertmanager.as_deref(),
        app.state.dead_letters.as_deref(),
    );
    let mut families = families(&page);
    families.retain(|family| pattern.as_ref().is_none_or(|pattern| pattern.is_match(&family.name)));
    Ok(success(families))
}

#[derive(Debug, Default, Serialize)]
struct Family {
    name: String,
    help: String,
    r#type: &'static str,
    metric: Vec<Metric>,
}

#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Metric {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    label: Vec<Label>,
    #[serde(flatten)]
    value: Value,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "whole_or_none")]
    timestamp_ms: Option<i64>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Label {
    name: String,
    value: String,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Value {
    Gauge(Single),
    Counter(Single),
    Summary(Summary),
    Untyped(Single),
    Histogram(Histogram),
}

impl Default for Value {
    fn default() -> Self {
        Self::Untyped(Single::default())
    }
}

#[derive(Debug, Default, PartialEq, Serialize)]
struct Single {
    #[serde(serialize_with = "number")]
    value: f64,
}

#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    #[serde(serialize_with = "whole")]
    sample_count: f64,
    #[serde(serialize_with = "number")]
    sample_sum: f64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    quantile: Vec<Quantile>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Quantile {
    #[serde(serialize_with = "number")]
    quantile: f64,
    #[serde(serialize_with = "number")]
    value: f64,
}

#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Histogram {
    #[serde(serialize_with = "whole")]
    sample_count: f64,
    #[serde(serialize_with = "number")]
    sample_sum: f64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bucket: Vec<Bucket>,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Bucket {
    #[serde(serialize_with = "whole")]
    cumulative_count: f64,
    #[serde(serialize_with = "number")]
    upper_bound: f64,
}

/// A line of a metric, by what follows the family's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Value,
    Bucket,
    Sum,
    Count,
}

/// The families of an exposition, in the order of their names.
fn families(page: &str) -> Vec<Family> {
    let mut families: BTreeMap<String, (MetricType, Family)> = BTreeMap::new();
    for entry in Parser::new(page.as_bytes(), Format::Text) {
        match entry {
            Ok(Entry::Metadata(MetadataText::Help { metric, help })) => {
                families.entry(metric.into_owned()).or_default().1.help = help.into_owned();
            }
            Ok(Entry::Metadata(MetadataText::Type { metric, metric_type })) => {
                families.entry(metric.into_owned()).or_default().0 = metric_type;
            }
            Ok(Entry::Metadata(MetadataText::Unit { .. })) => {}
            Ok(Entry::Sample(sample)) => add(&mut families, &sample),
            Err(error) => tracing::error!(%error, "own metrics cannot be read"),
        }
    }
    let named = families.into_iter().map(|(name, (metric_type, family))| Family {
        name,
        r#type: type_name(metric_type),
        ..family
    });
    named.collect()
}

fn add(families: &mut BTreeMap<String, (MetricType, Family)>, sample: &Sample<'_>) {
    let labels = match sample.labels() {
        Ok(labels) => labels,
        Err(error) => return tracing::error!(%error, "own metrics cannot be read"),
    };
    let mut labels = labels
        .into_iter()
        .map(|(name, value)| (name.into_owned(), value.into_owned()));
    let Some((_, name)) = labels.next() else { return };
    let parts = [("_bucket", Part::Bucket), ("_sum", Part::Sum), ("_count", Part::Count)];
    let of_family = parts.into_iter().find_map(|(suffix, part)| {
        let family = name.strip_suffix(suffix)?;
        let (metric_type, _) = families.get(family)?;
        let has_parts = matches!(metric_type, MetricType::Histogram | MetricType::Summary);
        has_parts.then(|| (family.to_owned(), part))
    });
    let (family, part) = of_family.unwrap_or((name, Part::Value));
    let (metric_type, family) = families.entry(family).or_default();
    let (mut bound, mut label) = (f64::NAN, Vec::new());
    for (name, value) in labels {
        let is_bound = match metric_type {
            MetricType::Histogram => name == "le",
            MetricType::Summary => name == "quantile",
            _ => false,
        };
        if is_bound {
            bound = value.parse().unwrap_or(f64::NAN);
        } else {
            label.push(Label { name, value });
        }
    }
    // The lines of a metric stand together.
    let is_new = match family.metric.last() {
        Some(last) => last.label != label || !matches!(last.value, Value::Histogram(_) | Value::Summary(_)),
        None => true,
    };
    if is_new {
        family.metric.push(Metric {
            label,
            value: empty(*metric_type),
            timestamp_ms: sample.timestamp_ms,
        });
    }
    if let Some(metric) = family.metric.last_mut() {
        metric.value.put(part, bound, sample.value);
    }
}

impl Value {
    fn put(&mut self, part: Part, bound: f64, value: f64) {
        match (self, part) {
            (Self::Gauge(single) | Self::Counter(single) | Self::Untyped(single), _) => single.value = value,
            (Self::Histogram(histogram), Part::Bucket) => {
                // What is below no bound is the count, as in the client of Go.
                if bound.is_finite() {
                    histogram.bucket.push(Bucket {
                        cumulative_count: value,
                        upper_bound: bound,
                    });
                }
            }
            (Self::Histogram(histogram), Part::Sum) => histogram.sample_sum = value,
            (Self::Histogram(histogram), Part::Count) => histogram.sample_count = value,
            (Self::Summary(summary), Part::Value) => summary.quantile.push(Quantile { quantile: bound, value }),
            (Self::Summary(summary), Part::Sum) => summary.sample_sum = value,
            (Self::Summary(summary), Part::Count) => summary.sample_count = value,
            (Self::Summary(_), Part::Bucket) | (Self::Histogram(_), Part::Value) => {}
        }
    }
}

fn empty(metric_type: MetricType) -> Value {
    match metric_type {
        MetricType::Counter => Value::Counter(Single::default()),
        MetricType::Gauge | MetricType::Info | MetricType::StateSet => Value::Gauge(Single::default()),
        MetricType::Histogram | MetricType::GaugeHistogram => Value::Histogram(Histogram::default()),
        MetricType::Summary => Value::Summary(Summary::default()),
        MetricType::Unknown => Value::Untyped(Single::default()),
    }
}

const fn type_name(metric_type: MetricType) -> &'static str {
    match metric_type {
        MetricType::Counter => "COUNTER",
        MetricType::Gauge | MetricType::Info | MetricType::StateSet => "GAUGE",
        MetricType::Histogram => "HISTOGRAM",
        MetricType::GaugeHistogram => "GAUGE_HISTOGRAM",
        MetricType::Summary => "SUMMARY",
        MetricType::Unknown => "UNTYPED",
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn number<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
    match *value {
        value if value.is_nan() => to.serialize_str("NaN"),
        f64::INFINITY => to.serialize_str("Infinity"),
        f64::NEG_INFINITY => to.serialize_str("-Infinity"),
        value => to.serialize_f64(value),
    }
}

/// A count, which an exposition has as a number.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn whole<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&(*value as u64))
}

#[expect(clippy::ref_option, reason = "the signature is serde's")]
fn whole_or_none<S: Serializer>(value: &Option<i64>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&value.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn families_have_the_json_of_protobuf() {
        let page = "# HELP s_seconds Took.\n# TYPE s_seconds summary\ns_seconds{quantile=\"0.5\"} NaN\n\
                    s_seconds_sum 2\ns_seconds_count 3\n\
                    # HELP a_total Asked.\n# TYPE a_total counter\na_total{code=\"200\"} 7\na_total{code=\"500\"} 0\n\
                    # TYPE g gauge\ng +Inf 1500\n\
                    # TYPE h_seconds histogram\nh_seconds_bucket{x=\"y\",le=\"0.1\"} 1\nh_seconds_bucket{x=\"y\",le=\"+Inf\"} 2\n\
                    h_seconds_sum{x=\"y\"} 0.5\nh_seconds_count{x=\"y\"} 2\nh_seconds_bucket{x=\"z\",le=\"+Inf\"} 0\n\
                    h_seconds_sum{x=\"z\"} 0\nh_seconds_count{x=\"z\"} 0\n";
        let got = serde_json::to_value(families(page)).expect("JSON");
        let label = |name: &str, value: &str| json!([{ "name": name, "value": value }]);
        let want = json!([
            { "name": "a_total", "help": "Asked.", "type": "COUNTER", "metric": [
                { "label": label("code", "200"), "counter": { "value": 7.0 } },
                { "label": label("code", "500"), "counter": { "value": 0.0 } },
            ]},
            { "name": "g", "help": "", "type": "GAUGE", "metric": [
                { "gauge": { "value": "Infinity" }, "timestampMs": "1500" },
            ]},
            { "name": "h_seconds", "help": "", "type": "HISTOGRAM", "metric": [
                { "label": label("x", "y"), "histogram": {
                    "sampleCount": "2", "sampleSum": 0.5, "bucket": [{ "cumulativeCount": "1", "upperBound": 0.1 }],
                }},
                { "label": label("x", "z"), "histogram": { "sampleCount": "0", "sampleSum": 0.0 } },
            ]},
            { "name": "s_seconds", "help": "Took.", "type": "SUMMARY", "metric": [
                { "summary": {
                    "sampleCount": "3", "sampleSum": 2.0, "quantile": [{ "quantile": 0.5, "value": "NaN" }],
                }},
            ]},
        ]);
        assert_eq!(got, want, "{got:#}");
    }
}
