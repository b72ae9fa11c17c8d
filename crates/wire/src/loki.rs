//! Loki push: protobuf and JSON bodies to log batches, with the label text grammar, the service
//! name rule and level detection that Loki applies on the way in.
//!
//! A body that cannot be read is a [`PushError`] (400). A stream with broken labels is refused
//! alone: it is counted in [`Push::report`] under Loki's reason and text, its neighbours stay.

mod json;
mod labels;
mod legacy;
mod level;
mod protobuf;
mod service;

use skopos_core::log::{LogBatch, LogEntry, StreamBatch};
use skopos_core::metric::AppendReport;
use skopos_core::{Labels, LabelsBuilder};

pub use labels::{LabelTextError, parse_label_text};
pub use level::{LevelHints, detect_level};
pub use protobuf::{EntryMessage, LabelPair, PushRequest, StreamMessage, Timestamp};
pub use service::service_name;

use crate::compression::{CompressionError, Encoding, decompress};

/// Longest label text of a stream in a protobuf push.
const MAX_LABEL_TEXT_BYTES: usize = 16 << 20;

/// What the decoder adds to what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushOptions {
    /// Whether streams get a `service_name` label (`discover_service_name`).
    pub discover_service_name: bool,
    /// Whether entries get `detected_level` (`discover_log_levels`).
    pub discover_log_levels: bool,
    /// Largest body after decompression.
    pub max_decompressed_bytes: usize,
}

impl Default for PushOptions {
    fn default() -> Self {
        Self {
            discover_service_name: true,
            discover_log_levels: true,
            max_decompressed_bytes: 100 << 20,
        }
    }
}

/// A push that cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The `Content-Type` is missing or malformed.
    #[error("{reason}")]
    ContentType {
        /// Go's text for it.
        reason: &'static str,
    },
    /// The `Content-Encoding` is not one that pushes may use.
    #[error("Content-Encoding {encoding:?} not supported")]
    ContentEncoding {
        /// The header's value.
        encoding: String,
    },
    /// The body cannot be decompressed, or is too large.
    #[error(transparent)]
    Compression(#[from] CompressionError),
    /// The body is no push in JSON.
    #[error("couldn't parse push request: {reason}")]
    Json {
        /// What is wrong, with line and column.
        reason: String,
    },
    /// The body is no push in protobuf.
    #[error("couldn't parse push request: not a valid snappy-compressed protobuf PushRequest: {reason}")]
    Protobuf {
        /// What is wrong.
        reason: String,
    },
}

impl PushError {
    /// Whether the body was larger than allowed (HTTP 413 instead of 400).
    pub const fn is_too_large(&self) -> bool {
        matches!(self, Self::Compression(CompressionError::TooLarge { .. }))
    }
}

/// A decoded push.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Push {
    /// What can be stored.
    pub batch: LogBatch,
    /// Entries refused here, by Loki's reasons (`invalid_labels`, `missing_labels`, …). Nothing
    /// is stored yet, so `stored` is 0.
    pub report: AppendReport,
}

/// Decodes the body of `POST /loki/api/v1/push`. The headers are passed as sent; a missing
/// `Content-Encoding` is an empty text.
pub fn decode_push(
    content_type: &str,
    content_encoding: &str,
    body: &[u8],
    options: &PushOptions,
) -> Result<Push, PushError> {
    let media_type = media_type(content_type)?;
    if media_type.eq_ignore_ascii_case("application/json") {
        return decode_push_json(content_encoding, body, options, json::decode);
    }
    if !matches!(content_encoding, "" | "snappy") {
        return Err(unsupported_encoding(content_encoding));
    }
    let body = decompress(Encoding::Snappy, body, options.max_decompressed_bytes).map_err(|error| match error {
        CompressionError::TooLarge { .. } => PushError::Compression(error),
        other => PushError::Protobuf {
            reason: other.to_string(),
        },
    })?;
    Ok(finish(protobuf::decode(&body)?, options))
}

/// Decodes the body of the older `POST /api/prom/push`: JSON with `labels` as text and `entries`
/// of `ts` and `line`, or the same protobuf as the newer path.
pub fn decode_legacy_push(
    content_type: &str,
    content_encoding: &str,
    body: &[u8],
    options: &PushOptions,
) -> Result<Push, PushError> {
    if media_type(content_type)?.eq_ignore_ascii_case("application/json") {
        return decode_push_json(content_encoding, body, options, legacy::decode);
    }
    decode_push(content_type, content_encoding, body, options)
}

