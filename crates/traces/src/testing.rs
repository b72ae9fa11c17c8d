//! Spans for tests.

use std::sync::Arc;

use proptest::prelude::*;
use skopos_core::span::{
    AttributeValue, Attributes, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanLink, StatusCode, TraceId,
};

/// 2026-01-02T00:00:00Z.
pub(crate) const BASE_NS: i64 = 1_767_312_000_000_000_000;

/// A plain span of trace `trace`, `start_s` seconds after the base.
pub(crate) fn span(trace: u8, id: u8, start_s: i64) -> Span {
    let start_ns = BASE_NS + start_s * 1_000_000_000;
    Span {
        trace_id: TraceId([trace; 16]),
        span_id: SpanId([id; 8]),
        parent_span_id: None,
        trace_state: String::new(),
        flags: 1,
        name: "GET /".to_owned(),
        kind: SpanKind::Server,
        start_ns,
        end_ns: start_ns + 5_000_000,
        attributes: vec![("http.status".to_owned(), AttributeValue::Int(200))],
        events: Vec::new(),
        links: Vec::new(),
        status: StatusCode::Unset,
        status_message: String::new(),
        resource: resource("gateway"),
        scope: Arc::new(Scope::default()),
    }
}

/// A resource of a service.
pub(crate) fn resource(service: &str) -> Arc<Resource> {
    let name = AttributeValue::String(service.to_owned());
    Arc::new(Resource {
        attributes: vec![("service.name".to_owned(), name)],
    })
}

fn any_value() -> impl Strategy<Value = AttributeValue> {
    let leaf = prop_oneof![
        "[a-c$\"\\\\\u{e9}\n]{0,6}".prop_map(AttributeValue::String),
        any::<bool>().prop_map(AttributeValue::Bool),
        any::<i64>().prop_map(AttributeValue::Int),
        any::<f64>()
            .prop_filter("NaN equals nothing", |v| !v.is_nan())
            .prop_map(AttributeValue::Double),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(AttributeValue::Bytes),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(AttributeValue::Array),
            prop::collection::vec(("[a$]{0,2}(bytes|map|double)?", inner), 0..3).prop_map(AttributeValue::Map),
        ]
    })
}

fn any_attributes() -> impl Strategy<Value = Attributes> {
    prop::collection::vec(("[a-d.]{1,3}", any_value()), 0..4)
}

fn any_kind() -> impl Strategy<Value = SpanKind> {
    prop_oneof![
        Just(SpanKind::Unspecified),
        Just(SpanKind::Internal),
        Just(SpanKind::Server),
        Just(SpanKind::Client),
        Just(SpanKind::Producer),
        Just(SpanKind::Consumer),
    ]
}

fn any_status() -> impl Strategy<Value = StatusCode> {
    prop_oneof![Just(StatusCode::Unset), Just(StatusCode::Ok), Just(StatusCode::Error)]
}

prop_compose! {
    fn any_details()(
        attributes in any_attributes(),
        events in prop::collection::vec((0..1000i64, "[a-c]{0,3}", any_attributes()), 0..2),
        links in prop::collection::vec((1..5u8, any_attributes()), 0..2),
        trace_state in "[a=b]{0,3}",
        status_message in "[a-z]{0,3}",
    ) -> (Attributes, Vec<SpanEvent>, Vec<SpanLink>, String, String) {
        let events = events.into_iter().map(|(after, name, attributes)| SpanEvent {
            timestamp_ns: BASE_NS + after,
            name,
            attributes,
        });
        let links = links.into_iter().map(|(id, attributes)| SpanLink {
            trace_id: TraceId([id; 16]),
            span_id: SpanId([id; 8]),
            trace_state: String::new(),
            attributes,
        });
        (attributes, events.collect(), links.collect(), trace_state, status_message)
    }
}

prop_compose! {
    /// Any span, of few traces, services and operations, within two days.
    pub(crate) fn any_span()(
        trace in 1..6u8,
        id in any::<u64>(),
        parent in prop::option::of(1..4u8),
        name in "op[a-c]",
        kind in any_kind(),
        status in any_status(),
        service in "[a-c]",
        start_s in 0..170_000i64,
        duration_ms in 0..3000i64,
        details in any_details(),
    ) -> Span {
        let (attributes, events, links, trace_state, status_message) = details;
        let start_ns = BASE_NS + start_s * 1_000_000_000;
        Span {
            trace_id: TraceId([trace; 16]),
            span_id: SpanId((id | 1).to_be_bytes()),
            parent_span_id: parent.map(|id| SpanId([id; 8])),
            trace_state,
            flags: u32::from(trace),
            name,
            kind,
            start_ns,
            end_ns: start_ns + duration_ms * 1_000_000,
            attributes,
            events,
            links,
            status,
            status_message,
            resource: resource(&service),
            scope: Arc::new(Scope { name: service, ..Scope::default() }),
        }
    }
}

/// Up to `most` spans.
pub(crate) fn any_spans(most: usize) -> impl Strategy<Value = Vec<Span>> {
    prop::collection::vec(any_span(), 0..most)
}
