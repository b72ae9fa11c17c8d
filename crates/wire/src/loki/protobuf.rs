//! The messages of `logproto` that a push uses, and their conversion.

use prost::Message;
use skopos_core::Labels;
use skopos_core::log::LogEntry;

use super::{PushError, SentLabels, Stream};

/// `logproto.PushRequest`.
#[derive(Clone, PartialEq, Message)]
pub struct PushRequest {
    /// The streams.
    #[prost(message, repeated, tag = "1")]
    pub streams: Vec<StreamMessage>,
}

/// `logproto.StreamAdapter`.
#[derive(Clone, PartialEq, Message)]
pub struct StreamMessage {
    /// The labels as text, `{a="b"}`.
    #[prost(string, tag = "1")]
    pub labels: String,
    /// The entries.
    #[prost(message, repeated, tag = "2")]
    pub entries: Vec<EntryMessage>,
}

/// `logproto.EntryAdapter`.
#[derive(Clone, PartialEq, Message)]
pub struct EntryMessage {
    /// The entry's time.
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    /// The line.
    #[prost(string, tag = "2")]
    pub line: String,
    /// Structured metadata.
    #[prost(message, repeated, tag = "3")]
    pub structured_metadata: Vec<LabelPair>,
}

/// `google.protobuf.Timestamp`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Timestamp {
    /// Seconds since the Unix epoch.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// Nanoseconds within the second.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// `logproto.LabelPairAdapter`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct LabelPair {
    /// The name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The value.
    #[prost(string, tag = "2")]
    pub value: String,
}

pub(super) fn decode(body: &[u8]) -> Result<Vec<Stream>, PushError> {
    let request = PushRequest::decode(body).map_err(|error| PushError::Protobuf {
        reason: error.to_string(),
    })?;
    request.streams.into_iter().map(stream).collect()
}

fn stream(sent: StreamMessage) -> Result<Stream, PushError> {
    Ok(Stream {
        labels: SentLabels::Text(sent.labels),
        entries: sent.entries.into_iter().map(entry).collect::<Result<_, _>>()?,
    })
}

fn entry(sent: EntryMessage) -> Result<LogEntry, PushError> {
    let time = sent.timestamp.unwrap_or_default();
    let timestamp_ns = time
        .seconds
        .checked_mul(1_000_000_000)
        .and_then(|ns| ns.checked_add(i64::from(time.nanos)))
        .ok_or_else(|| PushError::Protobuf {
            reason: format!("timestamp {} s is out of range", time.seconds),
        })?;
    Ok(LogEntry {
        timestamp_ns,
        line: sent.line,
        structured_metadata: Labels::from_pairs(sent.structured_metadata.iter().map(|pair| (&pair.name, &pair.value))),
    })
}
