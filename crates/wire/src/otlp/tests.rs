//! Published receiver cases and round trips.

use proptest::prelude::*;
use prost::Message;
use serde_json::{Value, json};
use skopos_core::span::{AttributeValue, SpanKind};

use super::*;

fn trace(span: &Value) -> Vec<u8> {
    json!({ "resourceSpans": [{
        "resource": { "attributes": [{ "key": "service.name", "value": { "stringValue": "svc" } }] },
        "scopeSpans": [{ "scope": { "name": "t" }, "spans": [span] }]
    }]})
    .to_string()
    .into_bytes()
}

fn good_span() -> Value {
    json!({
        "traceId": "5B8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "op", "kind": 2,
        "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": 1_544_712_661_000_000_000_u64,
    })
}

fn with(field: &str, value: Value) -> Vec<u8> {
    let mut span = good_span();
    span[field] = value;
    trace(&span)
}

#[test]
fn receiver_cases() {
    let text = crate::tests::shared("conformance/otlp/receiver.yaml");
    let suite: Value = serde_saphyr::from_str(&text).expect("the suite is YAML");
    let mut checked = 0;
    for case in suite["cases"].as_array().expect("a list") {
        let is_json_trace =
            case["id"].as_str().is_some_and(|id| id.starts_with("json: ")) && case["request"]["path"] == "/v1/traces";
        let Some(body) = case["request"].get("json").filter(|_| is_json_trace) else {
            continue;
        };
        checked += 1;
        let body = body.to_string();
        let (batch, rejected) = match decode_traces(Codec::Json, body.as_bytes()) {
            Ok(request) => span_batch(request),
            Err(error) => {
                let refusable = case["expect"]["status"] == 400 || !case["expect"]["status_in"].is_null();
                assert!(refusable, "{}: {error}", case["id"]);
                continue;
            }
        };
        assert_ne!(case["expect"]["status"], 400, "{}", case["id"]);
        if let Some(count) = case["expect"]["rejected"].as_u64() {
            assert_eq!(rejected.count, count, "{}", case["id"]);
        }
        if let Some(count) = case["expect"]["spans"].as_u64() {
            assert_eq!(batch.spans.len() as u64, count, "{}", case["id"]);
        }
        if let Some(stored) = case["expect"]["stored"].as_object() {
            let out = spans_to_json(&batch.spans);
            let span = &out["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
            for (field, wanted) in stored.iter().filter(|(_, wanted)| **wanted != json!("")) {
                assert_eq!(
                    without_empty(&span[field]),
                    without_empty(wanted),
                    "{}: {field}",
                    case["id"]
                );
            }
        }
    }
    assert!(checked > 20, "only {checked} cases were found");
}

/// Empty lists and texts may be left out of an answer.
fn without_empty(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| **value != json!("") && **value != json!([]))
            .map(|(name, value)| (name.clone(), without_empty(value)))
            .collect(),
        Value::Array(items) => items.iter().map(without_empty).collect(),
        other => other.clone(),
    }
}

#[test]
fn json_and_protobuf_say_the_same() {
    let from_json = decode_traces(Codec::Json, &trace(&good_span())).expect("good JSON");
    let from_protobuf = decode_traces(Codec::Protobuf, &from_json.encode_to_vec()).expect("good protobuf");
    assert_eq!(from_json, from_protobuf);
    let (batch, rejected) = span_batch(from_protobuf);
    assert_eq!(rejected, Rejected::default());
    assert_eq!(batch.spans[0].kind, SpanKind::Server);
    assert_eq!(batch.spans[0].resource.service_name(), "svc");
    assert_eq!(batch.spans[0].duration_ns(), 1_000_000_000);
    assert_eq!(
        spans_to_json(&batch.spans)["resourceSpans"][0]["scopeSpans"][0]["scope"]["name"],
        "t"
    );
}

#[test]
fn errors_name_the_field() {
    let error = decode_traces(Codec::Json, &with("startTimeUnixNano", json!("1.5"))).expect_err("a fraction");
    assert!(
        error
            .to_string()
            .starts_with("field resourceSpans[0].scopeSpans[0].spans[0].startTimeUnixNano: "),
        "{error}"
    );
    assert!(decode_traces(Codec::Json, b"[]").is_err());
    assert!(decode_traces(Codec::Protobuf, b"{}").is_err());
    assert!(decode_traces(Codec::Json, &with("name", Value::Null)).is_ok());
    assert!(decode_traces(Codec::Json, &with("kind", json!("SPAN_KIND_CLIENT"))).is_ok());
}

#[test]
fn deep_values_are_refused_not_followed() {
    let deep = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    assert!(matches!(
        decode_traces(Codec::Json, deep.as_bytes()),
        Err(OtlpError::Syntax { .. })
    ));
}

#[test]
fn invalid_spans_are_rejected_one_by_one() {
    let body = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [
        good_span(),
        { "traceId": "00000000000000000000000000000000", "spanId": "eee19b7ec3c1b174", "name": "zero" },
        { "traceId": "ab", "spanId": "eee19b7ec3c1b174", "name": "short" },
    ] }] }] });
    let request = decode_traces(Codec::Json, body.to_string().as_bytes()).expect("readable");
    let (batch, rejected) = span_batch(request);
    assert_eq!((batch.spans.len(), rejected.count), (1, 2));
    assert!(rejected.message.contains("\"zero\""), "{}", rejected.message);
    let answer: Value = serde_json::from_slice(&encode_traces_response(Codec::Json, rejected)).expect("JSON");
    assert_eq!(answer["partialSuccess"]["rejectedSpans"], "2");
    assert_eq!(encode_traces_response(Codec::Json, Rejected::default()), b"{}");
    assert_eq!(encode_traces_response(Codec::Protobuf, Rejected::default()), b"");
}

