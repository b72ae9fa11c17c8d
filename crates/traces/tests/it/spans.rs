//! Spans as a real service sends them.

use std::sync::Arc;

use skopos_core::span::{AttributeValue, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, StatusCode, TraceId};

/// 2026-11-24T00:00:00Z.
pub(crate) const BASE_NS: i64 = 1_795_478_400_000_000_000;

fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::String(value.to_owned())
}

pub(crate) fn trace_id(number: u64) -> TraceId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&mix(number + 1).to_be_bytes());
    bytes[8..].copy_from_slice(&mix(number + 1_000_000_007).to_be_bytes());
    TraceId(bytes)
}

/// A trace of eight spans over three services.
pub(crate) fn trace(number: u64, resources: &[Arc<Resource>; 3]) -> Vec<Span> {
    let scope = Arc::new(Scope {
        name: "skopos-sdk".to_owned(),
        version: "0.1.0".to_owned(),
        attributes: Vec::new(),
    });
    let start_ns = BASE_NS + number as i64 * 80_000_000;
    let ids: Vec<SpanId> = (0..8).map(|i| SpanId(mix(number * 8 + i + 7).to_be_bytes())).collect();
    let span = |i: usize| Span {
        trace_id: trace_id(number),
        span_id: ids[i],
        parent_span_id: i.checked_sub(1).map(|parent| ids[parent / 2]),
        trace_state: String::new(),
        flags: 1,
        name: [
            "POST /v1/messages",
            "auth",
            "publish",
            "consume",
            "classify",
            "generate",
            "publish",
            "run tool",
        ][i]
            .to_owned(),
        kind: [
            SpanKind::Server,
            SpanKind::Internal,
            SpanKind::Producer,
            SpanKind::Consumer,
        ][i % 4],
        start_ns: start_ns + i as i64 * 3_000_000,
        end_ns: start_ns + i as i64 * 3_000_000 + (mix(number + i as u64) % 40_000_000) as i64,
        attributes: vec![
            ("http.request.method".to_owned(), text("POST")),
            ("url.path".to_owned(), text("/v1/messages")),
            ("session.id".to_owned(), text(&format!("{:016x}", mix(number / 5)))),
            (
                "tokens".to_owned(),
                AttributeValue::Int((mix(number * 3 + i as u64) % 800) as i64),
            ),
            ("messaging.destination.name".to_owned(), text("conversation.inbound")),
        ],
        events: match i {
            5 if number.is_multiple_of(10) => vec![SpanEvent {
                timestamp_ns: start_ns + 1,
                name: "exception".to_owned(),
                attributes: vec![("exception.type".to_owned(), text("BudgetExceeded"))],
            }],
            _ => Vec::new(),
        },
        links: Vec::new(),
        status: if i == 5 && number.is_multiple_of(10) {
            StatusCode::Error
        } else {
            StatusCode::Unset
        },
        status_message: String::new(),
        resource: Arc::clone(&resources[i / 3]),
        scope: Arc::clone(&scope),
    };
    (0..8).map(span).collect()
}

pub(crate) fn resources() -> [Arc<Resource>; 3] {
    ["gateway", "conversation-worker", "tool-executor"].map(|service| {
        let attributes = [
            ("service.name", service),
            ("service.version", "0.1.0"),
            ("system", "somaagent01"),
        ];
        Arc::new(Resource {
            attributes: attributes
                .iter()
                .map(|(name, value)| ((*name).to_owned(), text(value)))
                .collect(),
        })
    })
}
