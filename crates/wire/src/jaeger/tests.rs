//! Both formats over the same spans, and bodies that lie.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use prost_types::{Duration, Timestamp};
use skopos_core::span::{AttributeValue, Attributes, SpanKind, StatusCode};

use super::*;

const TRACE: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
const SPAN: [u8; 8] = [1, 0, 0, 0, 0, 0, 0, 1];
const PARENT: [u8; 8] = [2, 0, 0, 0, 0, 0, 0, 2];
const OTHER: [u8; 8] = [3, 0, 0, 0, 0, 0, 0, 3];

fn tag(key: &str, value: AttributeValue) -> KeyValue {
    let mut tag = KeyValue {
        key: key.to_owned(),
        ..KeyValue::default()
    };
    match value {
        AttributeValue::String(text) => tag.v_str = text,
        AttributeValue::Bool(truth) => (tag.v_type, tag.v_bool) = (1, truth),
        AttributeValue::Int(number) => (tag.v_type, tag.v_int64) = (2, number),
        AttributeValue::Double(number) => (tag.v_type, tag.v_float64) = (3, number),
        AttributeValue::Bytes(bytes) => (tag.v_type, tag.v_binary) = (4, bytes),
        other => panic!("Jaeger has no {other}"),
    }
    tag
}

fn text(key: &str, value: &str) -> KeyValue {
    tag(key, AttributeValue::String(value.to_owned()))
}

fn reference(span_id: [u8; 8], ref_type: SpanRefType) -> SpanRef {
    SpanRef {
        trace_id: TRACE.to_vec(),
        span_id: span_id.to_vec(),
        ref_type: ref_type.into(),
    }
}

fn span() -> Span {
    Span {
        trace_id: TRACE.to_vec(),
        span_id: SPAN.to_vec(),
        operation_name: "op".to_owned(),
        flags: 3,
        start_time: Some(Timestamp {
            seconds: 1_700_000_000,
            nanos: 123_456_789,
        }),
        duration: Some(Duration { seconds: 1, nanos: 1 }),
        ..Span::default()
    }
}

fn batch(spans: Vec<Span>) -> PostSpansRequest {
    let process = Process {
        service_name: "shop".to_owned(),
        tags: vec![text("hostname", "h1"), text("jaeger.version", "Go-2.30")],
    };
    PostSpansRequest {
        batch: Some(Batch {
            spans,
            process: Some(process),
        }),
    }
}

fn converted(span: Span) -> skopos_core::span::Span {
    let (batch, rejected) = span_batch(batch(vec![span]));
    assert_eq!(rejected.count, 0, "{}", rejected.message);
    batch.spans.into_iter().next().expect("one span")
}

fn tagged(tags: Vec<KeyValue>) -> skopos_core::span::Span {
    converted(Span { tags, ..span() })
}

fn strings(attributes: &Attributes) -> Vec<(&str, String)> {
    let pairs = attributes.iter();
    pairs.map(|(key, value)| (key.as_str(), value.to_string())).collect()
}

#[test]
fn a_span_of_protobuf_keeps_its_nanoseconds_and_types() {
    let got = tagged(vec![
        tag("b", AttributeValue::Bool(true)),
        tag("i", AttributeValue::Int(-7)),
        tag("d", AttributeValue::Double(0.5)),
        tag("y", AttributeValue::Bytes(vec![0, 255])),
        KeyValue {
            key: "new".to_owned(),
            v_type: 9,
            ..KeyValue::default()
        },
    ]);
    assert_eq!((got.trace_id.0, got.span_id.0, got.parent_span_id), (TRACE, SPAN, None));
    assert_eq!(
        (got.start_ns, got.end_ns),
        (1_700_000_000_123_456_789, 1_700_000_001_123_456_790)
    );
    assert_eq!(
        (got.flags, got.name.as_str(), got.kind),
        (1, "op", SpanKind::Unspecified)
    );
    assert_eq!(got.attributes[0].1, AttributeValue::Bool(true));
    assert_eq!(got.attributes[3].1, AttributeValue::Bytes(vec![0, 255]));
    assert_eq!(
        strings(&got.attributes)[4],
        ("new", "<Unknown Jaeger TagType \"9\">".to_owned())
    );
    assert_eq!(
        strings(&got.resource.attributes),
        [
            ("service.name", "shop".to_owned()),
            ("host.name", "h1".to_owned()),
            ("opencensus.exporterversion", "Jaeger-Go-2.30".to_owned()),
        ]
    );
}