fn logs(record: &Value) -> skopos_core::log::LogBatch {
    let body = json!({ "resourceLogs": [{
        "resource": { "attributes": [
            { "key": "service.name", "value": { "stringValue": "svc" } },
            { "key": "host.name", "value": { "stringValue": "h" } },
        ] },
        "scopeLogs": [{ "scope": { "name": "lib", "version": "1" }, "logRecords": [record] }]
    }]});
    let request = decode_logs(Codec::Json, body.to_string().as_bytes()).expect("readable");
    let (batch, rejected) = log_batch(request, 7);
    assert_eq!(rejected.count, 0);
    batch
}

#[test]
fn log_records_map_as_in_loki() {
    let batch = logs(&json!({
        "timeUnixNano": "5", "observedTimeUnixNano": "6", "severityNumber": 17, "severityText": "ERROR",
        "body": { "stringValue": "boom" }, "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": "eee19b7ec3c1b174", "flags": 1,
        "attributes": [{ "key": "http.route", "value": { "kvlistValue": { "values": [
            { "key": "a", "value": { "intValue": "3" } }
        ] } } }],
    }));
    assert_eq!(batch.streams[0].labels.to_string(), r#"{service_name="svc"}"#);
    let entry = &batch.streams[0].entries[0];
    assert_eq!((entry.timestamp_ns, entry.line.as_str()), (5, "boom"));
    assert_eq!(
        entry.structured_metadata.to_string(),
        r#"{detected_level="error", flags="1", host_name="h", http_route_a="3", observed_timestamp="6", scope_name="lib", scope_version="1", severity_number="17", severity_text="ERROR", span_id="eee19b7ec3c1b174", trace_id="5b8efff798038103d269b633813fc60c"}"#
    );
}

#[test]
fn log_bodies_and_times_fall_back() {
    let batch = logs(&json!({ "body": { "arrayValue": { "values": [{ "intValue": 1 }, { "stringValue": "x" }] } } }));
    assert_eq!(batch.streams[0].entries[0].timestamp_ns, 7);
    assert_eq!(batch.streams[0].entries[0].line, r#"[1,"x"]"#);
    let batch = logs(&json!({ "observedTimeUnixNano": 9 }));
    assert_eq!(batch.streams[0].entries[0].timestamp_ns, 9);
}

#[test]
fn attributes_survive_the_way_out() {
    let value = json!({ "kvlistValue": { "values": [
        { "key": "b", "value": { "bytesValue": "AAEC/w==" } },
        { "key": "d", "value": { "doubleValue": "-Infinity" } },
    ] } });
    let body = with("attributes", json!([{ "key": "k", "value": value }, { "key": "none" }]));
    let (batch, _) = span_batch(decode_traces(Codec::Json, &body).expect("readable"));
    assert_eq!(batch.spans[0].attributes[1].1, AttributeValue::String(String::new()));
    let out = spans_to_json(&batch.spans);
    assert_eq!(
        out["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"][0]["value"],
        value
    );
}

#[test]
fn recorded_requests_decode() {
    use base64::Engine as _;
    let text = crate::tests::shared("conformance/otlp/wire_protobuf.yaml");
    let suite: Value = serde_saphyr::from_str(&text).expect("the suite is YAML");
    for request in suite["requests"].as_array().expect("a list") {
        let body = base64::engine::general_purpose::STANDARD
            .decode(request["body_base64"].as_str().expect("text"))
            .expect("base64");
        let encoding = request["headers"]["content-encoding"].as_str().unwrap_or_default();
        let encoding = crate::compression::Encoding::from_header(encoding).expect("a known coding");
        let body = crate::compression::decompress(encoding, &body, 1 << 20).expect("good body");
        match request["path"].as_str() {
            Some("/v1/traces") => {
                let (batch, rejected) = span_batch(decode_traces(Codec::Protobuf, &body).expect("a request"));
                assert!(!batch.spans.is_empty() && rejected.count == 0);
            }
            Some("/v1/logs") => {
                let (batch, rejected) = log_batch(decode_logs(Codec::Protobuf, &body).expect("a request"), 0);
                assert!(!batch.streams.is_empty() && rejected.count == 0);
            }
            _ => {}
        }
    }
}

fn read_all(body: &[u8]) -> usize {
    let mut read = 0;
    for codec in [Codec::Json, Codec::Protobuf] {
        read += decode_traces(codec, body).map_or(0, |request| span_batch(request).0.spans.len());
        read += decode_logs(codec, body).map_or(0, |request| log_batch(request, 0).0.streams.len());
    }
    read
}

proptest! {
    #[test]
    fn no_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(read_all(&body) < 300);
    }

    #[test]
    fn no_mutation_panics(at in 0usize..600, byte in any::<u8>()) {
        let good = trace(&good_span());
        let request = decode_traces(Codec::Json, &good).expect("good JSON");
        for mut body in [good, request.encode_to_vec()] {
            let length = body.len();
            body[at % length] = byte;
            prop_assert!(read_all(&body) < 300);
        }
    }
}
