//! The bytes, read back by a decoder that is first proven on the shared batches of Jaeger's own encoder.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use opentelemetry::InstrumentationScope;
use opentelemetry::trace::{SpanContext, TraceFlags, TraceState};
use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::*;

/// A struct of Thrift's binary protocol as `{field id: value}`.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take(&mut self, count: usize) -> &[u8] {
        let (head, rest) = self.0.split_at(count);
        self.0 = rest;
        head
    }

    fn int(&mut self, width: usize) -> i64 {
        let bytes = self.take(width);
        let value = bytes.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        let unused = 64 - 8 * width as u32;
        (value << unused) as i64 >> unused
    }

    fn value(&mut self, kind: u8) -> Json {
        match kind {
            2 => json!(self.int(1) != 0),
            4 => json!(f64::from_bits(self.int(8) as u64)),
            8 => json!(self.int(4)),
            10 => json!(self.int(8)),
            11 => {
                let length = self.int(4) as usize;
                json!(String::from_utf8_lossy(self.take(length)))
            }
            12 => self.structure(),
            15 => {
                let kind = self.int(1) as u8;
                let count = self.int(4);
                (0..count).map(|_| self.value(kind)).collect()
            }
            other => panic!("type {other}"),
        }
    }

    fn structure(&mut self) -> Json {
        let mut fields = BTreeMap::new();
        loop {
            let kind = self.int(1) as u8;
            if kind == 0 {
                return json!(fields);
            }
            let id = self.int(2);
            fields.insert(id.to_string(), self.value(kind));
        }
    }
}

fn decode(bytes: &[u8]) -> Json {
    let mut reader = Reader(bytes);
    let batch = reader.structure();
    assert!(reader.0.is_empty(), "{} bytes too many", reader.0.len());
    batch
}

#[derive(Deserialize)]
struct Shared {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    body_base64: String,
}

#[test]
fn the_decoder_reads_the_bytes_of_jaeger() {
    let Some(shared) = std::env::var_os("SKOPOS_SHARED") else {
        return;
    };
    let path = std::path::Path::new(&shared).join("conformance/jaeger/thrift_http.yaml");
    let text = std::fs::read_to_string(path).expect("the shared cases");
    let cases: Shared = serde_saphyr::from_str(&text).expect("cases");
    let body = |id: &str| {
        let case = cases.cases.iter().find(|case| case.id == id).expect("the case");
        STANDARD.decode(&case.body_base64).expect("base64")
    };
    let batch = decode(&body("batch_02"));
    assert_eq!(batch["1"]["1"], "api");
    assert_eq!(batch["2"][0]["1"], 5_951_113_872_249_657_919_i64);
    assert_eq!(batch["2"][1]["6"][0]["1"], i64::from(FOLLOWS_FROM));
    let tags = decode(&body("alias content type"))["2"][0]["10"].clone();
    assert_eq!(tags[1], json!({"1": "span.kind", "2": 0, "3": "server"}));
    assert_eq!(tags[3], json!({"1": "someBool", "2": 2, "5": true}));
    assert_eq!(tags[4], json!({"1": "someDouble", "2": 1, "4": 129.8}));
}

pub(in crate::backends) fn span() -> SpanData {
    let context = |trace: u128, span: u64| {
        let flags = TraceFlags::SAMPLED;
        SpanContext::new(TraceId::from(trace), SpanId::from(span), flags, false, TraceState::NONE)
    };
    let start = SystemTime::UNIX_EPOCH + Duration::from_micros(1_485_467_191_639_875);
    let mut events = SpanEvents::default();
    events.events.push(Event::new(
        "retry",
        start + Duration::from_micros(5),
        vec![KeyValue::new("attempt", 2)],
        0,
    ));
    let mut links = SpanLinks::default();
    links.links.push(Link::with_context(context(0xaa, 0xbb)));
    SpanData {
        span_context: context(0x0001_0000_0000_0000_52a6_9a89_5557_1a3f, 0x0064_7d98),
        parent_span_id: SpanId::from(0x0068_c4e3),
        parent_span_is_remote: false,
        span_kind: SpanKind::Server,
        name: "GET /orders".into(),
        start_time: start,
        end_time: start + Duration::from_micros(22_938),
        attributes: vec![
            KeyValue::new("http.route", "/orders"),
            KeyValue::new("count", 7),
            KeyValue::new("share", 0.5),
            KeyValue::new("cached", true),
            KeyValue::new(
                "tags",
                Value::Array(vec![opentelemetry::StringValue::from("a\"b")].into()),
            ),
        ],
        dropped_attributes_count: 0,
        events,
        links,
        status: Status::error("no stock"),
        instrumentation_scope: InstrumentationScope::builder("shop").build(),
    }
}

