//! Pushes in every form, by the published cases and by hand.

use std::collections::BTreeMap;
use std::io::Write;

use proptest::prelude::*;
use prost::Message;
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Suite {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    content_type: String,
    #[serde(default)]
    content_encoding: String,
    #[serde(default)]
    body_is_compressed_with: String,
    body: String,
    status: u16,
    #[serde(default)]
    service_name_discovery: bool,
    streams: Option<Vec<WantedStream>>,
    stream_labels: Option<Vec<BTreeMap<String, String>>>,
}

#[derive(Deserialize)]
struct WantedStream {
    labels: BTreeMap<String, String>,
    entries: Vec<WantedEntry>,
}

#[derive(Deserialize)]
struct WantedEntry {
    ts_ns: String,
    line: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

fn compress(coding: &str, body: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" => {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            writer.write_all(body).expect("writes to memory");
            writer.finish().expect("writes to memory")
        }
        "deflate" => {
            let mut writer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
            writer.write_all(body).expect("writes to memory");
            writer.finish().expect("writes to memory")
        }
        _ => body.to_vec(),
    }
}

fn labels(pairs: &BTreeMap<String, String>) -> Labels {
    Labels::from_pairs(pairs.iter())
}

#[test]
fn published_json_cases() {
    let text = crate::tests::shared("conformance/logql/push_json.yaml");
    for case in serde_saphyr::from_str::<Suite>(&text).expect("the suite is YAML").cases {
        let body = compress(&case.body_is_compressed_with, case.body.as_bytes());
        let options = PushOptions {
            discover_service_name: case.service_name_discovery,
            discover_log_levels: false,
            ..PushOptions::default()
        };
        let decoded = decode_push(&case.content_type, &case.content_encoding, &body, &options);
        assert_eq!(decoded.is_ok(), case.status == 204, "{}: {decoded:?}", case.id);
        let Ok(push) = decoded else { continue };
        if let Some(wanted) = &case.stream_labels {
            let got: Vec<Labels> = push.batch.streams.iter().map(|stream| stream.labels.clone()).collect();
            assert_eq!(got, wanted.iter().map(labels).collect::<Vec<_>>(), "{}", case.id);
        }
        if let Some(wanted) = &case.streams {
            assert_eq!(push.batch, batch(wanted), "{}", case.id);
        }
    }
}

fn batch(wanted: &[WantedStream]) -> LogBatch {
    let entry = |entry: &WantedEntry| LogEntry {
        timestamp_ns: entry.ts_ns.parse().expect("digits"),
        line: entry.line.clone(),
        structured_metadata: labels(&entry.metadata),
    };
    let stream = |stream: &WantedStream| StreamBatch {
        labels: labels(&stream.labels),
        entries: stream.entries.iter().map(entry).collect(),
    };
    LogBatch {
        streams: wanted.iter().map(stream).collect(),
    }
}

fn protobuf(labels: &str, line: &str) -> Vec<u8> {
    let request = PushRequest {
        streams: vec![StreamMessage {
            labels: labels.to_owned(),
            entries: vec![EntryMessage {
                timestamp: Some(Timestamp { seconds: 2, nanos: 5 }),
                line: line.to_owned(),
                structured_metadata: vec![LabelPair {
                    name: "trace_id".to_owned(),
                    value: "ab".to_owned(),
                }],
            }],
        }],
    };
    snap::raw::Encoder::new()
        .compress_vec(&request.encode_to_vec())
        .expect("short input")
}

