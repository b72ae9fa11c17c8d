//! Metrics made of spans: calls and durations by service, operation, kind and status, under the
//! names that Grafana's and Jaeger's service pages expect.

use hashbrown::{Equivalent, HashMap};
use parking_lot::Mutex;
use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::{MetricBatch, MetricMetadata, MetricSample, MetricType, MetricValue, SeriesBatch};
use skopos_core::sample::STALE_NAN;
use skopos_core::span::{Span, SpanKind, StatusCode};
use skopos_core::{Labels, LabelsBuilder};

use crate::telemetry;

const CALLS: &str = "traces_span_metrics_calls_total";
const DURATION: &str = "traces_span_metrics_duration_milliseconds";

/// How metrics are made of spans.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanMetricsOptions {
    /// Upper bounds of the duration's buckets in milliseconds, ascending; `+Inf` is added.
    pub buckets_ms: Vec<f64>,
    /// Most combinations of service, operation, kind and status; spans beyond are counted as
    /// dropped.
    pub max_series: usize,
    /// A combination that was not seen for so long ends; its series get a staleness marker.
    pub idle_ms: i64,
}

impl Default for SpanMetricsOptions {
    fn default() -> Self {
        Self {
            buckets_ms: (1..=14).map(|power| f64::from(1 << power)).collect(),
            max_series: 2000,
            idle_ms: 15 * 60 * 1000,
        }
    }
}

/// Counts spans.
#[derive(Debug)]
pub struct SpanMetrics {
    options: SpanMetricsOptions,
    series: Mutex<HashMap<Key, Counts>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    service: String,
    name: String,
    kind: SpanKind,
    status: StatusCode,
}

/// A key that borrows from its span. Hashed as [`Key`] is: the same fields in the same order.
#[derive(Debug, Hash)]
struct KeyOf<'a> {
    service: &'a str,
    name: &'a str,
    kind: SpanKind,
    status: StatusCode,
}

impl Equivalent<Key> for KeyOf<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        (self.service, self.name, self.kind, self.status) == (&key.service, &key.name, key.kind, key.status)
    }
}

impl From<&KeyOf<'_>> for Key {
    fn from(borrowed: &KeyOf<'_>) -> Self {
        Self {
            service: borrowed.service.to_owned(),
            name: borrowed.name.to_owned(),
            kind: borrowed.kind,
            status: borrowed.status,
        }
    }
}

#[derive(Debug, Default)]
struct Counts {
    calls: u64,
    sum_ms: f64,
    /// Spans of each bucket alone, `+Inf` last.
    buckets: Vec<u64>,
    /// Time of the last collection before which spans were seen.
    seen_ms: Option<i64>,
    /// Made when first collected: labels of calls, of each bucket, of sum and of count.
    labels: Vec<Labels>,
}

impl SpanMetrics {
    /// A generator that has seen nothing.
    pub fn new(options: SpanMetricsOptions) -> Self {
        Self {
            options,
            series: Mutex::default(),
        }
    }

    /// Counts a span.
    pub fn observe(&self, span: &Span) {
        let key = KeyOf {
            service: span.resource.service_name(),
            name: &span.name,
            kind: span.kind,
            status: span.status,
        };
        let mut series = self.series.lock();
        if let Some(counts) = series.get_mut(&key) {
            counts.add(span, &self.options.buckets_ms);
        } else if series.len() < self.options.max_series {
            let mut counts = Counts::default();
            counts.add(span, &self.options.buckets_ms);
            series.insert(Key::from(&key), counts);
        } else {
            telemetry::SPAN_METRICS_DROPPED.inc();
        }
    }

    /// All series at `now_ms`, cumulative since the start; those that ended with a marker.
    pub fn collect(&self, now_ms: i64) -> MetricBatch {
        let mut batch = MetricBatch::default();
        let mut series = self.series.lock();
        series.retain(|key, counts| {
            if counts.labels.is_empty() {
                counts.labels = self.labels(key);
            }
            let seen_ms = *counts.seen_ms.get_or_insert(now_ms);
            let is_idle = now_ms - seen_ms >= self.options.idle_ms;
            let values = counts.values();
            for (labels, value) in counts.labels.iter().zip(values) {
                let value = MetricValue::Float(if is_idle { STALE_NAN } else { value });
                batch.series.push(SeriesBatch {
                    labels: labels.clone(),
                    samples: vec![MetricSample {
                        timestamp_ms: now_ms,
                        value,
                    }],
                    ..SeriesBatch::default()
                });
            }
            !is_idle
        });
        if !batch.series.is_empty() {
            batch.metadata = metadata();
        }
        batch
    }

    /// Labels of all series of a combination, in the order of [`Counts::values`].
    fn labels(&self, key: &Key) -> Vec<Labels> {
        let mut builder = LabelsBuilder::new();
        builder.set("service_name", &key.service);
        builder.set("span_name", &key.name);
        builder.set("span_kind", kind_label(key.kind));
        builder.set("status_code", status_label(key.status));
        let mut named = |name: &str, le: &str| builder.set(METRIC_NAME, name).set("le", le).build();
        let mut labels = vec![named(CALLS, "")];
        let bucket = format!("{DURATION}_bucket");
        labels.extend(
            self.options
                .buckets_ms
                .iter()
                .map(|bound| named(&bucket, &bound.to_string())),
        );
        labels.push(named(&bucket, "+Inf"));
        labels.push(named(&format!("{DURATION}_sum"), ""));
        labels.push(named(&format!("{DURATION}_count"), ""));
        labels
    }
}