#[test]
fn a_span_becomes_a_batch() {
    let resource = Resource::builder_empty()
        .with_attributes([KeyValue::new("service.name", "shop"), KeyValue::new("team", "zeta")])
        .build();
    let batch = decode(&encode(&Process::of(&resource), &[span()]));
    assert_eq!(
        batch["1"],
        json!({"1": "shop", "2": [{"1": "team", "2": 0, "3": "zeta"}]})
    );
    let span = &batch["2"][0];
    let fields = |ids: &[&str]| ids.iter().map(|id| span[*id].clone()).collect::<Vec<_>>();
    assert_eq!(
        fields(&["1", "2", "3", "4", "5", "7", "8", "9"]),
        [
            json!(0x52a6_9a89_5557_1a3f_i64),
            json!(0x0001_0000_0000_0000_i64),
            json!(0x0064_7d98),
            json!(0x0068_c4e3),
            json!("GET /orders"),
            json!(1),
            json!(1_485_467_191_639_875_i64),
            json!(22_938),
        ]
    );
    assert_eq!(span["6"], json!([{"1": 1, "2": 0xaa, "3": 0, "4": 0xbb}]));
    let tags = span["10"].as_array().expect("a list");
    for tag in [
        json!({"1": "http.route", "2": 0, "3": "/orders"}),
        json!({"1": "count", "2": 3, "6": 7}),
        json!({"1": "share", "2": 1, "4": 0.5}),
        json!({"1": "cached", "2": 2, "5": true}),
        json!({"1": "tags", "2": 0, "3": r#"["a\"b"]"#}),
        json!({"1": "span.kind", "2": 0, "3": "server"}),
        json!({"1": "error", "2": 2, "5": true}),
        json!({"1": "otel.status_description", "2": 0, "3": "no stock"}),
    ] {
        assert!(tags.contains(&tag), "{tag} in {tags:?}");
    }
    assert_eq!(
        span["11"],
        json!([{"1": 1_485_467_191_639_880_i64, "2": [
            {"1": "event", "2": 0, "3": "retry"}, {"1": "attempt", "2": 3, "6": 2}
        ]}])
    );
}

#[test]
fn skopos_reads_the_batch_as_the_span_was() {
    use skopos_core::span::{AttributeValue, SpanKind as Kind, StatusCode};
    let resource = Resource::builder_empty()
        .with_attributes([KeyValue::new("service.name", "shop"), KeyValue::new("team", "zeta")])
        .build();
    let sent = span();
    let body = encode(&Process::of(&resource), std::slice::from_ref(&sent));
    let (batch, rejected) = skopos_wire::jaeger::decode_batch(&body).expect("a batch");
    assert_eq!((batch.spans.len(), rejected.count), (1, 0));
    let read = &batch.spans[0];
    assert_eq!(read.trace_id.0, sent.span_context.trace_id().to_bytes());
    assert_eq!(read.span_id.0, sent.span_context.span_id().to_bytes());
    assert_eq!(read.parent_span_id.expect("a parent").0, sent.parent_span_id.to_bytes());
    assert_eq!(
        (read.name.as_str(), read.kind, read.flags),
        ("GET /orders", Kind::Server, 1)
    );
    assert_eq!(
        (read.start_ns, read.duration_ns()),
        (1_485_467_191_639_875_000, 22_938_000)
    );
    assert_eq!(
        (read.status, read.status_message.as_str()),
        (StatusCode::Error, "no stock")
    );
    assert_eq!(read.scope.name, "shop");
    let text = |key: &str, value: &str| (key.to_owned(), AttributeValue::String(value.to_owned()));
    assert_eq!(
        read.attributes,
        [
            text("http.route", "/orders"),
            ("count".to_owned(), AttributeValue::Int(7)),
            ("share".to_owned(), AttributeValue::Double(0.5)),
            ("cached".to_owned(), AttributeValue::Bool(true)),
            text("tags", r#"["a\"b"]"#),
        ]
    );
    let event = &read.events[0];
    assert_eq!(
        (event.name.as_str(), event.timestamp_ns),
        ("retry", 1_485_467_191_639_880_000)
    );
    assert_eq!(event.attributes, [("attempt".to_owned(), AttributeValue::Int(2))]);
    assert_eq!(
        (read.links.len(), read.links[0].span_id.0),
        (1, SpanId::from(0xbb).to_bytes())
    );
    assert_eq!(
        read.resource.attributes,
        [text("service.name", "shop"), text("team", "zeta")]
    );
}
