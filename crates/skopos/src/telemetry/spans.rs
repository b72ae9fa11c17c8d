//! An OpenTelemetry exporter that writes Skopos' own spans into its own trace store.

use std::future::Future;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwapOption;
use opentelemetry::trace as otel;
use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use skopos_core::span::{
    AttributeValue, Attributes, Resource, Scope, Span, SpanBatch, SpanEvent, SpanId, SpanKind, SpanLink, StatusCode,
    TraceId, TraceSink,
};

use super::SELF_NAME;

/// Exports to a sink that may come later; spans that end before are left out.
#[derive(Debug, Clone)]
pub(super) struct StoreExporter {
    sink: Arc<ArcSwapOption<SinkBox>>,
    resource: Arc<Resource>,
}

#[derive(Debug)]
struct SinkBox(Arc<dyn TraceSink>);

impl Default for StoreExporter {
    fn default() -> Self {
        let attributes = resource_pairs()
            .into_iter()
            .map(|(key, value)| (key.to_owned(), AttributeValue::String(value)))
            .collect();
        Self {
            sink: Arc::new(ArcSwapOption::empty()),
            resource: Arc::new(Resource { attributes }),
        }
    }
}

impl StoreExporter {
    /// Writes into `sink` from now on.
    pub(super) fn connect(&self, sink: Arc<dyn TraceSink>) {
        self.sink.store(Some(Arc::new(SinkBox(sink))));
    }

    /// Lets go of the sink.
    pub(super) fn disconnect(&self) {
        self.sink.store(None);
    }

    fn write(&self, batch: &[SpanData]) -> OTelSdkResult {
        let Some(sink) = self.sink.load_full() else {
            return Ok(());
        };
        let spans = batch.iter().map(|data| self.span(data)).collect();
        sink.0
            .append(SpanBatch { spans })
            .map(drop)
            .map_err(|error| OTelSdkError::InternalFailure(error.to_string()))
    }

    fn span(&self, data: &SpanData) -> Span {
        let parent = SpanId(data.parent_span_id.to_bytes());
        let (status, status_message) = status(&data.status);
        Span {
            trace_id: TraceId(data.span_context.trace_id().to_bytes()),
            span_id: SpanId(data.span_context.span_id().to_bytes()),
            parent_span_id: (!parent.is_zero()).then_some(parent),
            trace_state: data.span_context.trace_state().header(),
            flags: u32::from(data.span_context.trace_flags().to_u8()),
            name: data.name.to_string(),
            kind: kind(&data.span_kind),
            start_ns: nanoseconds(data.start_time),
            end_ns: nanoseconds(data.end_time),
            attributes: attributes(&data.attributes),
            events: data.events.iter().map(event).collect(),
            links: data.links.iter().map(link).collect(),
            status,
            status_message,
            resource: Arc::clone(&self.resource),
            scope: Arc::new(Scope {
                name: data.instrumentation_scope.name().to_owned(),
                ..Scope::default()
            }),
        }
    }
}

impl SpanExporter for StoreExporter {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        std::future::ready(self.write(&batch))
    }
}

/// The resource of the process, for the SDK.
pub(super) fn resource() -> opentelemetry_sdk::Resource {
    opentelemetry_sdk::Resource::builder_empty()
        .with_attributes(
            resource_pairs()
                .into_iter()
                .map(|(key, value)| KeyValue::new(key, value)),
        )
        .build()
}

fn resource_pairs() -> Vec<(&'static str, String)> {
    vec![
        ("service.name", SELF_NAME.to_owned()),
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("telemetry.sdk.language", "rust".to_owned()),
        ("process.pid", std::process::id().to_string()),
    ]
}

fn nanoseconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos() as i64)
}

fn kind(kind: &otel::SpanKind) -> SpanKind {
    match kind {
        otel::SpanKind::Client => SpanKind::Client,
        otel::SpanKind::Server => SpanKind::Server,
        otel::SpanKind::Producer => SpanKind::Producer,
        otel::SpanKind::Consumer => SpanKind::Consumer,
        otel::SpanKind::Internal => SpanKind::Internal,
    }
}

fn status(status: &otel::Status) -> (StatusCode, String) {
    match status {
        otel::Status::Unset => (StatusCode::Unset, String::new()),
        otel::Status::Ok => (StatusCode::Ok, String::new()),
        otel::Status::Error { description } => (StatusCode::Error, description.to_string()),
    }
}

fn event(event: &otel::Event) -> SpanEvent {
    SpanEvent {
        timestamp_ns: nanoseconds(event.timestamp),
        name: event.name.to_string(),
        attributes: attributes(&event.attributes),
    }
}

fn link(link: &otel::Link) -> SpanLink {
    SpanLink {
        trace_id: TraceId(link.span_context.trace_id().to_bytes()),
        span_id: SpanId(link.span_context.span_id().to_bytes()),
        trace_state: link.span_context.trace_state().header(),
        attributes: attributes(&link.attributes),
    }
}

fn attributes(pairs: &[KeyValue]) -> Attributes {
    pairs
        .iter()
        .map(|pair| (pair.key.to_string(), value(&pair.value)))
        .collect()
}

fn value(value: &Value) -> AttributeValue {
    match value {
        Value::Bool(value) => AttributeValue::Bool(*value),
        Value::I64(value) => AttributeValue::Int(*value),
        Value::F64(value) => AttributeValue::Double(*value),
        Value::Array(array) => AttributeValue::Array(items(array)),
        other => AttributeValue::String(other.to_string()),
    }
}

fn items(array: &Array) -> Vec<AttributeValue> {
    match array {
        Array::Bool(values) => values.iter().map(|value| AttributeValue::Bool(*value)).collect(),
        Array::I64(values) => values.iter().map(|value| AttributeValue::Int(*value)).collect(),
        Array::F64(values) => values.iter().map(|value| AttributeValue::Double(*value)).collect(),
        Array::String(values) => values
            .iter()
            .map(|value| AttributeValue::String(value.to_string()))
            .collect(),
        other => vec![AttributeValue::String(other.to_string())],
    }
}
