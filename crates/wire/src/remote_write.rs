//! Prometheus remote write 1.0: a snappy block of a protobuf `WriteRequest` to a metric batch.
//!
//! A body that cannot be read is a [`RemoteWriteError`]. Series without a metric name or with a
//! repeated label, and histograms that contradict themselves, are left out and counted in the
//! report, as Prometheus does.

mod histogram;
mod proto;

use std::sync::Arc;

use prost::Message;
use skopos_core::metric::{
    AppendReport, Exemplar, MetricBatch, MetricMetadata, MetricSample, MetricType, MetricValue, SeriesBatch,
};
use skopos_core::{Labels, LabelsBuilder};

pub use proto::{
    BucketSpan, ExemplarMessage, HistogramMessage, LabelMessage, MetadataMessage, SampleMessage, TimeSeries,
    WriteRequest,
};

use crate::compression::{CompressionError, Encoding, decompress};

/// A write that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteWriteError {
    /// The body is no snappy block, or is too large.
    #[error(transparent)]
    Compression(#[from] CompressionError),
    /// The body is no such protobuf message.
    #[error("body is not a valid prometheus.WriteRequest: {reason}")]
    Protobuf {
        /// What is wrong.
        reason: String,
    },
}

/// A decoded write.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RemoteWrite {
    /// What can be stored.
    pub batch: MetricBatch,
    /// Samples left out here, by reason. Nothing is stored yet, so `stored` is 0.
    pub report: AppendReport,
}

/// Decodes the body of `POST /api/v1/write`, at most `limit_bytes` long when unpacked.
pub fn decode_remote_write(body: &[u8], limit_bytes: usize) -> Result<RemoteWrite, RemoteWriteError> {
    let body = decompress(Encoding::Snappy, body, limit_bytes)?;
    let request = WriteRequest::decode(body.as_slice()).map_err(|error| RemoteWriteError::Protobuf {
        reason: error.to_string(),
    })?;
    Ok(convert(request))
}

fn convert(request: WriteRequest) -> RemoteWrite {
    let mut write = RemoteWrite::default();
    for sent in request.timeseries {
        match series_labels(&sent.labels) {
            Ok(labels) => {
                let series = series(labels, sent, &mut write.report);
                if !series.samples.is_empty() || !series.exemplars.is_empty() {
                    write.batch.series.push(series);
                }
            }
            Err((reason, example)) => {
                for _ in 0..sent.samples.len() + sent.histograms.len() {
                    write.report.refuse(reason, || example.clone());
                }
            }
        }
    }
    write.batch.metadata = request.metadata.into_iter().map(metadata).collect();
    write
}

fn series_labels(sent: &[LabelMessage]) -> Result<Labels, (&'static str, String)> {
    let mut labels = LabelsBuilder::new();
    for label in sent {
        if !labels.get(&label.name).is_empty() {
            return Err((
                "duplicate_label_names",
                format!("label name {:?} is not unique", label.name),
            ));
        }
        labels.set(&label.name, &label.value);
    }
    let labels = labels.build();
    if labels.metric_name().is_empty() {
        return Err(("missing_metric_name", format!("series {labels} has no metric name")));
    }
    Ok(labels)
}

fn series(labels: Labels, sent: TimeSeries, report: &mut AppendReport) -> SeriesBatch {
    let mut samples: Vec<MetricSample> = Vec::with_capacity(sent.samples.len() + sent.histograms.len());
    samples.extend(sent.samples.into_iter().map(|sample| MetricSample {
        timestamp_ms: sample.timestamp,
        value: MetricValue::Float(sample.value),
    }));
    for sent in sent.histograms {
        let timestamp_ms = sent.timestamp;
        match histogram::float_histogram(sent) {
            Ok(histogram) => samples.push(MetricSample {
                timestamp_ms,
                value: MetricValue::Histogram(Arc::new(histogram)),
            }),
            Err(reason) => report.refuse("invalid_histogram", || format!("{labels}: {reason}")),
        }
    }
    SeriesBatch {
        exemplars: sent.exemplars.iter().map(exemplar).collect(),
        labels,
        samples,
        ..SeriesBatch::default()
    }
}

fn exemplar(sent: &ExemplarMessage) -> Exemplar {
    Exemplar {
        labels: sent.labels.iter().map(|label| (&label.name, &label.value)).collect(),
        timestamp_ms: sent.timestamp,
        value: sent.value,
    }
}

fn metadata(sent: MetadataMessage) -> MetricMetadata {
    MetricMetadata {
        metric: sent.metric_family_name,
        metric_type: match sent.metric_type {
            1 => MetricType::Counter,
            2 => MetricType::Gauge,
            3 => MetricType::Histogram,
            4 => MetricType::GaugeHistogram,
            5 => MetricType::Summary,
            6 => MetricType::Info,
            7 => MetricType::StateSet,
            _ => MetricType::Unknown,
        },
        help: sent.help,
        unit: sent.unit,
    }
}

#[cfg(test)]
mod tests;
