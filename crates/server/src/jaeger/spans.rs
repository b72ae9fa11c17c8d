//! Turns spans into the JSON of the Jaeger page.
//!
//! OpenTelemetry's fields become tags as in the Collector's Jaeger translator: scope first, then
//! attributes, kind, status and trace state.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use skopos_core::span::{
    AttributeValue, Attributes, Resource, Span, SpanEvent, SpanKind, StatusCode, TraceId, attribute,
};
use skopos_wire::jaeger::{Reference, ReferenceKind, references};

use super::ui::{UiLog, UiReference, UiSpan, UiTag, UiTrace};

/// Largest integer that JavaScript reads exactly.
const MAX_SAFE_INTEGER: u64 = 1 << 53;
const SERVICE_NAME: &str = "service.name";

/// One trace of spans that share an id.
pub(super) fn ui_trace(spans: &[Span]) -> UiTrace {
    let mut processes = Processes::default();
    let ui_spans = spans
        .iter()
        .map(|span| ui_span(span, processes.id_of(&span.resource)))
        .collect();
    UiTrace {
        trace_id: spans
            .first()
            .map_or_else(String::new, |span| trace_id_text(span.trace_id)),
        spans: ui_spans,
        processes: processes.json(),
        warnings: None,
    }
}

/// A trace id with 16 digits where its high half is zero.
pub(super) fn trace_id_text(trace_id: TraceId) -> String {
    let text = trace_id.to_string();
    match text.strip_prefix("0000000000000000") {
        Some(low) => low.to_owned(),
        None => text,
    }
}

fn ui_span(span: &Span, process_id: String) -> UiSpan {
    UiSpan {
        trace_id: trace_id_text(span.trace_id),
        span_id: span.span_id.to_string(),
        flags: span.flags & 0xff,
        operation_name: span.name.clone(),
        references: references(span).iter().map(ui_reference).collect(),
        start_time: span.start_ns / 1000,
        duration: span.duration_ns() / 1000,
        tags: span_tags(span),
        logs: span.events.iter().map(ui_log).collect(),
        process_id,
        warnings: None,
    }
}

fn ui_reference(reference: &Reference) -> UiReference {
    UiReference {
        ref_type: match reference.kind {
            ReferenceKind::ChildOf => "CHILD_OF",
            ReferenceKind::FollowsFrom => "FOLLOWS_FROM",
        },
        trace_id: trace_id_text(reference.trace_id),
        span_id: reference.span_id.to_string(),
    }
}

fn span_tags(span: &Span) -> Vec<UiTag> {
    let mut tags = Vec::with_capacity(span.attributes.len() + 4);
    let named = [
        ("otel.scope.name", span.scope.name.as_str()),
        ("otel.scope.version", span.scope.version.as_str()),
    ];
    tags.extend(non_empty(named));
    tags.extend(span.attributes.iter().map(|(key, value)| tag(key, value)));
    if span.kind != SpanKind::Unspecified {
        tags.push(text_tag("span.kind", span.kind.as_str()));
    }
    match span.status {
        StatusCode::Unset => {}
        StatusCode::Ok => tags.push(text_tag("otel.status_code", "OK")),
        StatusCode::Error => {
            tags.push(text_tag("otel.status_code", "ERROR"));
            tags.push(tag("error", &AttributeValue::Bool(true)));
        }
    }
    let named = [
        ("otel.status_description", span.status_message.as_str()),
        ("w3c.tracestate", span.trace_state.as_str()),
    ];
    tags.extend(non_empty(named));
    tags
}

fn non_empty<'a>(named: impl IntoIterator<Item = (&'a str, &'a str)>) -> impl Iterator<Item = UiTag> {
    let present = named.into_iter().filter(|(_, value)| !value.is_empty());
    present
        .map(|(key, value)| text_tag(key, value))
        .collect::<Vec<_>>()
        .into_iter()
}

fn ui_log(event: &SpanEvent) -> UiLog {
    let name = (!event.name.is_empty() && attribute(&event.attributes, "event").is_none())
        .then(|| text_tag("event", &event.name));
    let attributes = event.attributes.iter().map(|(key, value)| tag(key, value));
    UiLog {
        timestamp: event.timestamp_ns / 1000,
        fields: name.into_iter().chain(attributes).collect(),
    }
}

fn text_tag(key: &str, value: &str) -> UiTag {
    UiTag {
        key: key.to_owned(),
        r#type: "string",
        value: Value::from(value),
    }
}

fn tag(key: &str, value: &AttributeValue) -> UiTag {
    let (r#type, value) = match value {
        AttributeValue::String(text) => ("string", Value::from(text.as_str())),
        AttributeValue::Bool(value) => ("bool", Value::from(*value)),
        AttributeValue::Int(value) if value.unsigned_abs() > MAX_SAFE_INTEGER => {
            ("int64", Value::from(value.to_string()))
        }
        AttributeValue::Int(value) => ("int64", Value::from(*value)),
        AttributeValue::Double(value) if value.is_finite() => ("float64", Value::from(*value)),
        AttributeValue::Double(value) => ("float64", Value::from(crate::number::value_text(*value))),
        AttributeValue::Bytes(bytes) => ("binary", Value::from(STANDARD.encode(bytes))),
        AttributeValue::Array(_) | AttributeValue::Map(_) => ("string", Value::from(value.to_string())),
    };
    UiTag {
        key: key.to_owned(),
        r#type,
        value,
    }
}

/// The distinct resources of a trace, numbered in order of appearance.
#[derive(Debug, Default)]
struct Processes<'a> {
    seen: Vec<&'a Resource>,
}

impl<'a> Processes<'a> {
    fn id_of(&mut self, resource: &'a Resource) -> String {
        let known = self.seen.iter().position(|seen| *seen == resource);
        let index = known.unwrap_or_else(|| {
            self.seen.push(resource);
            self.seen.len() - 1
        });
        format!("p{}", index + 1)
    }

    fn json(&self) -> Map<String, Value> {
        let entries = self.seen.iter().enumerate();
        entries
            .map(|(index, resource)| (format!("p{}", index + 1), process_json(resource)))
            .collect()
    }
}

fn process_json(resource: &Resource) -> Value {
    json!({
        "serviceName": resource.service_name(),
        "tags": resource_tags(&resource.attributes),
    })
}

fn resource_tags(attributes: &Attributes) -> Vec<UiTag> {
    let shown = attributes.iter().filter(|(key, _)| key != SERVICE_NAME);
    shown.map(|(key, value)| tag(key, value)).collect()
}
