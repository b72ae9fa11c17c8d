//! Spans to a Jaeger collector: one `Batch` of jaeger.thrift as an HTTP body, port 14268.
//!
//! The mapping is that of the OpenTelemetry specification (trace/sdk_exporters/jaeger.md); the field ids are those of
//! `jaeger.thrift` in jaegertracing/jaeger-idl.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{Event, Link, SpanId, SpanKind, Status, TraceId};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::http::Client;
use super::text;
use super::thrift::Writer;

const CONTENT_TYPE: &str = "application/vnd.apache.thrift.binary";
/// Values of `SpanRefType`.
const FOLLOWS_FROM: i32 = 1;
/// Bit of `flags` that says sampled.
const SAMPLED: i32 = 1;

/// Values of `TagType`.
mod tag {
    pub(super) const STRING: i32 = 0;
    pub(super) const DOUBLE: i32 = 1;
    pub(super) const BOOL: i32 = 2;
    pub(super) const LONG: i32 = 3;
}

/// Posts batches to `/api/traces`.
#[derive(Debug)]
pub(super) struct JaegerExporter {
    client: Client,
    endpoint: String,
    process: Process,
}

/// What all spans of a process share.
#[derive(Debug)]
struct Process {
    service: String,
    tags: Vec<KeyValue>,
}

impl Process {
    fn of(resource: &Resource) -> Self {
        let mut process = Self {
            service: String::new(),
            tags: Vec::new(),
        };
        for (key, value) in resource {
            if key.as_str() == "service.name" {
                process.service = value.to_string();
            } else {
                process.tags.push(KeyValue::new(key.clone(), value.clone()));
            }
        }
        process
    }
}

impl JaegerExporter {
    pub(super) fn new(client: Client, endpoint: &str, resource: &Resource) -> Self {
        Self {
            client,
            endpoint: endpoint.to_owned(),
            process: Process::of(resource),
        }
    }
}

impl SpanExporter for JaegerExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let body = encode(&self.process, &batch);
        let headers = [("content-type", CONTENT_TYPE.to_owned())];
        self.client.post(&self.endpoint, &headers, body).await
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.process = Process::of(resource);
    }
}

fn encode(process: &Process, spans: &[SpanData]) -> Vec<u8> {
    Writer::encode(|batch| {
        batch.structure(1, |out| {
            out.string(1, &process.service);
            out.list(2, &process.tags, write_tag);
        });
        batch.list(2, spans, write_span);
    })
}

fn write_span(out: &mut Writer, span: &SpanData) {
    let (low, high) = halves(span.span_context.trace_id());
    out.i64(1, low);
    out.i64(2, high);
    out.i64(3, whole(span.span_context.span_id()));
    out.i64(4, whole(span.parent_span_id));
    out.string(5, &span.name);
    out.list(6, &span.links, write_reference);
    out.i32(7, if span.span_context.is_sampled() { SAMPLED } else { 0 });
    out.i64(8, micros(span.start_time.duration_since(SystemTime::UNIX_EPOCH)));
    out.i64(9, micros(span.end_time.duration_since(span.start_time)));
    let tags: Vec<KeyValue> = span.attributes.iter().cloned().chain(own_tags(span)).collect();
    out.list(10, &tags, write_tag);
    out.list(11, &span.events, write_log);
}

/// Kind, status and scope, which Jaeger has as tags.
fn own_tags(span: &SpanData) -> Vec<KeyValue> {
    let mut tags = vec![KeyValue::new(
        "otel.scope.name",
        span.instrumentation_scope.name().to_owned(),
    )];
    let kind = match span.span_kind {
        SpanKind::Client => Some("client"),
        SpanKind::Server => Some("server"),
        SpanKind::Producer => Some("producer"),
        SpanKind::Consumer => Some("consumer"),
        SpanKind::Internal => None,
    };
    tags.extend(kind.map(|kind| KeyValue::new("span.kind", kind)));
    match &span.status {
        Status::Unset => {}
        Status::Ok => tags.push(KeyValue::new("otel.status_code", "OK")),
        Status::Error { description } => {
            tags.push(KeyValue::new("error", true));
            tags.push(KeyValue::new("otel.status_code", "ERROR"));
            if !description.is_empty() {
                tags.push(KeyValue::new("otel.status_description", description.to_string()));
            }
        }
    }
    tags
}

/// The parent travels in its own field, so links are all that is referred to.
fn write_reference(out: &mut Writer, link: &Link) {
    let (low, high) = halves(link.span_context.trace_id());
    out.i32(1, FOLLOWS_FROM);
    out.i64(2, low);
    out.i64(3, high);
    out.i64(4, whole(link.span_context.span_id()));
}

fn write_log(out: &mut Writer, event: &Event) {
    out.i64(1, micros(event.timestamp.duration_since(SystemTime::UNIX_EPOCH)));
    let name = KeyValue::new("event", event.name.to_string());
    let fields: Vec<KeyValue> = std::iter::once(name).chain(event.attributes.iter().cloned()).collect();
    out.list(2, &fields, write_tag);
}

fn write_tag(out: &mut Writer, pair: &KeyValue) {
    out.string(1, pair.key.as_str());
    match &pair.value {
        Value::Bool(value) => {
            out.i32(2, tag::BOOL);
            out.bool(5, *value);
        }
        Value::I64(value) => {
            out.i32(2, tag::LONG);
            out.i64(6, *value);
        }
        Value::F64(value) => {
            out.i32(2, tag::DOUBLE);
            out.double(4, *value);
        }
        Value::String(value) => {
            out.i32(2, tag::STRING);
            out.string(3, value.as_str());
        }
        other => {
            out.i32(2, tag::STRING);
            out.string(3, &text(other));
        }
    }
}

fn halves(id: TraceId) -> (i64, i64) {
    let id = u128::from_be_bytes(id.to_bytes());
    (id as i64, (id >> 64) as i64)
}

fn whole(id: SpanId) -> i64 {
    i64::from_be_bytes(id.to_bytes())
}

/// Microseconds; a clock that went backwards gives 0.
fn micros<E>(duration: Result<Duration, E>) -> i64 {
    duration.map_or(0, |duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
pub(super) mod tests;
