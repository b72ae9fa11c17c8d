//! Traces: spans in OpenTelemetry's shape, and the traits between engines and stores.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::metric::AppendReport;
use crate::time::TimeRangeNs;
use crate::{QueryBudget, ReadError, WriteError};

/// A 128-bit trace id. Written as 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct TraceId(pub [u8; 16]);

/// A 64-bit span id. Written as 16 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SpanId(pub [u8; 8]);

/// A text that is no trace or span id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an id: expected 1 to {max_digits} hex digits, not all zero")]
pub struct IdError {
    /// The text.
    pub text: String,
    /// Most digits such an id has.
    pub max_digits: usize,
}

macro_rules! hex_id {
    ($name:ident, $bytes:literal, $int:ty) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        /// Reads hex digits of any case; leading zeros may be missing.
        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let refused = || IdError {
                    text: text.chars().take(64).collect(),
                    max_digits: 2 * $bytes,
                };
                if text.len() > 2 * $bytes || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return Err(refused());
                }
                match <$int>::from_str_radix(text, 16) {
                    Ok(0) | Err(_) => Err(refused()),
                    Ok(value) => Ok(Self(value.to_be_bytes())),
                }
            }
        }

        impl $name {
            /// Whether all bytes are zero, which is no valid id.
            pub fn is_zero(&self) -> bool {
                self.0.iter().all(|byte| *byte == 0)
            }
        }
    };
}

hex_id!(TraceId, 16, u128);
hex_id!(SpanId, 8, u64);

/// A value of an attribute (`AnyValue` in OTLP).
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeValue {
    /// Text.
    String(String),
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A float.
    Double(f64),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list.
    Array(Vec<AttributeValue>),
    /// Named values.
    Map(Vec<(String, AttributeValue)>),
}

/// Text as is, numbers and booleans in their shortest form, bytes as hex, lists and maps in JSON's
/// notation.
impl fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => f.write_str(text),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Double(value) => write!(f, "{value}"),
            Self::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::Array(values) => write_nested(f, ('[', ']'), values.iter().map(|value| (None, value))),
            Self::Map(pairs) => write_nested(
                f,
                ('{', '}'),
                pairs.iter().map(|(name, value)| (Some(name.as_str()), value)),
            ),
        }
    }
}

fn write_nested<'a>(
    f: &mut fmt::Formatter<'_>,
    (open, close): (char, char),
    items: impl Iterator<Item = (Option<&'a str>, &'a AttributeValue)>,
) -> fmt::Result {
    write!(f, "{open}")?;
    for (i, (name, value)) in items.enumerate() {
        if i > 0 {
            f.write_str(",")?;
        }
        if let Some(name) = name {
            write!(f, "{name:?}:")?;
        }
        match value {
            AttributeValue::String(text) => write!(f, "{text:?}")?,
            other => write!(f, "{other}")?,
        }
    }
    write!(f, "{close}")
}

/// Named values, in the order they came.
pub type Attributes = Vec<(String, AttributeValue)>;

/// The value of `key` among `attributes`.
pub fn attribute<'a>(attributes: &'a Attributes, key: &str) -> Option<&'a AttributeValue> {
    attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value)
}

/// What produced a span: the service and where it runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resource {
    /// Attributes such as `service.name`.
    pub attributes: Attributes,
}

impl Resource {
    /// `service.name`, or `unknown_service`.
    pub fn service_name(&self) -> &str {
        match attribute(&self.attributes, "service.name") {
            Some(AttributeValue::String(name)) => name,
            _ => "unknown_service",
        }
    }
}

/// The instrumentation library that produced a span.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scope {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its attributes.
    pub attributes: Attributes,
}

/// The role of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SpanKind {
    /// Not said.
    #[default]
    Unspecified,
    /// Work inside a service.
    Internal,
    /// Answers a request.
    Server,
    /// Makes a request.
    Client,
    /// Sends a message.
    Producer,
    /// Handles a message.
    Consumer,
}

impl SpanKind {
    /// The kind's name in Jaeger's tags.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }
}

/// How a span ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum StatusCode {
    /// Not said.
    #[default]
    Unset,
    /// Well, by the word of the application.
    Ok,
    /// With an error.
    Error,
}

/// Something that happened during a span.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanEvent {
    /// Nanoseconds since the Unix epoch.
    pub timestamp_ns: i64,
    /// Its name, such as `exception`.
    pub name: String,
    /// Its attributes.
    pub attributes: Attributes,
}

