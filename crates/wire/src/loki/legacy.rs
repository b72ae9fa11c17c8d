//! The older JSON form of a push: `{"streams":[{"labels":"{a=\"b\"}","entries":[{"ts":…,"line":…}]}]}`.

use serde::Deserialize;
use skopos_core::Labels;
use skopos_core::log::LogEntry;

use super::{PushError, SentLabels, Stream};

#[derive(Deserialize)]
struct LegacyPush {
    #[serde(default)]
    streams: Option<Vec<LegacyStream>>,
}

#[derive(Deserialize)]
struct LegacyStream {
    #[serde(default)]
    labels: String,
    #[serde(default)]
    entries: Option<Vec<LegacyEntry>>,
}

#[derive(Deserialize)]
struct LegacyEntry {
    ts: String,
    #[serde(default)]
    line: String,
}

pub(super) fn decode(body: &[u8]) -> Result<Vec<Stream>, PushError> {
    let push: LegacyPush = serde_json::from_slice(body).map_err(|error| PushError::Json {
        reason: error.to_string(),
    })?;
    push.streams.unwrap_or_default().into_iter().map(stream).collect()
}

fn stream(sent: LegacyStream) -> Result<Stream, PushError> {
    let entries = sent.entries.unwrap_or_default().into_iter();
    Ok(Stream {
        labels: SentLabels::Text(sent.labels),
        entries: entries.map(entry).collect::<Result<_, _>>()?,
    })
}

fn entry(sent: LegacyEntry) -> Result<LogEntry, PushError> {
    let time: jiff::Timestamp = sent.ts.parse().map_err(|error| PushError::Json {
        reason: format!(
            "ts {:?} is not an RFC 3339 time: {error}",
            sent.ts.chars().take(64).collect::<String>()
        ),
    })?;
    let timestamp_ns = i64::try_from(time.as_nanosecond()).map_err(|_| PushError::Json {
        reason: format!("ts {:?} is out of range", sent.ts),
    })?;
    Ok(LogEntry {
        timestamp_ns,
        line: sent.line,
        structured_metadata: Labels::empty(),
    })
}
