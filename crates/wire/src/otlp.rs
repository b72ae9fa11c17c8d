//! OTLP: requests in protobuf and JSON, their conversion to our model, the answers, and spans as
//! OTLP JSON. Knows nothing of gRPC or HTTP: the server passes bodies or decoded requests.
//!
//! A request that cannot be read is an [`OtlpError`]. Items that are readable but invalid (an
//! all-zero trace id) are left out and counted in [`Rejected`], which becomes the partial success.

use skopos_core::metric::AppendReport;

mod attributes;
mod encode;
mod json;
mod logs;
mod metrics;
pub mod names;
mod node;
mod response;
mod traces;

pub use encode::spans_to_json;
pub use logs::{decode_logs, log_batch};
pub use metrics::{
    DeltaStreams, ExportMetricsServiceRequest, MetricOptions, ResourcePromotion, TranslatedMetrics, decode_metrics,
    has_deltas, metric_batch,
};
pub use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
pub use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
pub use response::{
    encode_logs_response, encode_metrics_response, encode_status, encode_traces_response, logs_response,
    metrics_response, traces_response,
};
pub use traces::{decode_traces, span_batch};

/// How a body is written; the answer uses the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Binary protobuf, `application/x-protobuf`.
    Protobuf,
    /// OTLP's dialect of protobuf JSON, `application/json`.
    Json,
}

impl Codec {
    /// Reads a `Content-Type`, parameters ignored. `None` for other media types.
    pub fn from_content_type(value: &str) -> Option<Self> {
        let media_type = value.split(';').next().unwrap_or_default().trim();
        if media_type.eq_ignore_ascii_case("application/json") {
            Some(Self::Json)
        } else if media_type.eq_ignore_ascii_case("application/x-protobuf")
            || media_type.eq_ignore_ascii_case("application/protobuf")
        {
            Some(Self::Protobuf)
        } else {
            None
        }
    }

    /// The `Content-Type` of bodies so written.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// A request that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OtlpError {
    /// The body is no such protobuf message.
    #[error("body is not a valid {message}: {reason}")]
    Protobuf {
        /// The message expected.
        message: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The body is not JSON.
    #[error("body is not valid JSON: {reason}")]
    Syntax {
        /// What is wrong, with line and column.
        reason: String,
    },
    /// A field has a value that it cannot have.
    #[error("field {path}: {reason}")]
    Field {
        /// The way to the field, such as `resourceSpans[0].scopeSpans[1].spans[2].traceId`.
        path: String,
        /// What is expected.
        reason: String,
    },
}

/// Items left out of a request, for the partial success.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rejected {
    /// How many.
    pub count: u64,
    /// Why the first was.
    pub message: String,
}

impl Rejected {
    /// Counts one item.
    pub fn add(&mut self, reason: impl FnOnce() -> String) {
        self.add_many(1, reason);
    }

    /// Counts `count` items with one reason.
    pub fn add_many(&mut self, count: u64, reason: impl FnOnce() -> String) {
        if count > 0 && self.count == 0 {
            self.message = reason();
        }
        self.count += count;
    }
}

impl Rejected {
    /// Adds what a report refused, at most `limit` items, and its reasons.
    pub fn add_report(&mut self, report: &AppendReport, limit: u64) {
        self.count += report.refused_count().min(limit);
        let told = Some(std::mem::take(&mut self.message)).filter(|message| !message.is_empty());
        let reasons = report.refused.iter().map(|refusal| {
            let (count, reason, example) = (refusal.count, refusal.reason, &refusal.example);
            format!("{count} {reason}: {example}")
        });
        self.message = told.into_iter().chain(reasons).collect::<Vec<_>>().join("; ");
    }
}

#[cfg(test)]
mod tests;
