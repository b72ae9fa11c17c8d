//! Answers in Loki's JSON.

use serde_json::Value;
use skopos_logql::LabelSet;
use skopos_logql::output::StreamsResult;

use super::*;

fn labels(pairs: &[(&str, &str)]) -> LabelSet {
    LabelSet::from_pairs(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
}

fn body(value: QueryValue, encoding: Encoding) -> Value {
    let output = LogQueryOutput {
        value,
        stats: QueryStats::default(),
        warnings: vec!["this is a warning".to_owned()],
    };
    let mut body: Value = serde_json::from_slice(&query_body(&output, encoding)).expect("the body is JSON");
    let data = body["data"].as_object_mut().expect("data is an object");
    assert!(data.remove("stats").is_some_and(|stats| stats["summary"].is_object()));
    body
}

fn entry(timestamp_ns: i64, line: &str) -> ResultEntry {
    ResultEntry {
        stream: labels(&[("test", "test")]),
        timestamp_ns,
        line: line.to_owned(),
        structured_metadata: LabelSet::empty(),
        parsed: LabelSet::empty(),
    }
}

/// The cases `httpresp-af0341f152` and `httpresp-6163e7bac3` of `conformance/logql/http_responses.yaml`.
#[test]
fn bodies_are_lokis() {
    let streams = QueryValue::Streams(StreamsResult {
        entries: vec![
            entry(123_456_789_012_345, "super line"),
            entry(123_456_789_012_346, "super line with labels"),
        ],
    });
    let expected = r#"{"status": "success", "warnings": ["this is a warning"], "data": {"resultType": "streams",
        "result": [{"stream": {"test": "test"}, "values": [["123456789012345", "super line"],
        ["123456789012346", "super line with labels"]]}]}}"#;
    let expected: Value = serde_json::from_str(expected).expect("JSON");
    assert_eq!(body(streams, Encoding::Merged), expected);

    let sample = |file: &str, value: f64| VectorSample {
        labels: labels(&[("filename", file), ("job", "varlogs")]),
        timestamp_ns: 1_568_404_331_324_000_000,
        value,
    };
    let vector = QueryValue::Vector(vec![
        sample("/var/hostlog/apport.log", 0.013_333_333_333_333_334),
        sample("/var/hostlog/syslog", 3.45),
    ]);
    let expected = r#"{"data": {"resultType": "vector", "result": [
        {"metric": {"filename": "/var/hostlog/apport.log", "job": "varlogs"},
         "value": [1568404331.324, "0.013333333333333334"]},
        {"metric": {"filename": "/var/hostlog/syslog", "job": "varlogs"}, "value": [1568404331.324, "3.45"]}]},
        "status": "success", "warnings": ["this is a warning"]}"#;
    let expected: Value = serde_json::from_str(expected).expect("JSON");
    assert_eq!(body(vector, Encoding::Merged), expected);
}

#[test]
fn categories_stand_beside_the_line() {
    let mut categorized = entry(5, "x");
    categorized.structured_metadata = labels(&[("trace_id", "ab")]);
    let streams = QueryValue::Streams(StreamsResult {
        entries: vec![categorized, entry(4, "y")],
    });
    let body = body(streams, Encoding::Categorized);
    assert_eq!(body["data"]["encodingFlags"], json!(["categorize-labels"]));
    let values = &body["data"]["result"][0]["values"];
    assert_eq!(
        values[0],
        json!(["5", "x", { "structuredMetadata": { "trace_id": "ab" } }])
    );
    assert_eq!(values[1], json!(["4", "y", {}]));
}