#[test]
fn tags_that_are_fields_in_opentelemetry_become_them() {
    let got = tagged(vec![
        text("otel.scope.name", "lib"),
        text("otel.scope.version", "1.2"),
        text("span.kind", "producer"),
        text("w3c.tracestate", "a=1,b=2"),
        text("kept", "x"),
    ]);
    assert_eq!((got.scope.name.as_str(), got.scope.version.as_str()), ("lib", "1.2"));
    assert_eq!((got.kind, got.trace_state.as_str()), (SpanKind::Producer, "a=1,b=2"));
    assert_eq!(strings(&got.attributes), [("kept", "x".to_owned())]);
    let old = tagged(vec![
        text("otel.library.name", "old"),
        text("otel.library.version", "0.1"),
    ]);
    assert_eq!((old.scope.name.as_str(), old.scope.version.as_str()), ("old", "0.1"));
    let odd = tagged(vec![
        text("span.kind", "local"),
        tag("w3c.tracestate", AttributeValue::Int(1)),
    ]);
    assert_eq!((odd.kind, odd.attributes.len()), (SpanKind::Unspecified, 2));
}

#[test]
fn the_status_is_what_the_tags_say() {
    use StatusCode::{Error, Ok, Unset};
    let failed = || tag("error", AttributeValue::Bool(true));
    let http = |status| tag("http.status_code", AttributeValue::Int(status));
    let kind = |word| text("span.kind", word);
    for (tags, status, message, left) in [
        (vec![], Unset, "", 0),
        (vec![failed()], Error, "", 0),
        (vec![failed(), text("otel.status_description", "why")], Error, "why", 0),
        (vec![failed(), text("http.status_message", "Gone")], Error, "Gone", 1),
        // The tag `error` is above the code.
        (vec![failed(), text("otel.status_code", "OK")], Error, "", 0),
        (vec![text("otel.status_code", "ok")], Ok, "", 0),
        (
            vec![
                text("otel.status_code", "ERROR"),
                text("otel.status_description", "why"),
            ],
            Error,
            "why",
            0,
        ),
        (vec![text("otel.status_code", "UNSET")], Unset, "", 0),
        (vec![tag("error", AttributeValue::Bool(false))], Unset, "", 1),
        // A text is not the flag.
        (vec![text("error", "true")], Unset, "", 1),
        (vec![http(200)], Unset, "", 1),
        (vec![http(503), text("http.status_message", "Busy")], Error, "Busy", 2),
        (vec![http(404), kind("client")], Error, "", 1),
        (vec![http(404), kind("server")], Unset, "", 1),
        (vec![text("http.status_code", "500")], Error, "", 1),
        (vec![http(500), text("otel.status_code", "OK")], Ok, "", 1),
    ] {
        let got = tagged(tags.clone());
        assert_eq!(
            (got.status, got.status_message.as_str(), got.attributes.len()),
            (status, message, left),
            "{tags:?}"
        );
    }
}

#[test]
fn references_are_the_parent_and_links() {
    let referring = |references: Vec<SpanRef>| {
        let got = converted(Span { references, ..span() });
        let links: Vec<_> = got
            .links
            .iter()
            .map(|link| (link.span_id.0, strings(&link.attributes)[0].1.clone()))
            .collect();
        (got.parent_span_id.map(|id| id.0), links)
    };
    let child_of = |id| reference(id, SpanRefType::ChildOf);
    let follows = |id| reference(id, SpanRefType::FollowsFrom);
    let (child, after) = ("child_of".to_owned(), "follows_from".to_owned());
    assert_eq!(referring(vec![]), (None, vec![]));
    assert_eq!(referring(vec![child_of(PARENT)]), (Some(PARENT), vec![]));
    assert_eq!(
        referring(vec![follows(OTHER), child_of(PARENT)]),
        (Some(PARENT), vec![(OTHER, after.clone())])
    );
    assert_eq!(referring(vec![follows(PARENT)]), (Some(PARENT), vec![(PARENT, after)]));
    assert_eq!(
        referring(vec![child_of(PARENT), child_of(OTHER)]),
        (Some(PARENT), vec![(OTHER, child.clone())])
    );
    let elsewhere = SpanRef {
        trace_id: vec![9; 16],
        ..child_of(PARENT)
    };
    assert_eq!(referring(vec![elsewhere]), (None, vec![(PARENT, child)]));
    let broken = SpanRef {
        span_id: vec![1],
        ..child_of(PARENT)
    };
    assert_eq!(referring(vec![broken, child_of([0; 8])]), (None, vec![]));
}