fn decode_push_json(
    content_encoding: &str,
    body: &[u8],
    options: &PushOptions,
    decode: fn(&[u8]) -> Result<Vec<Stream>, PushError>,
) -> Result<Push, PushError> {
    let encoding = match content_encoding {
        "" => Encoding::Identity,
        "gzip" => Encoding::Gzip,
        "deflate" => Encoding::Deflate,
        other => return Err(unsupported_encoding(other)),
    };
    let body = decompress(encoding, body, options.max_decompressed_bytes)?;
    Ok(finish(decode(&body)?, options))
}

/// The labels of a stream as sent.
enum SentLabels {
    /// `{a="b"}`.
    Text(String),
    /// Pairs in the order they came.
    Pairs(Vec<(String, String)>),
}

/// A stream as sent, before its labels are read.
struct Stream {
    labels: SentLabels,
    entries: Vec<LogEntry>,
}

fn finish(streams: Vec<Stream>, options: &PushOptions) -> Push {
    let mut push = Push::default();
    for stream in streams.into_iter().filter(|stream| !stream.entries.is_empty()) {
        match read_labels(&stream.labels) {
            Ok(labels) => push.batch.streams.push(enrich(labels, stream.entries, options)),
            Err((reason, message)) => {
                for _ in &stream.entries {
                    push.report.refuse(reason, || message.clone());
                }
            }
        }
    }
    push
}

fn read_labels(sent: &SentLabels) -> Result<LabelsBuilder, (&'static str, String)> {
    let invalid = |text: &str, error: &dyn std::fmt::Display| {
        let shown: String = text.chars().take(200).collect();
        (
            "invalid_labels",
            format!("error parsing labels '{shown}' with error: {error}"),
        )
    };
    let pairs = match sent {
        SentLabels::Text(text) if text.len() > MAX_LABEL_TEXT_BYTES => {
            return Err(invalid(text, &"the text is longer than 16 MiB"));
        }
        SentLabels::Text(text) => parse_label_text(text).map_err(|error| invalid(text, &error))?,
        SentLabels::Pairs(pairs) => pairs.clone(),
    };
    let mut labels = LabelsBuilder::new();
    for (name, value) in &pairs {
        if !labels.get(name).is_empty() {
            return Err(("duplicate_label_names", duplicate_text(&pairs, name)));
        }
        labels.set(name, value);
    }
    if labels.iter().next().is_none() {
        return Err((
            "missing_labels",
            "error at least one label pair is required per stream".to_owned(),
        ));
    }
    Ok(labels)
}

fn duplicate_text(pairs: &[(String, String)], name: &str) -> String {
    let stream = Labels::from_pairs(pairs.iter().map(|(name, value)| (name, value)));
    format!("stream '{stream}' has duplicate label name: '{name}'")
}

fn enrich(mut labels: LabelsBuilder, mut entries: Vec<LogEntry>, options: &PushOptions) -> StreamBatch {
    if options.discover_log_levels {
        for entry in &mut entries {
            add_level(entry, &labels);
        }
    }
    if options.discover_service_name && labels.get("service_name").is_empty() {
        let name = service_name(|name| labels.get(name)).to_owned();
        labels.set("service_name", &name);
    }
    StreamBatch {
        labels: labels.build(),
        entries,
    }
}

fn add_level(entry: &mut LogEntry, labels: &LabelsBuilder) {
    let metadata = &entry.structured_metadata;
    let hints = LevelHints::new(|name| labels.get(name), |name| metadata.get(name));
    let level = detect_level(&entry.line, &hints);
    if metadata.get("detected_level") != level {
        let with_level = LabelsBuilder::from_labels(metadata)
            .set("detected_level", &level)
            .build();
        entry.structured_metadata = with_level;
    }
}

/// The media type of a `Content-Type`, under the rules of Go's `mime.ParseMediaType`.
fn media_type(content_type: &str) -> Result<&str, PushError> {
    let mut parts = content_type.split(';');
    let media_type = parts.next().unwrap_or_default().trim();
    if media_type.is_empty() {
        return Err(PushError::ContentType {
            reason: "mime: no media type",
        });
    }
    let is_token = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"[]?=".contains(&b))
    };
    let well_formed = parts
        .map(str::trim)
        .filter(|parameter| !parameter.is_empty())
        .all(|parameter| {
            parameter
                .split_once('=')
                .is_some_and(|(name, value)| is_token(name.trim()) && !value.is_empty())
        });
    if !well_formed {
        return Err(PushError::ContentType {
            reason: "mime: invalid media parameter",
        });
    }
    Ok(media_type)
}

fn unsupported_encoding(encoding: &str) -> PushError {
    PushError::ContentEncoding {
        encoding: encoding.chars().take(64).collect(),
    }
}

#[cfg(test)]
mod tests;
