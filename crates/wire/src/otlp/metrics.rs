//! OTLP metrics to series, by Prometheus' mapping (`storage/remote/otlptranslator`): gauges, sums,
//! explicit and exponential histograms, summaries, `target_info`, exemplars and staleness.
//!
//! ```text
//!   request ─▶ resource ─▶ scope ─▶ metric ─▶ points ─▶ SeriesBatch, one for each series and point
//!                │ job, instance, promoted     │ deltas become cumulative in DeltaStreams
//!                └─▶ target_info               └─▶ a point that has no mapping is refused, by reason
//! ```

mod delta;
mod exemplars;
mod histogram;
mod labels;
mod options;
mod points;

use std::collections::HashSet;

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, Metric, ResourceMetrics, ScopeMetrics};
use prost::Message;
use skopos_core::Labels;
use skopos_core::metric::{
    AppendReport, MetricBatch, MetricMetadata, MetricSample, MetricType, MetricValue, SeriesBatch,
};

use self::labels::{ResourceLabels, Surroundings, TARGET_INFO, scope_labels};
use super::names::{NameError, NamedKind, metric_name, unit_name};
use super::{Codec, OtlpError, json};

pub use self::delta::DeltaStreams;
pub use self::options::{MetricOptions, ResourcePromotion};
pub use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;

const NS_PER_MS: u64 = 1_000_000;
/// Half the lookback of queries: `target_info` is repeated so often that it never goes stale
/// within a request.
const TARGET_INFO_STEP_MS: i64 = 150_000;
/// Most samples of `target_info` for one resource of a request: those of a day.
const MAX_TARGET_INFO_SAMPLES: i64 = 576;

/// Reads the body of a metric export.
pub fn decode_metrics(codec: Codec, body: &[u8]) -> Result<ExportMetricsServiceRequest, OtlpError> {
    match codec {
        Codec::Json => json::metrics(body),
        Codec::Protobuf => ExportMetricsServiceRequest::decode(body).map_err(|error| OtlpError::Protobuf {
            message: "ExportMetricsServiceRequest",
            reason: error.to_string(),
        }),
    }
}

/// What a request gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TranslatedMetrics {
    /// What can be stored.
    pub batch: MetricBatch,
    /// Zeros one millisecond after the start of streams of deltas that have just begun, so that
    /// `rate` and `increase` see their first point. A store that has later samples of such a series
    /// already may refuse them; that is no loss.
    pub zeros: MetricBatch,
    /// Data points that could be stored.
    pub points: u64,
    /// Data points refused, by reason.
    pub refused: AppendReport,
    /// What was odd and yet taken.
    pub warnings: Vec<String>,
}

/// Whether a request has deltas, for which [`metric_batch`] needs the streams of its tenant.
pub fn has_deltas(request: &ExportMetricsServiceRequest) -> bool {
    let scopes = request
        .resource_metrics
        .iter()
        .flat_map(|resource| &resource.scope_metrics);
    scopes
        .flat_map(|scope| &scope.metrics)
        .any(|metric| temporality(metric) == Some(AggregationTemporality::Delta))
}

/// The series of a request. Points without a time get `now_ms`.
pub fn metric_batch(
    request: &ExportMetricsServiceRequest,
    options: &MetricOptions,
    deltas: &mut DeltaStreams,
    now_ms: i64,
) -> TranslatedMetrics {
    let mut translator = Translator {
        options,
        deltas,
        now_ms,
        out: TranslatedMetrics::default(),
        families: HashSet::new(),
        targets: HashSet::new(),
    };
    for resource in &request.resource_metrics {
        translator.resource(resource);
    }
    translator.out
}

/// Number of data points of a metric.
fn points_of(metric: &Metric) -> u64 {
    let count = match &metric.data {
        None => 0,
        Some(Data::Gauge(data)) => data.data_points.len(),
        Some(Data::Sum(data)) => data.data_points.len(),
        Some(Data::Histogram(data)) => data.data_points.len(),
        Some(Data::ExponentialHistogram(data)) => data.data_points.len(),
        Some(Data::Summary(data)) => data.data_points.len(),
    };
    count as u64
}

/// The temporality of sums and histograms; `None` for gauges, summaries and numbers that are none.
fn temporality(metric: &Metric) -> Option<AggregationTemporality> {
    let number = match metric.data.as_ref()? {
        Data::Sum(data) => data.aggregation_temporality,
        Data::Histogram(data) => data.aggregation_temporality,
        Data::ExponentialHistogram(data) => data.aggregation_temporality,
        Data::Gauge(_) | Data::Summary(_) => return None,
    };
    AggregationTemporality::try_from(number).ok()
}

fn kind_of(metric: &Metric) -> (NamedKind, MetricType) {
    match &metric.data {
        Some(Data::Sum(sum)) if sum.is_monotonic => (NamedKind::Counter, MetricType::Counter),
        Some(Data::Sum(_)) => (NamedKind::Other, MetricType::Gauge),
        Some(Data::Gauge(_)) => (NamedKind::Gauge, MetricType::Gauge),
        Some(Data::Histogram(_) | Data::ExponentialHistogram(_)) => (NamedKind::Other, MetricType::Histogram),
        Some(Data::Summary(_)) => (NamedKind::Other, MetricType::Summary),
        None => (NamedKind::Other, MetricType::Unknown),
    }
}

/// Why a data point was refused: a name for the ledger and a text for the sender.
type Refused = (&'static str, String);

fn invalid_name(error: &NameError) -> Refused {
    ("invalid_name", error.to_string())
}

struct Translator<'t> {
    options: &'t MetricOptions,
    deltas: &'t mut DeltaStreams,
    now_ms: i64,
    out: TranslatedMetrics,
    families: HashSet<String>,
    targets: HashSet<(Labels, i64)>,
}

