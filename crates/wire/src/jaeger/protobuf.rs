//! The messages of `jaeger.api_v2` that a collector takes
//! ([model.proto and collector.proto](https://github.com/jaegertracing/jaeger-idl/tree/main/proto/api_v2)), and their
//! conversion.

use std::sync::Arc;

use prost::{Enumeration, Message};
use prost_types::{Duration, Timestamp};
use skopos_core::span::{AttributeValue, Attributes, Resource, SpanBatch, SpanId, TraceId};

use super::mapping::{self, Collector, Reference, ReferenceKind, SentLog, SentSpan};
use crate::otlp::Rejected;

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// What `CollectorService/PostSpans` is asked.
#[derive(Clone, PartialEq, Message)]
pub struct PostSpansRequest {
    /// The spans.
    #[prost(message, optional, tag = "1")]
    pub batch: Option<Batch>,
}

/// What `CollectorService/PostSpans` answers.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct PostSpansResponse {}

/// Spans, most of them of one process.
#[derive(Clone, PartialEq, Message)]
pub struct Batch {
    /// The spans.
    #[prost(message, repeated, tag = "1")]
    pub spans: Vec<Span>,
    /// The process of spans that name none.
    #[prost(message, optional, tag = "2")]
    pub process: Option<Process>,
}

/// The service that made spans.
#[derive(Clone, PartialEq, Message)]
pub struct Process {
    /// Its name.
    #[prost(string, tag = "1")]
    pub service_name: String,
    /// Where and how it runs.
    #[prost(message, repeated, tag = "2")]
    pub tags: Vec<KeyValue>,
}

/// A span.
#[derive(Clone, PartialEq, Message)]
pub struct Span {
    /// 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub trace_id: Vec<u8>,
    /// 8 bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub span_id: Vec<u8>,
    /// Its name.
    #[prost(string, tag = "3")]
    pub operation_name: String,
    /// Pointers to its parent and to others.
    #[prost(message, repeated, tag = "4")]
    pub references: Vec<SpanRef>,
    /// 1 is sampled, 2 is debug.
    #[prost(uint32, tag = "5")]
    pub flags: u32,
    /// When it began.
    #[prost(message, optional, tag = "6")]
    pub start_time: Option<Timestamp>,
    /// How long it took.
    #[prost(message, optional, tag = "7")]
    pub duration: Option<Duration>,
    /// Its attributes.
    #[prost(message, repeated, tag = "8")]
    pub tags: Vec<KeyValue>,
    /// What happened during it.
    #[prost(message, repeated, tag = "9")]
    pub logs: Vec<Log>,
    /// Its process, before that of the batch.
    #[prost(message, optional, tag = "10")]
    pub process: Option<Process>,
}

/// A pointer to another span.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct SpanRef {
    /// 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub trace_id: Vec<u8>,
    /// 8 bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub span_id: Vec<u8>,
    /// What the other is.
    #[prost(enumeration = "SpanRefType", tag = "3")]
    pub ref_type: i32,
}

/// What a span is to one that refers to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum SpanRefType {
    /// Its parent, which waits for it.
    ChildOf = 0,
    /// What it came after.
    FollowsFrom = 1,
}

/// Something that happened during a span.
#[derive(Clone, PartialEq, Message)]
pub struct Log {
    /// When.
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    /// What.
    #[prost(message, repeated, tag = "2")]
    pub fields: Vec<KeyValue>,
}

/// A tag: the field of its type holds the value.
#[derive(Clone, PartialEq, Message)]
pub struct KeyValue {
    /// The name.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Which field holds the value.
    #[prost(enumeration = "ValueType", tag = "2")]
    pub v_type: i32,
    /// A text.
    #[prost(string, tag = "3")]
    pub v_str: String,
    /// A truth.
    #[prost(bool, tag = "4")]
    pub v_bool: bool,
    /// A whole number.
    #[prost(int64, tag = "5")]
    pub v_int64: i64,
    /// A float.
    #[prost(double, tag = "6")]
    pub v_float64: f64,
    /// Bytes.
    #[prost(bytes = "vec", tag = "7")]
    pub v_binary: Vec<u8>,
}

