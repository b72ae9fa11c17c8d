//! A `Batch` of [jaeger.thrift](https://github.com/jaegertracing/jaeger-idl/blob/main/thrift/jaeger.thrift) in Thrift's
//! binary protocol, without a message header. Fields may come in any order; unknown ones are skipped.
//!
//! No text or list may say that it is longer than the body: the protocol's reader is given the length of the body as
//! its limit, and lists grow by what is read.

use std::sync::Arc;

use skopos_core::span::{AttributeValue, Attributes, SpanBatch, SpanId, TraceId};
use thrift::protocol::{TBinaryInputProtocol, TInputProtocol as _, TType};
use thrift::{Error, TConfiguration, TransportErrorKind};

use super::mapping::{self, Collector, Reference, ReferenceKind, SentLog, SentSpan};
use crate::otlp::Rejected;

const NANOS_PER_MICRO: i64 = 1000;

/// Media types of bodies in Thrift's binary protocol.
const MEDIA_TYPES: [&str; 2] = ["application/x-thrift", "application/vnd.apache.thrift.binary"];

/// Whether a `Content-Type` says that a body is a batch of Thrift; its parameters do not matter.
pub fn is_thrift(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    MEDIA_TYPES.iter().any(|known| media_type.eq_ignore_ascii_case(known))
}

/// A body that is no `Batch`. The texts are those of Thrift's libraries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ThriftError {
    /// The body ends within a value.
    #[error("unexpected end of the body")]
    Truncated,
    /// The bytes are no values of the protocol, or say that they are more than there are.
    #[error("{0}")]
    Protocol(String),
    /// A field that must be there is not.
    #[error("Required field {0} is not set")]
    Missing(&'static str),
}

impl From<Error> for ThriftError {
    fn from(error: Error) -> Self {
        match error {
            Error::Transport(error) if error.kind == TransportErrorKind::EndOfFile => Self::Truncated,
            Error::Transport(error) => Self::Protocol(error.message),
            Error::Protocol(error) => Self::Protocol(error.message),
            other => Self::Protocol(other.to_string()),
        }
    }
}

/// Reads the spans of a body; those with an invalid id or time are rejected one by one. Bytes after the batch are not
/// looked at.
pub fn decode_batch(body: &[u8]) -> Result<(SpanBatch, Rejected), ThriftError> {
    let batch = Reader::new(body)?.batch()?;
    let resource = Arc::new(mapping::resource(batch.service_name, batch.tags));
    let mut collector = Collector::default();
    for span in batch.spans {
        collector.add(span, &resource);
    }
    Ok(collector.finish())
}

struct Batch {
    service_name: String,
    tags: Attributes,
    spans: Vec<SentSpan>,
}

/// Whether a field was read; the others are skipped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Read,
    Unknown,
}

type Read<T> = Result<T, ThriftError>;

struct Reader<'a> {
    protocol: TBinaryInputProtocol<&'a [u8]>,
}

impl<'a> Reader<'a> {
    fn new(body: &'a [u8]) -> Read<Self> {
        let limits = TConfiguration::builder()
            .max_message_size(None)
            .max_frame_size(None)
            .max_string_size(Some(body.len()))
            .max_container_size(Some(body.len()))
            .build()?;
        Ok(Self {
            protocol: TBinaryInputProtocol::with_config(body, true, limits),
        })
    }

    /// Reads a struct: `field` reads what it knows by id and type.
    fn structure(&mut self, mut field: impl FnMut(&mut Self, i16, TType) -> Read<Field>) -> Read<()> {
        self.protocol.read_struct_begin()?;
        loop {
            let header = self.protocol.read_field_begin()?;
            if header.field_type == TType::Stop {
                break;
            }
            let id = header.id.unwrap_or_default();
            if field(self, id, header.field_type)? == Field::Unknown {
                self.protocol.skip(header.field_type)?;
            }
            self.protocol.read_field_end()?;
        }
        Ok(self.protocol.read_struct_end()?)
    }

