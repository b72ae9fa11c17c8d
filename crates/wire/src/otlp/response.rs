//! Answers to exports: full success, partial success, and the status of a refused request.

use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsPartialSuccess, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use prost::Message;
use serde_json::json;

use super::{Codec, Rejected};

/// `google.rpc.Status`, without details.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

/// The answer to a trace export, for gRPC.
pub fn traces_response(rejected: Rejected) -> ExportTraceServiceResponse {
    ExportTraceServiceResponse {
        partial_success: (rejected != Rejected::default()).then_some(ExportTracePartialSuccess {
            rejected_spans: rejected.count as i64,
            error_message: rejected.message,
        }),
    }
}

/// The answer to a log export, for gRPC.
pub fn logs_response(rejected: Rejected) -> ExportLogsServiceResponse {
    ExportLogsServiceResponse {
        partial_success: (rejected != Rejected::default()).then_some(ExportLogsPartialSuccess {
            rejected_log_records: rejected.count as i64,
            error_message: rejected.message,
        }),
    }
}

/// The answer to a metric export, for gRPC.
pub fn metrics_response(rejected: Rejected) -> ExportMetricsServiceResponse {
    ExportMetricsServiceResponse {
        partial_success: (rejected != Rejected::default()).then_some(ExportMetricsPartialSuccess {
            rejected_data_points: rejected.count as i64,
            error_message: rejected.message,
        }),
    }
}

/// The answer to a metric export, for HTTP.
pub fn encode_metrics_response(codec: Codec, rejected: Rejected) -> Vec<u8> {
    match codec {
        Codec::Protobuf => metrics_response(rejected).encode_to_vec(),
        Codec::Json => partial_success_json("rejectedDataPoints", &rejected),
    }
}

/// The answer to a trace export, for HTTP.
pub fn encode_traces_response(codec: Codec, rejected: Rejected) -> Vec<u8> {
    match codec {
        Codec::Protobuf => traces_response(rejected).encode_to_vec(),
        Codec::Json => partial_success_json("rejectedSpans", &rejected),
    }
}

/// The answer to a log export, for HTTP.
pub fn encode_logs_response(codec: Codec, rejected: Rejected) -> Vec<u8> {
    match codec {
        Codec::Protobuf => logs_response(rejected).encode_to_vec(),
        Codec::Json => partial_success_json("rejectedLogRecords", &rejected),
    }
}

/// The body of a failed request: a `google.rpc.Status` with a gRPC code.
pub fn encode_status(codec: Codec, code: i32, message: &str) -> Vec<u8> {
    match codec {
        Codec::Protobuf => Status {
            code,
            message: message.to_owned(),
        }
        .encode_to_vec(),
        Codec::Json => json!({ "code": code, "message": message }).to_string().into_bytes(),
    }
}

fn partial_success_json(count_field: &str, rejected: &Rejected) -> Vec<u8> {
    if *rejected == Rejected::default() {
        return b"{}".to_vec();
    }
    json!({ "partialSuccess": { count_field: rejected.count.to_string(), "errorMessage": rejected.message } })
        .to_string()
        .into_bytes()
}