#[test]
fn logs_are_events_named_by_their_field() {
    let log = |fields| Log {
        timestamp: Some(Timestamp { seconds: 1, nanos: 2 }),
        fields,
    };
    let got = converted(Span {
        logs: vec![
            log(vec![text("n", "1"), text("event", "retry")]),
            log(vec![tag("event", AttributeValue::Int(1))]),
        ],
        ..span()
    });
    assert_eq!(
        (got.events[0].timestamp_ns, got.events[0].name.as_str()),
        (1_000_000_002, "retry")
    );
    assert_eq!(strings(&got.events[0].attributes), [("n", "1".to_owned())]);
    assert_eq!((got.events[1].name.as_str(), got.events[1].attributes.len()), ("", 1));
}

#[test]
fn the_process_of_a_span_goes_before_that_of_the_batch() {
    let of = |name: &str| Span {
        process: Some(Process {
            service_name: name.to_owned(),
            tags: vec![],
        }),
        ..span()
    };
    let (got, _) = span_batch(batch(vec![of("a"), of("a"), span(), of("OTLPResourceNoServiceName")]));
    let names: Vec<&str> = got.spans.iter().map(|span| span.resource.service_name()).collect();
    assert_eq!(names, ["a", "a", "shop", "unknown_service"]);
    assert!(std::sync::Arc::ptr_eq(&got.spans[0].resource, &got.spans[1].resource));
    assert!(std::sync::Arc::ptr_eq(&got.spans[0].scope, &got.spans[3].scope));
}

#[test]
fn spans_without_an_id_or_a_time_are_rejected_alone() {
    let at = |seconds| Span {
        start_time: Some(Timestamp { seconds, nanos: 0 }),
        ..span()
    };
    let lasting = |seconds| Span {
        duration: Some(Duration { seconds, nanos: 0 }),
        ..span()
    };
    let broken = vec![
        Span {
            trace_id: vec![0; 16],
            ..span()
        },
        Span {
            trace_id: vec![1; 8],
            ..span()
        },
        Span {
            span_id: vec![],
            ..span()
        },
        at(i64::MAX),
        at(-1),
        lasting(i64::MAX),
        lasting(9_000_000_000),
    ];
    let count = broken.len() as u64;
    let (got, rejected) = span_batch(batch(broken.into_iter().chain([span()]).collect()));
    assert_eq!((got.spans.len(), rejected.count), (1, count));
    assert!(rejected.message.contains("invalid trace id"), "{}", rejected.message);
    assert_eq!(span_batch(PostSpansRequest::default()).0.spans, []);
}

/// The body of a shared case.
fn body(id: &str) -> Vec<u8> {
    let cases: serde_json::Value =
        serde_saphyr::from_str(&crate::tests::shared("conformance/jaeger/thrift_http.yaml")).expect("YAML");
    let cases = cases["cases"].as_array().expect("cases");
    let case = cases.iter().find(|case| case["id"] == id).expect("the case");
    STANDARD
        .decode(case["body_base64"].as_str().expect("a body"))
        .expect("base64")
}

