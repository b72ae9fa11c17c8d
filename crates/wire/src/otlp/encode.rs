//! Spans as OTLP JSON (`TracesData`), grouped by resource and scope.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use skopos_core::span::{AttributeValue, Attributes, Resource, Scope, Span, SpanEvent, SpanKind, SpanLink, StatusCode};

use super::attributes::base64_text;

/// The spans as `{"resourceSpans": [...]}`. Spans of one resource and scope are grouped in the
/// order they come.
pub fn spans_to_json(spans: &[Span]) -> Value {
    let resources: Vec<Value> = group(spans.iter(), same_resource)
        .into_iter()
        .map(resource_spans)
        .collect();
    json!({ "resourceSpans": resources })
}

fn group<'a>(spans: impl Iterator<Item = &'a Span>, same: fn(&Span, &Span) -> bool) -> Vec<Vec<&'a Span>> {
    let mut groups: Vec<Vec<&Span>> = Vec::new();
    for span in spans {
        let known = groups
            .iter_mut()
            .find(|group| group.first().is_some_and(|first| same(first, span)));
        match known {
            Some(group) => group.push(span),
            None => groups.push(vec![span]),
        }
    }
    groups
}

fn same_resource(a: &Span, b: &Span) -> bool {
    Arc::ptr_eq(&a.resource, &b.resource) || a.resource == b.resource
}

fn same_scope(a: &Span, b: &Span) -> bool {
    Arc::ptr_eq(&a.scope, &b.scope) || a.scope == b.scope
}

fn resource_spans(spans: Vec<&Span>) -> Value {
    let resource = spans.first().map_or_else(|| json!({}), |span| resource(&span.resource));
    let scopes: Vec<Value> = group(spans.into_iter(), same_scope)
        .into_iter()
        .map(|spans| {
            let scope = spans.first().map_or_else(|| json!({}), |span| scope(&span.scope));
            let spans: Vec<Value> = spans.into_iter().map(span).collect();
            json!({ "scope": scope, "spans": spans })
        })
        .collect();
    json!({ "resource": resource, "scopeSpans": scopes })
}

fn resource(resource: &Resource) -> Value {
    json!({ "attributes": attributes(&resource.attributes) })
}

fn scope(scope: &Scope) -> Value {
    let mut out = Map::new();
    put_text(&mut out, "name", &scope.name);
    put_text(&mut out, "version", &scope.version);
    put_list(&mut out, "attributes", attributes(&scope.attributes));
    Value::Object(out)
}

fn span(span: &Span) -> Value {
    let mut out = Map::new();
    put_text(&mut out, "traceId", &span.trace_id.to_string());
    put_text(&mut out, "spanId", &span.span_id.to_string());
    put_text(&mut out, "traceState", &span.trace_state);
    if let Some(parent) = span.parent_span_id {
        put_text(&mut out, "parentSpanId", &parent.to_string());
    }
    if span.flags != 0 {
        out.insert("flags".to_owned(), span.flags.into());
    }
    put_text(&mut out, "name", &span.name);
    out.insert("kind".to_owned(), kind(span.kind).into());
    put_text(&mut out, "startTimeUnixNano", &span.start_ns.to_string());
    put_text(&mut out, "endTimeUnixNano", &span.end_ns.to_string());
    put_list(&mut out, "attributes", attributes(&span.attributes));
    put_list(&mut out, "events", span.events.iter().map(event).collect());
    put_list(&mut out, "links", span.links.iter().map(link).collect());
    out.insert("status".to_owned(), status(span));
    Value::Object(out)
}

fn event(event: &SpanEvent) -> Value {
    let mut out = Map::new();
    put_text(&mut out, "timeUnixNano", &event.timestamp_ns.to_string());
    put_text(&mut out, "name", &event.name);
    put_list(&mut out, "attributes", attributes(&event.attributes));
    Value::Object(out)
}

fn link(link: &SpanLink) -> Value {
    let mut out = Map::new();
    put_text(&mut out, "traceId", &link.trace_id.to_string());
    put_text(&mut out, "spanId", &link.span_id.to_string());
    put_text(&mut out, "traceState", &link.trace_state);
    put_list(&mut out, "attributes", attributes(&link.attributes));
    Value::Object(out)
}

fn status(span: &Span) -> Value {
    let mut out = Map::new();
    put_text(&mut out, "message", &span.status_message);
    let code = match span.status {
        StatusCode::Unset => 0,
        StatusCode::Ok => 1,
        StatusCode::Error => 2,
    };
    if code != 0 {
        out.insert("code".to_owned(), code.into());
    }
    Value::Object(out)
}

const fn kind(kind: SpanKind) -> i32 {
    match kind {
        SpanKind::Unspecified => 0,
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

fn attributes(attributes: &Attributes) -> Vec<Value> {
    attributes
        .iter()
        .map(|(key, value)| json!({ "key": key, "value": any_value(value) }))
        .collect()
}

fn any_value(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::String(text) => json!({ "stringValue": text }),
        AttributeValue::Bool(flag) => json!({ "boolValue": flag }),
        AttributeValue::Int(number) => json!({ "intValue": number.to_string() }),
        AttributeValue::Double(number) => json!({ "doubleValue": double(*number) }),
        AttributeValue::Bytes(bytes) => json!({ "bytesValue": base64_text(bytes) }),
        AttributeValue::Array(values) => {
            let values: Vec<Value> = values.iter().map(any_value).collect();
            json!({ "arrayValue": { "values": values } })
        }
        AttributeValue::Map(pairs) => json!({ "kvlistValue": { "values": attributes(pairs) } }),
    }
}

fn double(number: f64) -> Value {
    match number {
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        number if number.is_nan() => "NaN".into(),
        number => number.into(),
    }
}

fn put_text(out: &mut Map<String, Value>, name: &str, text: &str) {
    if !text.is_empty() {
        out.insert(name.to_owned(), text.into());
    }
}

fn put_list(out: &mut Map<String, Value>, name: &str, list: Vec<Value>) {
    if !list.is_empty() {
        out.insert(name.to_owned(), list.into());
    }
}
