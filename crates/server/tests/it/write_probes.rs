//! The requests of `conformance/promql/remote_write_probes.json`, which were put to Prometheus 3.5.3,
//! put to a server one after the other: its statuses, headers and texts.

use prost::Message as _;
use reqwest::RequestBuilder;
use serde::Deserialize;
use skopos_wire::remote_write::{BucketSpan, HistogramMessage, LabelMessage, SampleMessage, TimeSeries, WriteRequest};

use crate::harness::{Harness, shared};
use crate::write_v2::{self as v2, now_ms};

/// What Prometheus answered.
#[derive(Debug, Deserialize)]
struct Probe {
    case: String,
    status: u16,
    response_headers: std::collections::BTreeMap<String, String>,
    body: String,
}

/// Where Skopos answers another status, and why.
const DEPARTURES: [(&str, u16, &str); 4] = [
    (
        "NHCB unordered custom values",
        400,
        "no fault of the server's, as in Prometheus from 3.8 on",
    ),
    (
        "schema -5",
        400,
        "there is no such histogram to store: the sender is told",
    ),
    ("v2 no samples", 400, "as in Prometheus from 3.8 on"),
    (
        "v2 first symbol not empty",
        400,
        "the specification asks for it: such a table is shifted, and would misname all",
    ),
];