#[test]
fn a_batch_of_thrift_is_read() {
    let (got, rejected) = decode_batch(&body("alias content type")).expect("a batch");
    assert_eq!((got.spans.len(), rejected.count), (1, 0));
    let span = &got.spans[0];
    assert_eq!(span.trace_id.to_string(), "000000000000000052969a8955571a3f");
    assert_eq!(
        (span.start_ns, span.duration_ns()),
        (1_485_467_191_639_875_000, 22_938_000)
    );
    assert_eq!(span.kind, SpanKind::Server);
    assert_eq!(
        strings(&span.attributes),
        [
            ("http.url", "http://127.0.0.1:15598/client_transactions".to_owned()),
            ("peer.port", "53931".to_owned()),
            ("someBool", "true".to_owned()),
            ("someDouble", "129.8".to_owned()),
            ("peer.service", "rtapi".to_owned()),
            ("peer.ipv4", "3224716605".to_owned()),
        ]
    );
    let events: Vec<_> = span
        .events
        .iter()
        .map(|event| (event.name.as_str(), event.attributes.len()))
        .collect();
    assert_eq!(events, [("", 2), ("nothing", 0)]);
    assert_eq!(
        strings(&span.resource.attributes),
        [
            ("service.name", "api".to_owned()),
            ("host.name", "api246-sjc1".to_owned()),
            ("ip", "10.53.69.61".to_owned()),
            ("opencensus.exporterversion", "Jaeger-Python-3.1.0".to_owned()),
        ]
    );
}

/// The parent of thrift is a field; the reference beside it stays a link.
#[test]
fn the_parent_of_thrift_is_a_field() {
    let (got, _) = decode_batch(&body("batch_02")).expect("a batch");
    let parents: Vec<_> = got.spans.iter().map(|span| span.parent_span_id).collect();
    assert_eq!(parents[0].expect("a parent").to_string(), "000000000068c4e3");
    assert_eq!(parents[0], parents[1]);
    assert_eq!((got.spans[0].links.len(), got.spans[1].links.len()), (0, 1));
    assert_eq!(
        got.spans[0].attributes,
        [(
            "peer.service".to_owned(),
            AttributeValue::Bytes(vec![0, 0, 0, 0, 0, 0, 0x30, 0x39])
        )]
    );
}

#[test]
fn what_is_no_batch_is_told() {
    let told = |bytes: &[u8]| decode_batch(bytes).expect_err("no batch").to_string();
    assert_eq!(told(b""), "unexpected end of the body");
    assert_eq!(told(&[0]), "Required field Process is not set");
    // A process without a name, and one without spans.
    assert_eq!(told(&[12, 0, 1, 0, 0]), "Required field ServiceName is not set");
    assert_eq!(
        told(&[12, 0, 1, 11, 0, 1, 0, 0, 0, 0, 0, 0]),
        "Required field Spans is not set"
    );
    // Texts and lists that say they are longer than the body.
    let lies = [
        &[12, 0, 1, 11, 0, 1, 0x7f, 0xff, 0xff, 0xff, b'a'][..],
        &[15, 0, 2, 12, 0x7f, 0xff, 0xff, 0xff, 0],
        &[15, 0, 9, 2, 0x7f, 0xff, 0xff, 0xff, 0],
        &[11, 0, 9, 0xff, 0xff, 0xff, 0xff],
    ];
    for lie in lies {
        assert!(decode_batch(lie).is_err(), "{lie:?}");
    }
    assert!(told(&[15, 0, 2, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0]).contains("a list of i32"));
    let mut deep = [15, 0, 9].to_vec();
    deep.extend(std::iter::repeat_n([15, 0, 0, 0, 1], 500).flatten());
    assert!(decode_batch(&deep).is_err());
    let whole = body("batch_02");
    for length in 0..whole.len() {
        assert!(decode_batch(&whole[..length]).is_err(), "the first {length} bytes");
    }
    let unknown = [&[3, 0, 99, 1, 12, 0, 98, 13, 0, 1, 11, 8, 0, 0, 0, 0, 0][..], &whole].concat();
    assert_eq!(decode_batch(&unknown), decode_batch(&whole));
}

proptest! {
    #[test]
    fn changed_bodies_are_read_or_refused(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = body("alias content type");
        for (at, byte) in changes {
            *at.get_mut(&mut bytes) = byte;
        }
        drop(decode_batch(&bytes));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(decode_batch(&bytes));
    }
}