    /// Reads a list of structs. An empty list may name any type of elements.
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let header = self.protocol.read_list_begin()?;
        if header.size > 0 && header.element_type != TType::Struct {
            let told = format!("a list of {} where one of structs is expected", header.element_type);
            return Err(ThriftError::Protocol(told));
        }
        let mut items = Vec::new();
        for _ in 0..header.size {
            items.push(item(self)?);
        }
        self.protocol.read_list_end()?;
        Ok(items)
    }

    /// Texts of clients that write other bytes than UTF-8 are kept as far as they can be read.
    fn text(&mut self) -> Read<String> {
        let bytes = self.protocol.read_bytes()?;
        Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    fn batch(&mut self) -> Read<Batch> {
        let (mut process, mut spans) = (None, None);
        self.structure(|reader, id, kind| {
            match (id, kind) {
                (1, TType::Struct) => process = Some(reader.process()?),
                (2, TType::List) => spans = Some(reader.list(Self::span)?),
                _ => return Ok(Field::Unknown),
            }
            Ok(Field::Read)
        })?;
        let (service_name, tags) = required("Process", process)?;
        Ok(Batch {
            service_name,
            tags,
            spans: required("Spans", spans)?,
        })
    }

    fn process(&mut self) -> Read<(String, Attributes)> {
        let (mut service_name, mut tags) = (None, Attributes::new());
        self.structure(|reader, id, kind| {
            match (id, kind) {
                (1, TType::String) => service_name = Some(reader.text()?),
                (2, TType::List) => tags = reader.list(Self::tag)?,
                _ => return Ok(Field::Unknown),
            }
            Ok(Field::Read)
        })?;
        Ok((required("ServiceName", service_name)?, tags))
    }

    fn span(&mut self) -> Read<SentSpan> {
        let mut sent = ThriftSpan::default();
        self.structure(|reader, id, kind| {
            let protocol = &mut reader.protocol;
            match (id, kind) {
                (1, TType::I64) => sent.trace_id_low = Some(protocol.read_i64()?),
                (2, TType::I64) => sent.trace_id_high = Some(protocol.read_i64()?),
                (3, TType::I64) => sent.span_id = Some(protocol.read_i64()?),
                (4, TType::I64) => sent.parent_span_id = Some(protocol.read_i64()?),
                (5, TType::String) => sent.operation_name = Some(reader.text()?),
                (6, TType::List) => sent.references = reader.list(Self::reference)?,
                (7, TType::I32) => sent.flags = Some(protocol.read_i32()?),
                (8, TType::I64) => sent.start_time = Some(protocol.read_i64()?),
                (9, TType::I64) => sent.duration = Some(protocol.read_i64()?),
                (10, TType::List) => sent.tags = reader.list(Self::tag)?,
                (11, TType::List) => sent.logs = reader.list(Self::log)?,
                _ => return Ok(Field::Unknown),
            }
            Ok(Field::Read)
        })?;
        sent.finish()
    }

    fn reference(&mut self) -> Read<Reference> {
        let (mut ref_type, mut low, mut high, mut span_id) = (None, None, None, None);
        self.structure(|reader, id, kind| {
            let protocol = &mut reader.protocol;
            match (id, kind) {
                (1, TType::I32) => ref_type = Some(protocol.read_i32()?),
                (2, TType::I64) => low = Some(protocol.read_i64()?),
                (3, TType::I64) => high = Some(protocol.read_i64()?),
                (4, TType::I64) => span_id = Some(protocol.read_i64()?),
                _ => return Ok(Field::Unknown),
            }
            Ok(Field::Read)
        })?;
        let kind = match required("RefType", ref_type)? {
            0 => ReferenceKind::ChildOf,
            _ => ReferenceKind::FollowsFrom,
        };
        Ok(Reference {
            kind,
            trace_id: trace_id(required("TraceIdHigh", high)?, required("TraceIdLow", low)?),
            span_id: SpanId(required("SpanId", span_id)?.to_be_bytes()),
        })
    }

    fn log(&mut self) -> Read<SentLog> {
        let (mut timestamp, mut fields) = (None, None);
        self.structure(|reader, id, kind| {
            match (id, kind) {
                (1, TType::I64) => timestamp = Some(reader.protocol.read_i64()?),
                (2, TType::List) => fields = Some(reader.list(Self::tag)?),
                _ => return Ok(Field::Unknown),
            }
            Ok(Field::Read)
        })?;
        Ok(SentLog {
            timestamp_ns: required("Timestamp", timestamp)?.checked_mul(NANOS_PER_MICRO),
            fields: required("Fields", fields)?,
        })
    }

    fn tag(&mut self) -> Read<(String, AttributeValue)> {
        let mut tag = ThriftTag::default();
        self.structure(|reader, id, kind| {
            let protocol = &mut reader.protocol;
            match (id, kind) {
                (1, TType::String) => tag.key = Some(reader.text()?),
                (2, TType::I32) => tag.v_type = Some(protocol.read_i32()?),
                (3, TType::String) => tag.v_str = reader.text()?,
                (4, TType::Double) => tag.v_double = protocol.read_double()?,
                (5, TType::Bool) => tag.v_bool = protocol.read_bool()?,
                (6, TType::I64) => tag.v_long = protocol.read_i64()?,
                (7, TType::String) => tag.v_binary = protocol.read_bytes()?,
                _ => return Ok(Field::Unknown),
            }
            Ok(Field::Read)
        })?;
        tag.finish()
    }
}