/// What of a text differs from request to request, or says how Go's decoders put it.
const TEXTS: [(&str, &str); 7] = [
    (
        "conflicting duplicate (same ts, other value)",
        "duplicate sample for timestamp ",
    ),
    (
        "NHCB unordered custom values",
        "histogram custom bounds must be in strictly ",
    ),
    ("schema -5", "invalid schema -5"),
    ("v2 no samples", "has neither samples nor histograms"),
    ("v2 first symbol not empty", "the first symbol must be the empty text"),
    ("bad snappy", "snappy"),
    ("bad protobuf", "body is not a valid prometheus.WriteRequest"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_those_of_prometheus() {
    let harness = Harness::start().await;
    let probes: Vec<Probe> =
        serde_json::from_str(&shared("conformance/promql/remote_write_probes.json")).expect("the probes are JSON");
    assert!(probes.len() >= 38, "{} probes", probes.len());
    let now_ms = now_ms();
    for probe in &probes {
        let response = request(&harness, &probe.case, now_ms)
            .send()
            .await
            .expect("the server answers");
        let departure = DEPARTURES.iter().find(|departure| departure.0 == probe.case);
        let status = departure.map_or(probe.status, |departure| departure.1);
        let case = format!("{} {departure:?}", probe.case);
        assert_eq!(response.status().as_u16(), status, "{case}");
        let headers = departure.is_none().then_some(&probe.response_headers);
        for (name, value) in headers.into_iter().flatten() {
            let got = response.headers().get(name).map(|got| got.to_str().expect("ASCII"));
            assert_eq!(got, Some(value.as_str()), "{case}: {name}");
        }
        let body = response.text().await.expect("a text");
        let text = TEXTS.iter().find(|text| text.0 == probe.case);
        let text = text.map_or(probe.body.trim_end(), |text| text.1);
        assert!(body.contains(text), "{case}: {body:?} lacks {text:?}");
        assert_eq!(body.is_empty(), text.is_empty(), "{case}: {body:?}");
    }
    harness.stop().await;
}

/// The request of a case. Cases build on those before.
fn request(harness: &Harness, case: &str, now_ms: i64) -> RequestBuilder {
    const MINUTE_MS: i64 = 60_000;
    let at = |name: &str, ms: i64, value| v1([series(&[("__name__", name)], &[(ms, value)])]);
    let labelled = |labels: &[(&str, &str)]| v1([series(labels, &[(now_ms, 1.0)])]);
    let good = at(case, now_ms, 1.0);
    let usual = [Some(PROTOBUF), Some("snappy"), Some("0.1.0")];
    let media = |content_type| [Some(content_type), Some("snappy"), Some("0.1.0")];
    let v2_headers = [Some(v2::V2), Some("snappy"), Some("2.0.0")];
    let batch = |names: [&str; 2]| {
        let late = |name: &str| if name == "late" { now_ms - MINUTE_MS } else { now_ms };
        v1(names.map(|name| series(&[("__name__", name)], &[(late(name), 3.0)])))
    };
    let (headers, body) = match case {
        "first sample" | "identical duplicate (same ts, same value)" => (usual, at("probe", now_ms, 1.0)),
        "conflicting duplicate (same ts, other value)" => (usual, at("probe", now_ms, 2.0)),
        "older sample, ooo window 0" => (usual, at("probe", now_ms - MINUTE_MS, 2.0)),
        "old sample > head min valid" => (usual, at("old", now_ms - 30 * MINUTE_MS, 1.0)),
        "11 min in the future" => (usual, at("future", now_ms + 11 * MINUTE_MS, 1.0)),
        "9 min in the future" => (usual, at("future", now_ms + 9 * MINUTE_MS, 1.0)),
        "no __name__" => (usual, labelled(&[("a", "b")])),
        "empty label value" => (usual, labelled(&[("__name__", "empty_value"), ("a", "")])),
        "utf-8 metric name" => (usual, labelled(&[("__name__", "größe.in metern")])),
        "empty request" => (usual, v1([])),
        "series without samples" => (usual, v1([series(&[("__name__", "none")], &[])])),
        "wrong content-encoding gzip" => ([Some(PROTOBUF), Some("gzip"), Some("0.1.0")], good),
        "no content-encoding" => ([Some(PROTOBUF), None, Some("0.1.0")], good),
        "content-type text/plain" => (media("text/plain"), good),
        "no content-type" => ([None, Some("snappy"), Some("0.1.0")], good),
        "content-type with proto=prometheus.WriteRequest" => {
            (media("application/x-protobuf;proto=prometheus.WriteRequest"), good)
        }
        "content-type with proto=io.prometheus.write.v2.Request but v1 body" => (v2_headers, good),
        "content-type with unknown proto" => (media("application/x-protobuf;proto=foo"), good),
        "no version header" => ([Some(PROTOBUF), Some("snappy"), None], good),
        "bad snappy" => (usual, b"no snappy".to_vec()),
        "bad protobuf" => (usual, snappy(&[0xff, 0xff, 0xff])),
        "GET instead of POST" => return harness.get("/api/v1/write"),
        "duplicate label name" => (usual, labelled(&[("__name__", "twice"), ("a", "b"), ("a", "c")])),
        "unsorted labels" => (usual, labelled(&[("b", "1"), ("a", "2"), ("__name__", "unsorted")])),
        "empty label name" => (usual, labelled(&[("", "b"), ("__name__", "empty_name")])),
        // Both follow a sample of now: `late` was there in the first of them.
        "batch: good series + out-of-order series" => (usual, {
            let newer = series(&[("__name__", "late")], &[(now_ms, 1.0), (now_ms - MINUTE_MS, 3.0)]);
            v1([series(&[("__name__", "good")], &[(now_ms, 3.0)]), newer])
        }),
        "batch: out-of-order then good" => (usual, batch(["late", "good_too"])),
        "float native histogram" => (usual, histogram(case, now_ms, HistogramMessage::default())),
        "native histogram count mismatch" => (
            usual,
            histogram(
                case,
                now_ms,
                HistogramMessage {
                    count_float: Some(9.0),
                    ..HistogramMessage::default()
                },
            ),
        ),
        "NHCB unordered custom values" => (
            usual,
            histogram(
                case,
                now_ms,
                HistogramMessage {
                    schema: -53,
                    custom_values: vec![5.0, 1.0],
                    ..HistogramMessage::default()
                },
            ),
        ),
        "schema 9" | "schema -5" => (
            usual,
            histogram(
                case,
                now_ms,
                HistogramMessage {
                    schema: case["schema ".len()..].parse().expect("a number"),
                    ..HistogramMessage::default()
                },
            ),
        ),
        "v2 good" => (v2_headers, v2_body("", &[("v2_a", now_ms), ("v2_b", now_ms)])),
        "v2 partial: good + ooo" => (
            v2_headers,
            v2_body("", &[("v2_c", now_ms), ("v2_a", now_ms - MINUTE_MS)]),
        ),
        "v2 no samples" => (v2_headers, v2_body("", &[("v2_none", 0)])),
        "v2 no name" => (v2_headers, {
            let symbols = ["", "a", "b"].map(str::to_owned).to_vec();
            v2_series(symbols, vec![v2_sample(vec![1, 2], now_ms)])
        }),
        "v2 first symbol not empty" => (v2_headers, v2_body("not empty", &[("v2_symbols", now_ms)])),
        other => panic!("a case that this test cannot ask: {other}"),
    };
    let names = ["Content-Type", "Content-Encoding", "X-Prometheus-Remote-Write-Version"];
    let headers = names.into_iter().zip(headers);
    headers
        .filter_map(|(name, value)| Some((name, value?)))
        .fold(harness.post("/api/v1/write"), |request, (name, value)| {
            request.header(name, value)
        })
        .body(body)
}

const PROTOBUF: &str = "application/x-protobuf";

fn snappy(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).expect("a short body")
}

fn v1<const N: usize>(timeseries: [TimeSeries; N]) -> Vec<u8> {
    let request = WriteRequest {
        timeseries: timeseries.into(),
        ..WriteRequest::default()
    };
    snappy(&request.encode_to_vec())
}

fn series(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> TimeSeries {
    let label = |(name, value): &(&str, &str)| LabelMessage {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    };
    let sample = |(timestamp, value): &(i64, f64)| SampleMessage {
        value: *value,
        timestamp: *timestamp,
    };
    TimeSeries {
        labels: labels.iter().map(label).collect(),
        samples: samples.iter().map(sample).collect(),
        ..TimeSeries::default()
    }
}

/// A series of one float histogram with two buckets and three observations, but for what is given.
fn histogram(name: &str, timestamp: i64, given: HistogramMessage) -> Vec<u8> {
    let mut sent = series(&[("__name__", name)], &[]);
    sent.histograms = vec![HistogramMessage {
        count_float: given.count_float.or(Some(3.0)),
        zero_count_float: Some(0.0),
        sum: 9.0,
        positive_spans: vec![BucketSpan { offset: 0, length: 2 }],
        positive_counts: vec![1.0, 2.0],
        timestamp,
        ..given
    }];
    v1([sent])
}

/// Series of one sample each; a time of 0 is none.
fn v2_body(first_symbol: &str, series: &[(&str, i64)]) -> Vec<u8> {
    let names = series.iter().map(|(name, _)| *name);
    let symbols = [first_symbol, "__name__"].into_iter().chain(names);
    let samples = (2..).zip(series).map(|(name, (_, ms))| v2_sample(vec![1, name], *ms));
    v2_series(symbols.map(str::to_owned).collect(), samples.collect())
}

fn v2_sample(labels_refs: Vec<u32>, timestamp: i64) -> v2::TimeSeries {
    let sample = (timestamp != 0).then_some(v2::Sample { value: 1.0, timestamp });
    v2::TimeSeries {
        labels_refs,
        samples: sample.into_iter().collect(),
        ..v2::TimeSeries::default()
    }
}

fn v2_series(symbols: Vec<String>, timeseries: Vec<v2::TimeSeries>) -> Vec<u8> {
    snappy(&v2::Request { symbols, timeseries }.encode_to_vec())
}