/// A pointer to another span.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanLink {
    /// The other's trace.
    pub trace_id: TraceId,
    /// The other span.
    pub span_id: SpanId,
    /// W3C `tracestate`.
    pub trace_state: String,
    /// Attributes of the link.
    pub attributes: Attributes,
}

/// One operation of a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Its trace.
    pub trace_id: TraceId,
    /// Its id.
    pub span_id: SpanId,
    /// Its parent; `None` for a root.
    pub parent_span_id: Option<SpanId>,
    /// W3C `tracestate`.
    pub trace_state: String,
    /// W3C trace flags in the low eight bits.
    pub flags: u32,
    /// The operation's name.
    pub name: String,
    /// Its role.
    pub kind: SpanKind,
    /// Nanoseconds since the Unix epoch.
    pub start_ns: i64,
    /// Nanoseconds since the Unix epoch.
    pub end_ns: i64,
    /// Its attributes.
    pub attributes: Attributes,
    /// What happened during it.
    pub events: Vec<SpanEvent>,
    /// Pointers to other spans.
    pub links: Vec<SpanLink>,
    /// How it ended.
    pub status: StatusCode,
    /// A text to the status.
    pub status_message: String,
    /// What produced it.
    pub resource: Arc<Resource>,
    /// The library that produced it.
    pub scope: Arc<Scope>,
}

impl Span {
    /// How long it took; never negative.
    pub fn duration_ns(&self) -> i64 {
        self.end_ns.saturating_sub(self.start_ns).max(0)
    }
}

/// One transaction of spans.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SpanBatch {
    /// The spans.
    pub spans: Vec<Span>,
}

/// Takes spans in. When `append` returns, what the report calls stored is in the write-ahead log
/// and survives `kill -9`.
pub trait TraceSink: Send + Sync + fmt::Debug {
    /// Appends a batch. Spans refused one by one are in the report; an error refuses all.
    fn append(&self, batch: SpanBatch) -> Result<AppendReport, WriteError>;
}

/// What traces to look for. The conditions hold on one span (`service` on its resource).
#[derive(Debug, Clone, PartialEq)]
pub struct TraceSearch {
    /// `service.name`, any where `None`.
    pub service: Option<String>,
    /// Span name, any where `None`.
    pub operation: Option<String>,
    /// Attribute and value as text; looked up in span, resource, event, link and scope. The tags
    /// `error=true`, `span.kind` and `otel.status_code` match the span's own fields too.
    pub tags: Vec<(String, String)>,
    /// Shortest duration, included.
    pub min_duration_ns: Option<i64>,
    /// Longest duration, included.
    pub max_duration_ns: Option<i64>,
    /// The span starts within.
    pub range: TimeRangeNs,
    /// Most traces to return; the newest first.
    pub limit: usize,
}

/// Gives traces out, of one tenant.
pub trait TraceSource: Send + Sync + fmt::Debug {
    /// All spans of a trace, sorted by start; empty where it is not known.
    fn trace(&self, trace_id: TraceId, budget: &QueryBudget) -> Result<Vec<Span>, ReadError>;

    /// Whole traces with a span that meets the search, newest first, each sorted by start.
    fn search(&self, search: &TraceSearch, budget: &QueryBudget) -> Result<Vec<Vec<Span>>, ReadError>;

    /// Names of services with spans in the range, sorted.
    fn services(&self, range: TimeRangeNs) -> Result<Vec<String>, ReadError>;

    /// Operations of a service in the range: name and kind, sorted.
    fn operations(&self, service: &str, range: TimeRangeNs) -> Result<Vec<(String, SpanKind)>, ReadError>;

    /// Calls between services in the range: parent, child, count; sorted.
    fn dependencies(&self, range: TimeRangeNs) -> Result<Vec<(String, String, u64)>, ReadError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_short_and_long() {
        let id: TraceId = "AB".parse().expect("hex");
        assert_eq!(id.to_string(), "000000000000000000000000000000ab");
        assert!("0000".parse::<TraceId>().is_err());
        assert!("xyz".parse::<SpanId>().is_err());
        assert!("1".repeat(17).parse::<SpanId>().is_err());
    }

    #[test]
    fn values_print() {
        let value = AttributeValue::Map(vec![(
            "a".into(),
            AttributeValue::Array(vec![AttributeValue::Int(1), AttributeValue::String("x".into())]),
        )]);
        assert_eq!(value.to_string(), r#"{"a":[1,"x"]}"#);
    }
}
