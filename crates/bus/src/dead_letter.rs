//! What a dead letter is: the event as it came, and why it was given up.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Ending of the dead-letter topic of each topic.
pub const DLQ_SUFFIX: &str = ".dlq";

/// The dead-letter topic of `topic`.
#[must_use]
pub fn dlq_topic(topic: &str) -> String {
    format!("{topic}{DLQ_SUFFIX}")
}

/// The record on a dead-letter topic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The event as it was on the source topic; text where it is no JSON.
    pub original_event: Value,
    /// Topic it came from.
    pub source_topic: String,
    /// What went wrong.
    pub error_message: String,
    /// Class of the error.
    pub error_type: String,
    /// Attempts beyond the first.
    pub retry_count: u32,
    /// When it was given up, RFC 3339.
    pub timestamp: String,
    /// Trace in which it was given up, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

impl DeadLetter {
    /// The event of a payload, for keeping: JSON as JSON, anything else as text.
    pub(crate) fn original(payload: &[u8]) -> Value {
        serde_json::from_slice(payload).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(payload).into_owned()))
    }
}
