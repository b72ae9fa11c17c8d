//! The envelope of everything on the bus: identity, kind, time, trace context, and the data as JSON.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Unique id, for logs and for telling repeats apart.
    pub id: String,
    /// What happened, such as `conversation.message`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// When, in milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// W3C trace context of the publisher; set by the producer.
    #[serde(default)]
    pub trace_context: HashMap<String, String>,
    /// What it is about.
    #[serde(default)]
    pub data: Value,
}

impl Event {
    /// A new event of now, with a fresh id.
    #[must_use]
    pub fn new(event_type: &str, data: Value) -> Self {
        Self {
            id: uuid::Uuid::now_v7().to_string(),
            event_type: event_type.to_owned(),
            timestamp_ms: jiff::Timestamp::now().as_millisecond(),
            trace_context: HashMap::new(),
            data,
        }
    }
}