/// The fields of a span.
#[derive(Default)]
struct ThriftSpan {
    trace_id_low: Option<i64>,
    trace_id_high: Option<i64>,
    span_id: Option<i64>,
    parent_span_id: Option<i64>,
    operation_name: Option<String>,
    references: Vec<Reference>,
    flags: Option<i32>,
    start_time: Option<i64>,
    duration: Option<i64>,
    tags: Attributes,
    logs: Vec<SentLog>,
}

impl ThriftSpan {
    fn finish(self) -> Read<SentSpan> {
        let low = required("TraceIdLow", self.trace_id_low)?;
        let high = required("TraceIdHigh", self.trace_id_high)?;
        let span_id = required("SpanId", self.span_id)?;
        let parent = required("ParentSpanId", self.parent_span_id)?;
        Ok(SentSpan {
            trace_id: Some(trace_id(high, low)),
            span_id: Some(SpanId(span_id.to_be_bytes())),
            parent: (parent != 0).then(|| SpanId(parent.to_be_bytes())),
            name: required("OperationName", self.operation_name)?,
            references: self.references,
            flags: required("Flags", self.flags)?.cast_unsigned(),
            start_ns: required("StartTime", self.start_time)?.checked_mul(NANOS_PER_MICRO),
            duration_ns: required("Duration", self.duration)?.checked_mul(NANOS_PER_MICRO),
            tags: self.tags,
            logs: self.logs,
        })
    }
}

/// The fields of a tag.
#[derive(Default)]
struct ThriftTag {
    key: Option<String>,
    v_type: Option<i32>,
    v_str: String,
    v_double: f64,
    v_bool: bool,
    v_long: i64,
    v_binary: Vec<u8>,
}

impl ThriftTag {
    fn finish(self) -> Read<(String, AttributeValue)> {
        let key = required("Key", self.key)?;
        let value = match required("VType", self.v_type)? {
            0 => AttributeValue::String(self.v_str),
            1 => AttributeValue::Double(self.v_double),
            2 => AttributeValue::Bool(self.v_bool),
            3 => AttributeValue::Int(self.v_long),
            4 => AttributeValue::Bytes(self.v_binary),
            unknown => mapping::unknown_type(unknown),
        };
        Ok((key, value))
    }
}

fn required<T>(field: &'static str, value: Option<T>) -> Read<T> {
    value.ok_or(ThriftError::Missing(field))
}

fn trace_id(high: i64, low: i64) -> TraceId {
    let id = u128::from(high.cast_unsigned()) << 64 | u128::from(low.cast_unsigned());
    TraceId(id.to_be_bytes())
}