#[test]
fn protobuf_is_read_whatever_its_type_says() {
    for (content_type, encoding) in [("application/x-protobuf", ""), ("application/foo", "snappy")] {
        let body = protobuf(r#"{job="a", empty=""}"#, "level=warn x");
        let push = decode_push(content_type, encoding, &body, &PushOptions::default()).expect("a good push");
        let stream = &push.batch.streams[0];
        assert_eq!(stream.labels, Labels::from_pairs([("job", "a"), ("service_name", "a")]));
        assert_eq!(stream.entries[0].timestamp_ns, 2_000_000_005);
        let metadata = Labels::from_pairs([("trace_id", "ab"), ("detected_level", "warn")]);
        assert_eq!(stream.entries[0].structured_metadata, metadata);
    }
}

#[test]
fn a_broken_stream_is_refused_alone() {
    for (text, reason) in [
        ("{", "invalid_labels"),
        ("{}", "missing_labels"),
        (r#"{a="1",a="2"}"#, "duplicate_label_names"),
    ] {
        let push = decode_push(
            "application/x-protobuf",
            "",
            &protobuf(text, "x"),
            &PushOptions::default(),
        );
        let push = push.expect("the push itself is readable");
        assert_eq!(push.batch.streams.len(), 0);
        assert_eq!(push.report.refused[0].reason, reason);
        assert_eq!(push.report.refused_count(), 1);
    }
}

#[test]
fn json_rules() {
    let decode = |body: &str| decode_push("application/json", "", body.as_bytes(), &PushOptions::default());
    for good in [
        r#"{"streams":null}"#,
        "{}",
        r#"{"streams":[null,{"stream":{"a":"b"},"values":[null,["1","x"]]}]}"#,
    ] {
        assert!(decode(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "[",
        r#"{"streams":[{"stream":{"a":"b"},"values":[[1,"x"]]}]}"#,
        r#"{"streams":[{"stream":{"a":"b"},"values":[["1",2]]}]}"#,
        r#"{"streams":[{"stream":{"a":"b"},"values":[["1s","x"]]}]}"#,
        r#"{"streams":[{"stream":{"a":"b"},"values":[["1","x",{"a":1}]]}]}"#,
        r#"{"streams":[{"stream":{"a":"b"},"values":[["1","x",["a"]]]}]}"#,
        r#"{"streams":[{"stream":{"a":"b"},"values":[["1"]]}]}"#,
    ] {
        assert!(decode(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_older_form_is_read() {
    let body = br#"{"streams":[{"labels":"{a=\"b\"}","entries":[{"ts":"1970-01-01T00:00:01.5Z","line":"x"}]}]}"#;
    let push = decode_legacy_push("application/json", "", body, &PushOptions::default()).expect("a good push");
    assert_eq!(push.batch.streams[0].entries[0].timestamp_ns, 1_500_000_000);
    assert_eq!(push.batch.streams[0].labels.get("a"), "b");
}

#[test]
fn a_body_over_the_limit_says_so() {
    let options = PushOptions {
        max_decompressed_bytes: 4,
        ..PushOptions::default()
    };
    let error = decode_push("application/json", "", b"{    }", &options).expect_err("over the limit");
    assert!(error.is_too_large(), "{error}");
    assert!(decode_push("", "", b"{}", &options).is_err());
}

proptest! {
    #[test]
    fn no_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..200, byte in any::<u8>()) {
        let options = PushOptions::default();
        let mut json = br#"{"streams":[{"stream":{"a":"b"},"values":[["1","level=warn {\"x\":1}",{"c":"d"}]]}]}"#.to_vec();
        let length = json.len();
        json[at % length] = byte;
        let packed = snap::raw::Encoder::new().compress_vec(&body).expect("short input");
        for (content_type, body) in [("application/json", &body), ("application/json", &json), ("application/x-protobuf", &packed)] {
            let push = decode_push(content_type, "", body, &options);
            prop_assert!(push.is_ok_and(|push| push.batch.streams.len() < 300) || decode_legacy_push(content_type, "", body, &options).is_err() || !body.is_empty());
        }
    }

    #[test]
    fn no_label_text_panics(text in "[{}=\"',\\\\a-z`0-9 ]{0,40}") {
        prop_assert!(parse_label_text(&text).map_or(0, |pairs| pairs.len()) <= 40);
    }
}
