//! The JSON of the Jaeger page: traces, spans, processes, tags, logs.

use serde::Serialize;
use serde_json::Value;

/// A trace.
#[derive(Debug, Serialize)]
pub(super) struct UiTrace {
    #[serde(rename = "traceID")]
    pub(super) trace_id: String,
    pub(super) spans: Vec<UiSpan>,
    pub(super) processes: serde_json::Map<String, Value>,
    pub(super) warnings: Option<Vec<String>>,
}

/// A span.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UiSpan {
    #[serde(rename = "traceID")]
    pub(super) trace_id: String,
    #[serde(rename = "spanID")]
    pub(super) span_id: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) flags: u32,
    pub(super) operation_name: String,
    pub(super) references: Vec<UiReference>,
    /// Microseconds since the Unix epoch.
    pub(super) start_time: i64,
    /// Microseconds.
    pub(super) duration: i64,
    pub(super) tags: Vec<UiTag>,
    pub(super) logs: Vec<UiLog>,
    #[serde(rename = "processID")]
    pub(super) process_id: String,
    pub(super) warnings: Option<Vec<String>>,
}

/// A pointer to another span.
#[derive(Debug, Serialize)]
pub(super) struct UiReference {
    #[serde(rename = "refType")]
    pub(super) ref_type: &'static str,
    #[serde(rename = "traceID")]
    pub(super) trace_id: String,
    #[serde(rename = "spanID")]
    pub(super) span_id: String,
}

/// A key with a typed value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct UiTag {
    pub(super) key: String,
    pub(super) r#type: &'static str,
    pub(super) value: Value,
}

/// Something that happened during a span.
#[derive(Debug, Serialize)]
pub(super) struct UiLog {
    /// Microseconds since the Unix epoch.
    pub(super) timestamp: i64,
    pub(super) fields: Vec<UiTag>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_zero(flags: &u32) -> bool {
    *flags == 0
}
