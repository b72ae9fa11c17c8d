//! OTLP's JSON to its protobuf types. Fields are read by their lowerCamelCase names only, ids are
//! hex, 64-bit numbers may be text, unknown fields are ignored (opentelemetry-proto,
//! docs/specification.md, "JSON Protobuf Encoding"). Nesting is bounded by the JSON parser.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};
use serde_json::Value;

use super::OtlpError;
use super::node::{Node, double, int};

mod metrics;

pub(super) use metrics::metrics;

const KINDS: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];
const STATUS_CODES: [&str; 3] = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

pub(super) fn traces(body: &[u8]) -> Result<ExportTraceServiceRequest, OtlpError> {
    let document = parse(body)?;
    let root = Node::root(&document)?;
    Ok(ExportTraceServiceRequest {
        resource_spans: root.list("resourceSpans", resource_spans)?,
    })
}

pub(super) fn logs(body: &[u8]) -> Result<ExportLogsServiceRequest, OtlpError> {
    let document = parse(body)?;
    let root = Node::root(&document)?;
    Ok(ExportLogsServiceRequest {
        resource_logs: root.list("resourceLogs", resource_logs)?,
    })
}

fn parse(body: &[u8]) -> Result<Value, OtlpError> {
    serde_json::from_slice(body).map_err(|error| OtlpError::Syntax {
        reason: error.to_string(),
    })
}

fn resource_spans(node: &Node<'_>) -> Result<ResourceSpans, OtlpError> {
    Ok(ResourceSpans {
        resource: node.object("resource", resource)?,
        scope_spans: node.list("scopeSpans", |node| {
            Ok(ScopeSpans {
                scope: node.object("scope", scope)?,
                spans: node.list("spans", span)?,
                schema_url: node.text("schemaUrl")?,
            })
        })?,
        schema_url: node.text("schemaUrl")?,
    })
}

fn resource_logs(node: &Node<'_>) -> Result<ResourceLogs, OtlpError> {
    Ok(ResourceLogs {
        resource: node.object("resource", resource)?,
        scope_logs: node.list("scopeLogs", |node| {
            Ok(ScopeLogs {
                scope: node.object("scope", scope)?,
                log_records: node.list("logRecords", log_record)?,
                schema_url: node.text("schemaUrl")?,
            })
        })?,
        schema_url: node.text("schemaUrl")?,
    })
}

fn resource(node: &Node<'_>) -> Result<Resource, OtlpError> {
    Ok(Resource {
        attributes: attributes(node)?,
        dropped_attributes_count: node.u32("droppedAttributesCount")?,
        ..Resource::default()
    })
}

fn scope(node: &Node<'_>) -> Result<InstrumentationScope, OtlpError> {
    Ok(InstrumentationScope {
        name: node.text("name")?,
        version: node.text("version")?,
        attributes: attributes(node)?,
        dropped_attributes_count: node.u32("droppedAttributesCount")?,
    })
}

fn span(node: &Node<'_>) -> Result<Span, OtlpError> {
    Ok(Span {
        trace_id: node.hex("traceId")?,
        span_id: node.hex("spanId")?,
        trace_state: node.text("traceState")?,
        parent_span_id: node.hex("parentSpanId")?,
        flags: node.u32("flags")?,
        name: node.text("name")?,
        kind: node.enumeration("kind", &KINDS)?,
        start_time_unix_nano: node.u64("startTimeUnixNano")?,
        end_time_unix_nano: node.u64("endTimeUnixNano")?,
        attributes: attributes(node)?,
        dropped_attributes_count: node.u32("droppedAttributesCount")?,
        events: node.list("events", event)?,
        dropped_events_count: node.u32("droppedEventsCount")?,
        links: node.list("links", link)?,
        dropped_links_count: node.u32("droppedLinksCount")?,
        status: node.object("status", |node| {
            Ok(Status {
                message: node.text("message")?,
                code: node.enumeration("code", &STATUS_CODES)?,
            })
        })?,
    })
}

fn event(node: &Node<'_>) -> Result<span::Event, OtlpError> {
    Ok(span::Event {
        time_unix_nano: node.u64("timeUnixNano")?,
        name: node.text("name")?,
        attributes: attributes(node)?,
        dropped_attributes_count: node.u32("droppedAttributesCount")?,
    })
}

fn link(node: &Node<'_>) -> Result<span::Link, OtlpError> {
    Ok(span::Link {
        trace_id: node.hex("traceId")?,
        span_id: node.hex("spanId")?,
        trace_state: node.text("traceState")?,
        attributes: attributes(node)?,
        dropped_attributes_count: node.u32("droppedAttributesCount")?,
        flags: node.u32("flags")?,
    })
}

fn log_record(node: &Node<'_>) -> Result<LogRecord, OtlpError> {
    Ok(LogRecord {
        time_unix_nano: node.u64("timeUnixNano")?,
        observed_time_unix_nano: node.u64("observedTimeUnixNano")?,
        severity_number: node.enumeration("severityNumber", &[])?,
        severity_text: node.text("severityText")?,
        body: node.object("body", any_value)?,
        attributes: attributes(node)?,
        dropped_attributes_count: node.u32("droppedAttributesCount")?,
        flags: node.u32("flags")?,
        trace_id: node.hex("traceId")?,
        span_id: node.hex("spanId")?,
        event_name: node.text("eventName")?,
    })
}

fn attributes(node: &Node<'_>) -> Result<Vec<KeyValue>, OtlpError> {
    node.list("attributes", key_value)
}

fn key_value(node: &Node<'_>) -> Result<KeyValue, OtlpError> {
    Ok(KeyValue {
        key: node.text("key")?,
        value: node.object("value", any_value)?,
        ..KeyValue::default()
    })
}

fn any_value(node: &Node<'_>) -> Result<AnyValue, OtlpError> {
    let value = if node.field("stringValue").is_some() {
        Some(Any::StringValue(node.text("stringValue")?))
    } else if let Some(flag) = node.field("boolValue") {
        let flag = flag
            .as_bool()
            .ok_or_else(|| node.error("boolValue", "true or false is expected"))?;
        Some(Any::BoolValue(flag))
    } else if let Some(number) = node.field("intValue") {
        let number = int(number).ok_or_else(|| node.error("intValue", "a 64-bit number or its digits are expected"))?;
        Some(Any::IntValue(number))
    } else if let Some(number) = node.field("doubleValue") {
        let number = double(number).ok_or_else(|| node.error("doubleValue", "a number is expected"))?;
        Some(Any::DoubleValue(number))
    } else if node.field("bytesValue").is_some() {
        let bytes = base64(&node.text("bytesValue")?);
        Some(Any::BytesValue(
            bytes.ok_or_else(|| node.error("bytesValue", "base64 is expected"))?,
        ))
    } else if node.field("arrayValue").is_some() {
        node.object("arrayValue", |node| node.list("values", any_value))?
            .map(|values| Any::ArrayValue(ArrayValue { values }))
    } else {
        node.object("kvlistValue", |node| node.list("values", key_value))?
            .map(|values| Any::KvlistValue(KeyValueList { values }))
    };
    Ok(AnyValue { value })
}

/// Base64 of either alphabet, padded or not, as protobuf JSON allows.
fn base64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
    let digits = text.trim_end_matches('=');
    STANDARD_NO_PAD
        .decode(digits)
        .or_else(|_| URL_SAFE_NO_PAD.decode(digits))
        .ok()
}