impl Counts {
    fn add(&mut self, span: &Span, bounds_ms: &[f64]) {
        let duration_ms = span.duration_ns() as f64 / 1e6;
        let bucket = bounds_ms.partition_point(|bound| *bound < duration_ms);
        self.buckets.resize(bounds_ms.len() + 1, 0);
        self.buckets[bucket] += 1;
        self.calls += 1;
        self.sum_ms += duration_ms;
        self.seen_ms = None;
    }

    /// Calls, cumulative buckets, sum, count.
    fn values(&self) -> Vec<f64> {
        let mut values = vec![self.calls as f64];
        let mut cumulative = 0;
        for count in &self.buckets {
            cumulative += count;
            values.push(cumulative as f64);
        }
        values.extend([self.sum_ms, self.calls as f64]);
        values
    }
}

fn kind_label(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Unspecified => "SPAN_KIND_UNSPECIFIED",
        SpanKind::Internal => "SPAN_KIND_INTERNAL",
        SpanKind::Server => "SPAN_KIND_SERVER",
        SpanKind::Client => "SPAN_KIND_CLIENT",
        SpanKind::Producer => "SPAN_KIND_PRODUCER",
        SpanKind::Consumer => "SPAN_KIND_CONSUMER",
    }
}

fn status_label(status: StatusCode) -> &'static str {
    match status {
        StatusCode::Unset => "STATUS_CODE_UNSET",
        StatusCode::Ok => "STATUS_CODE_OK",
        StatusCode::Error => "STATUS_CODE_ERROR",
    }
}

fn metadata() -> Vec<MetricMetadata> {
    let family = |metric: &str, metric_type, help: &str, unit: &str| MetricMetadata {
        metric: metric.to_owned(),
        metric_type,
        help: help.to_owned(),
        unit: unit.to_owned(),
    };
    vec![
        family(
            CALLS,
            MetricType::Counter,
            "Spans by service, operation, kind and status.",
            "",
        ),
        family(
            DURATION,
            MetricType::Histogram,
            "Duration of spans by service, operation, kind and status.",
            "milliseconds",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::span;

    fn value(batch: &MetricBatch, name: &str, le: &str) -> Option<f64> {
        let wanted = |series: &&SeriesBatch| series.labels.metric_name() == name && series.labels.get("le") == le;
        batch
            .series
            .iter()
            .find(wanted)
            .map(|series| match series.samples[0].value {
                MetricValue::Float(value) => value,
                MetricValue::Histogram(_) => f64::NAN,
            })
    }

    #[test]
    fn calls_and_durations() {
        let metrics = SpanMetrics::new(SpanMetricsOptions::default());
        for duration_ms in [1, 2, 5, 100_000] {
            let mut one = span(1, 1, 0);
            one.end_ns = one.start_ns + duration_ms * 1_000_000;
            metrics.observe(&one);
        }
        let batch = metrics.collect(1000);
        assert_eq!(value(&batch, CALLS, ""), Some(4.0));
        for (le, expect) in [("2", 2.0), ("4", 2.0), ("8", 3.0), ("16384", 3.0), ("+Inf", 4.0)] {
            assert_eq!(
                value(&batch, "traces_span_metrics_duration_milliseconds_bucket", le),
                Some(expect),
                "{le}"
            );
        }
        assert_eq!(
            value(&batch, "traces_span_metrics_duration_milliseconds_sum", ""),
            Some(100_008.0)
        );
        let labels = &batch.series[0].labels;
        assert_eq!(
            labels.to_string(),
            r#"{__name__="traces_span_metrics_calls_total", service_name="gateway", span_kind="SPAN_KIND_SERVER", span_name="GET /", status_code="STATUS_CODE_UNSET"}"#
        );
    }

    #[test]
    fn cardinality_is_bounded_and_idle_series_end() {
        let metrics = SpanMetrics::new(SpanMetricsOptions {
            max_series: 2,
            idle_ms: 1000,
            ..SpanMetricsOptions::default()
        });
        let dropped = telemetry::SPAN_METRICS_DROPPED.get();
        for name in ["a", "b", "c"] {
            metrics.observe(&Span {
                name: name.to_owned(),
                ..span(1, 1, 0)
            });
        }
        assert!(telemetry::SPAN_METRICS_DROPPED.get() > dropped);
        assert_eq!(metrics.collect(0).series.len(), 2 * 18);
        let ended = metrics.collect(1000);
        assert!(ended.series.iter().all(
            |series| matches!(series.samples[0].value, MetricValue::Float(v) if skopos_core::sample::is_stale(v))
        ));
        assert!(metrics.collect(2000).series.is_empty());
    }
}