/// First and last time of the samples of a resource.
#[derive(Debug, Default)]
struct Times(Option<(i64, i64)>);

impl Times {
    fn add(&mut self, timestamp_ms: i64) {
        let (first, last) = self.0.unwrap_or((timestamp_ms, timestamp_ms));
        self.0 = Some((first.min(timestamp_ms), last.max(timestamp_ms)));
    }
}

impl Translator<'_> {
    fn resource(&mut self, sent: &ResourceMetrics) {
        let labels = match ResourceLabels::new(sent.resource.as_ref(), self.options) {
            Ok(labels) => labels,
            Err(error) => {
                let metrics = sent.scope_metrics.iter().flat_map(|scope| &scope.metrics);
                self.refuse_all(metrics.map(points_of).sum(), &invalid_name(&error));
                return;
            }
        };
        let mut times = Times::default();
        for scope in &sent.scope_metrics {
            self.scope(&labels, scope, &mut times);
        }
        match labels.target_info(self.options) {
            Ok(Some(info)) => self.target_info(info, &times),
            Ok(None) => {}
            Err(error) => self.out.warnings.push(format!("{TARGET_INFO} is left out: {error}")),
        }
    }

    fn scope(&mut self, resource: &ResourceLabels<'_>, sent: &ScopeMetrics, times: &mut Times) {
        let scope = match scope_labels(sent.scope.as_ref(), &sent.schema_url, self.options) {
            Ok(scope) => scope,
            Err(error) => {
                self.refuse_all(sent.metrics.iter().map(points_of).sum(), &invalid_name(&error));
                return;
            }
        };
        for metric in &sent.metrics {
            if let Err(refused) = self.metric(resource, &scope, metric, times) {
                self.refuse_all(points_of(metric), &refused);
            }
        }
    }

    /// An error refuses all points of the metric; none has been taken then.
    fn metric<'a>(
        &mut self,
        resource: &ResourceLabels<'a>,
        scope: &[(std::borrow::Cow<'a, str>, std::borrow::Cow<'a, str>)],
        metric: &'a Metric,
        times: &mut Times,
    ) -> Result<(), Refused> {
        if points_of(metric) == 0 {
            self.out
                .warnings
                .push(format!("metric {:?} has no data points", metric.name));
            return Ok(());
        }
        let strategy = self.options.translation_strategy;
        let (kind, metric_type) = kind_of(metric);
        let name = metric_name(strategy, "", &metric.name, &metric.unit, kind).map_err(|error| invalid_name(&error))?;
        let temporality = temporality(metric);
        if matches!(metric.data, Some(Data::Gauge(_) | Data::Summary(_))) {
            // They have none.
        } else if !matches!(
            temporality,
            Some(AggregationTemporality::Cumulative | AggregationTemporality::Delta)
        ) {
            return Err((
                "invalid_temporality",
                format!("metric {:?} has neither cumulative nor delta temporality", metric.name),
            ));
        }
        let unit = unit_name(strategy, &metric.unit);
        let mut labels = Vec::new();
        if self.options.type_and_unit_labels {
            labels.push(("__type__", metric_type.as_str().to_owned()));
            labels.push(("__unit__", unit.clone()));
        }
        let surroundings = Surroundings {
            resource,
            scope,
            kind: &labels,
        };
        let family = points::Family {
            name: &name,
            surroundings,
            is_delta: temporality == Some(AggregationTemporality::Delta),
        };
        let before = self.out.batch.series.len();
        self.points(&family, metric);
        let new = self.out.batch.series.get(before..).unwrap_or_default();
        for sample in new.iter().flat_map(|series| &series.samples) {
            times.add(sample.timestamp_ms);
        }
        self.metadata(name, metric_type, &metric.description, unit);
        Ok(())
    }

    fn metadata(&mut self, metric: String, metric_type: MetricType, help: &str, unit: String) {
        if self.families.insert(metric.clone()) {
            self.out.batch.metadata.push(MetricMetadata {
                metric,
                metric_type,
                help: help.to_owned(),
                unit,
            });
        }
    }

    /// Samples from the first time to the last, near enough to each other for queries.
    fn target_info(&mut self, labels: Labels, times: &Times) {
        let Some((first, last)) = times.0 else { return };
        let first = first.max(last.saturating_sub(MAX_TARGET_INFO_SAMPLES * TARGET_INFO_STEP_MS));
        let steps = (first..last).step_by(TARGET_INFO_STEP_MS as usize);
        let samples: Vec<MetricSample> = steps
            .chain([last])
            .filter(|timestamp_ms| self.targets.insert((labels.clone(), *timestamp_ms)))
            .map(|timestamp_ms| MetricSample {
                timestamp_ms,
                value: MetricValue::Float(1.0),
            })
            .collect();
        if samples.is_empty() {
            return;
        }
        self.out.batch.series.push(SeriesBatch {
            labels,
            samples,
            ..SeriesBatch::default()
        });
        self.metadata(
            TARGET_INFO.to_owned(),
            MetricType::Gauge,
            "Target metadata",
            String::new(),
        );
    }

    fn refuse_all(&mut self, count: u64, refused: &Refused) {
        for _ in 0..count {
            self.out.refused.refuse(refused.0, || refused.1.clone());
        }
    }

    /// A time in milliseconds; points that have none get the present.
    fn time_ms(&self, unix_nano: u64) -> i64 {
        if unix_nano == 0 {
            self.now_ms
        } else {
            (unix_nano / NS_PER_MS) as i64
        }
    }
}

#[cfg(test)]
mod tests;
