//! What a dead letter is: the event as it came, and why it was given up.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Ending of the dead-letter topic of each topic.
pub const DLQ_SUFFIX: &str = ".dlq";
/// Header of a replayed event: how often it has been replayed, as a decimal number.
pub(crate) const REPLAYS_HEADER: &str = "dlq-replays";

/// The dead-letter topic of `topic`.
#[must_use]
pub fn dlq_topic(topic: &str) -> String {
    format!("{topic}{DLQ_SUFFIX}")
}

/// The record on a dead-letter topic, as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The event as it was on the source topic; text where it is no JSON.
    pub original_event: Value,
    /// The event's bytes in base64, where `original_event` alone would not give them back: text that is no UTF-8, and
    /// JSON that is a bare string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_bytes: Option<String>,
    /// Topic it came from.
    pub source_topic: String,
    /// What went wrong.
    pub error_message: String,
    /// Class of the error.
    pub error_type: String,
    /// Attempts beyond the first, since it last came from its topic.
    pub retry_count: u32,
    /// How often it had been replayed when it was given up; each replay is tried `retry_count` times anew.
    #[serde(default)]
    pub replay_count: u32,
    /// When it was given up, RFC 3339.
    pub timestamp: String,
    /// Consumer group that gave it up.
    #[serde(default)]
    pub consumer_group: String,
    /// Trace in which it was given up, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

impl DeadLetter {
    /// `original_event` and `original_bytes` of a payload.
    pub(crate) fn original(payload: &[u8]) -> (Value, Option<String>) {
        match (serde_json::from_slice(payload), std::str::from_utf8(payload)) {
            (Ok(Value::String(text)), _) => (Value::String(text), Some(STANDARD.encode(payload))),
            (Ok(json), _) => (json, None),
            (Err(_), Ok(text)) => (Value::String(text.to_owned()), None),
            (Err(_), Err(_)) => {
                let text = String::from_utf8_lossy(payload).into_owned();
                (Value::String(text), Some(STANDARD.encode(payload)))
            }
        }
    }

    /// The event as it goes back to its topic: the same JSON, or the same bytes.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        if let Some(bytes) = self.original_bytes.as_ref().and_then(|text| STANDARD.decode(text).ok()) {
            return bytes;
        }
        match &self.original_event {
            Value::String(text) => text.clone().into_bytes(),
            json => json.to_string().into_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(payload: &[u8]) -> DeadLetter {
        let (original_event, original_bytes) = DeadLetter::original(payload);
        DeadLetter {
            original_event,
            original_bytes,
            source_topic: "t".to_owned(),
            error_message: String::new(),
            error_type: String::new(),
            retry_count: 0,
            replay_count: 0,
            timestamp: String::new(),
            consumer_group: String::new(),
            trace_id: None,
        }
    }

    #[test]
    fn an_event_comes_back_as_it_was() {
        for payload in [
            &b"{\"a\":1}"[..],
            b"\"a bare string\"",
            b"no json at all",
            b"{\"half\": ",
            b"\xff\xfe",
            b"",
            b"7",
        ] {
            let text = serde_json::to_vec(&letter(payload)).expect("text keys");
            let read: DeadLetter = serde_json::from_slice(&text).expect("it was written here");
            assert_eq!(read.payload(), payload, "{}", String::from_utf8_lossy(payload));
        }
    }

    #[test]
    fn letters_of_older_writers_read() {
        let text = r#"{"original_event":{"a":1},"source_topic":"t","error_message":"m","error_type":"e","retry_count":3,"timestamp":"2026-01-01T00:00:00Z"}"#;
        let read: DeadLetter = serde_json::from_str(text).expect("the fields that every letter has");
        assert_eq!((read.retry_count, read.replay_count), (3, 0));
    }
}
