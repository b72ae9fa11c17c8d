//! Trace requests to spans.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1 as proto;
use prost::Message;
use skopos_core::span::{Resource, Scope, Span, SpanBatch, SpanEvent, SpanId, SpanKind, SpanLink, StatusCode, TraceId};

use super::attributes::attributes;
use super::{Codec, OtlpError, Rejected, json};

/// Reads the body of a trace export.
pub fn decode_traces(codec: Codec, body: &[u8]) -> Result<ExportTraceServiceRequest, OtlpError> {
    match codec {
        Codec::Json => json::traces(body),
        Codec::Protobuf => ExportTraceServiceRequest::decode(body).map_err(|error| OtlpError::Protobuf {
            message: "ExportTraceServiceRequest",
            reason: error.to_string(),
        }),
    }
}

/// The spans of a request; those with an invalid id or time are rejected one by one.
pub fn span_batch(request: ExportTraceServiceRequest) -> (SpanBatch, Rejected) {
    let mut batch = SpanBatch::default();
    let mut rejected = Rejected::default();
    for resource_spans in request.resource_spans {
        let resource = Arc::new(Resource {
            attributes: attributes(resource_spans.resource.map(|r| r.attributes).unwrap_or_default()),
        });
        for scope_spans in resource_spans.scope_spans {
            let scope = Arc::new(scope(scope_spans.scope));
            for sent in scope_spans.spans {
                match span(sent, &resource, &scope) {
                    Ok(span) => batch.spans.push(span),
                    Err(reason) => rejected.add(|| reason),
                }
            }
        }
    }
    (batch, rejected)
}

pub(super) fn scope(sent: Option<opentelemetry_proto::tonic::common::v1::InstrumentationScope>) -> Scope {
    let sent = sent.unwrap_or_default();
    Scope {
        name: sent.name,
        version: sent.version,
        attributes: attributes(sent.attributes),
    }
}

fn span(sent: proto::Span, resource: &Arc<Resource>, scope: &Arc<Scope>) -> Result<Span, String> {
    let invalid = |what: &str| format!("span {:?} has an invalid {what}", sent.name);
    let trace_id = trace_id(&sent.trace_id).ok_or_else(|| invalid("trace id: 16 bytes, not all zero, are expected"))?;
    let span_id = span_id(&sent.span_id).ok_or_else(|| invalid("span id: 8 bytes, not all zero, are expected"))?;
    let start_ns =
        time_ns(sent.start_time_unix_nano).ok_or_else(|| invalid("start time: it is after the year 2262"))?;
    let end_ns = time_ns(sent.end_time_unix_nano).ok_or_else(|| invalid("end time: it is after the year 2262"))?;
    let status = sent.status.unwrap_or_default();
    Ok(Span {
        trace_id,
        span_id,
        parent_span_id: self::span_id(&sent.parent_span_id),
        trace_state: sent.trace_state,
        flags: sent.flags,
        name: sent.name,
        kind: kind(sent.kind),
        start_ns,
        end_ns,
        attributes: attributes(sent.attributes),
        events: sent.events.into_iter().map(event).collect(),
        links: sent.links.into_iter().filter_map(link).collect(),
        status: status_code(status.code),
        status_message: status.message,
        resource: Arc::clone(resource),
        scope: Arc::clone(scope),
    })
}

fn event(sent: proto::span::Event) -> SpanEvent {
    SpanEvent {
        timestamp_ns: time_ns(sent.time_unix_nano).unwrap_or(i64::MAX),
        name: sent.name,
        attributes: attributes(sent.attributes),
    }
}

/// A link without valid ids points nowhere and is left out.
fn link(sent: proto::span::Link) -> Option<SpanLink> {
    Some(SpanLink {
        trace_id: trace_id(&sent.trace_id)?,
        span_id: span_id(&sent.span_id)?,
        trace_state: sent.trace_state,
        attributes: attributes(sent.attributes),
    })
}

pub(super) fn trace_id(bytes: &[u8]) -> Option<TraceId> {
    let id = TraceId(bytes.try_into().ok()?);
    (!id.is_zero()).then_some(id)
}

pub(super) fn span_id(bytes: &[u8]) -> Option<SpanId> {
    let id = SpanId(bytes.try_into().ok()?);
    (!id.is_zero()).then_some(id)
}

pub(super) fn time_ns(unix_nano: u64) -> Option<i64> {
    i64::try_from(unix_nano).ok()
}

fn kind(number: i32) -> SpanKind {
    match number {
        1 => SpanKind::Internal,
        2 => SpanKind::Server,
        3 => SpanKind::Client,
        4 => SpanKind::Producer,
        5 => SpanKind::Consumer,
        _ => SpanKind::Unspecified,
    }
}

fn status_code(number: i32) -> StatusCode {
    match number {
        1 => StatusCode::Ok,
        2 => StatusCode::Error,
        _ => StatusCode::Unset,
    }
}