/// Type of a tag's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum ValueType {
    /// A text.
    String = 0,
    /// A truth.
    Bool = 1,
    /// A whole number.
    Int64 = 2,
    /// A float.
    Float64 = 3,
    /// Bytes.
    Binary = 4,
}

/// The spans of a request; those with an invalid id or time are rejected one by one.
pub fn span_batch(request: PostSpansRequest) -> (SpanBatch, Rejected) {
    let batch = request.batch.unwrap_or_default();
    let shared = Arc::new(resource(batch.process.unwrap_or_default()));
    let mut collector = Collector::default();
    let mut last: Option<(Process, Arc<Resource>)> = None;
    for mut sent in batch.spans {
        let own = match (sent.process.take(), &last) {
            (None, _) => Arc::clone(&shared),
            (Some(process), Some((known, resource))) if process == *known => Arc::clone(resource),
            (Some(process), _) => {
                let own = Arc::new(resource(process.clone()));
                last = Some((process, Arc::clone(&own)));
                own
            }
        };
        collector.add(span(sent), &own);
    }
    collector.finish()
}

fn resource(process: Process) -> Resource {
    mapping::resource(process.service_name, attributes(process.tags))
}

fn span(sent: Span) -> SentSpan {
    SentSpan {
        trace_id: trace_id(&sent.trace_id),
        span_id: span_id(&sent.span_id),
        parent: None,
        name: sent.operation_name,
        references: sent.references.iter().filter_map(reference).collect(),
        flags: sent.flags,
        start_ns: time_ns(sent.start_time),
        duration_ns: sent
            .duration
            .map_or(Some(0), |duration| whole_ns(duration.seconds, duration.nanos)),
        tags: attributes(sent.tags),
        logs: sent.logs.into_iter().map(log).collect(),
    }
}

/// A reference without valid ids points nowhere and is left out.
fn reference(sent: &SpanRef) -> Option<Reference> {
    Some(Reference {
        kind: match sent.ref_type() {
            SpanRefType::ChildOf => ReferenceKind::ChildOf,
            SpanRefType::FollowsFrom => ReferenceKind::FollowsFrom,
        },
        trace_id: trace_id(&sent.trace_id)?,
        span_id: span_id(&sent.span_id)?,
    })
}

fn log(sent: Log) -> SentLog {
    SentLog {
        timestamp_ns: time_ns(sent.timestamp),
        fields: attributes(sent.fields),
    }
}

fn attributes(tags: Vec<KeyValue>) -> Attributes {
    tags.into_iter().map(attribute).collect()
}

fn attribute(tag: KeyValue) -> (String, AttributeValue) {
    let value = match ValueType::try_from(tag.v_type) {
        Ok(ValueType::String) => AttributeValue::String(tag.v_str),
        Ok(ValueType::Bool) => AttributeValue::Bool(tag.v_bool),
        Ok(ValueType::Int64) => AttributeValue::Int(tag.v_int64),
        Ok(ValueType::Float64) => AttributeValue::Double(tag.v_float64),
        Ok(ValueType::Binary) => AttributeValue::Bytes(tag.v_binary),
        Err(unknown) => mapping::unknown_type(unknown.0),
    };
    (tag.key, value)
}

fn trace_id(bytes: &[u8]) -> Option<TraceId> {
    bytes.try_into().ok().map(TraceId)
}

fn span_id(bytes: &[u8]) -> Option<SpanId> {
    bytes.try_into().ok().map(SpanId)
}

/// A missing time is the epoch, as in protobuf.
fn time_ns(time: Option<Timestamp>) -> Option<i64> {
    let time = time.unwrap_or_default();
    whole_ns(time.seconds, time.nanos)
}

fn whole_ns(seconds: i64, nanos: i32) -> Option<i64> {
    seconds.checked_mul(NANOS_PER_SECOND)?.checked_add(i64::from(nanos))
}
