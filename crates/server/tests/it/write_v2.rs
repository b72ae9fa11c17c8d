//! Remote write 2.0: negotiation, headers, partial writes.

use prost::Message;
use reqwest::StatusCode;
use skopos_wire::remote_write::{BucketSpan, HistogramMessage};

use crate::harness::{Answer, Harness};

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Request {
    #[prost(string, repeated, tag = "4")]
    pub(crate) symbols: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TimeSeries {
    #[prost(uint32, repeated, tag = "1")]
    pub(crate) labels_refs: Vec<u32>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) histograms: Vec<HistogramMessage>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) exemplars: Vec<Exemplar>,
    #[prost(message, optional, tag = "5")]
    pub(crate) metadata: Option<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Sample {
    #[prost(double, tag = "1")]
    pub(crate) value: f64,
    #[prost(int64, tag = "2")]
    pub(crate) timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Exemplar {
    #[prost(uint32, repeated, tag = "1")]
    labels_refs: Vec<u32>,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(int64, tag = "3")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Metadata {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(uint32, tag = "3")]
    help_ref: u32,
}

pub(crate) const V2: &str = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

pub(crate) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("after 1970").as_millis() as i64
}

/// A counter with an exemplar, and a histogram with custom buckets.
fn request(timestamp: i64, value: f64) -> Request {
    let symbols = [
        "",
        "__name__",
        "jobs_total",
        "sizes",
        "Jobs done.",
        "trace_id",
        "abc",
        "job",
        "j",
    ];
    Request {
        symbols: symbols.map(ToOwned::to_owned).to_vec(),
        timeseries: vec![
            TimeSeries {
                labels_refs: vec![1, 2, 7, 8],
                samples: vec![Sample { value, timestamp }],
                exemplars: vec![Exemplar {
                    labels_refs: vec![5, 6],
                    value,
                    timestamp,
                }],
                metadata: Some(Metadata { kind: 1, help_ref: 4 }),
                ..TimeSeries::default()
            },
            TimeSeries {
                labels_refs: vec![1, 3],
                histograms: vec![HistogramMessage {
                    count_int: Some(3),
                    sum: 9.0,
                    schema: -53,
                    positive_spans: vec![BucketSpan { offset: 0, length: 2 }],
                    positive_deltas: vec![1, 1],
                    custom_values: vec![2.5],
                    timestamp,
                    ..HistogramMessage::default()
                }],
                ..TimeSeries::default()
            },
        ],
    }
}

struct Said {
    status: StatusCode,
    /// Samples, histograms, exemplars written.
    written: [String; 3],
    body: String,
}

async fn send(harness: &Harness, content_type: &str, request: &Request) -> Said {
    let body = snap::raw::Encoder::new()
        .compress_vec(&request.encode_to_vec())
        .expect("a short body");
    let request = harness
        .post("/api/v1/write")
        .header("Content-Type", content_type)
        .header("Content-Encoding", "snappy")
        .header("X-Prometheus-Remote-Write-Version", "2.0.0");
    let response = request.body(body).send().await.expect("the server answers");
    let header = |name: &str| {
        let value = response
            .headers()
            .get(format!("x-prometheus-remote-write-{name}-written"));
        value.map_or_else(String::new, |value| value.to_str().expect("ASCII").to_owned())
    };
    Said {
        status: response.status(),
        written: ["samples", "histograms", "exemplars"].map(header),
        body: response.text().await.expect("a text"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_a_request_has_is_stored_and_told() {
    let harness = Harness::start().await;
    let said = send(&harness, V2, &request(now_ms(), 5.0)).await;
    assert_eq!((said.status, said.body.as_str()), (StatusCode::NO_CONTENT, ""));
    assert_eq!(said.written, ["1", "1", "1"]);
    let found = harness.json("/api/v1/query", &[("query", "jobs_total")]).await;
    assert_eq!(found["data"]["result"][0]["value"][1], "5", "{found}");
    let found = harness.json("/api/v1/query", &[("query", "sizes")]).await;
    assert_eq!(found["data"]["result"][0]["histogram"][1]["count"], "3", "{found}");
    let metadata = harness.json("/api/v1/metadata", &[]).await;
    assert_eq!(metadata["data"]["jobs_total"][0]["help"], "Jobs done.", "{metadata}");
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partial_write_is_a_400_with_counts() {
    let harness = Harness::start().await;
    let now_ms = now_ms();
    send(&harness, V2, &request(now_ms, 5.0)).await;
    let mut second = request(now_ms, 6.0);
    second.timeseries[1].histograms[0].timestamp += 1000;
    second.timeseries.push(TimeSeries {
        labels_refs: vec![7, 8],
        samples: vec![Sample {
            value: 1.0,
            timestamp: now_ms,
        }],
        ..TimeSeries::default()
    });
    let said = send(&harness, V2, &second).await;
    assert_eq!(said.status, StatusCode::BAD_REQUEST);
    assert_eq!(said.written[..2], ["0", "1"], "the histogram was good");
    for reason in ["1 missing_metric_name: ", "1 duplicate_timestamp: "] {
        assert!(said.body.contains(reason), "{}", said.body);
    }
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_a_request_is_refused() {
    let harness = Harness::start().await;
    let unknown = send(
        &harness,
        "application/x-protobuf;proto=io.prometheus.write.v3.Request",
        &request(1, 1.0),
    )
    .await;
    assert_eq!(unknown.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(unknown.written, ["", "", ""]);
    assert!(
        unknown.body.contains("io.prometheus.write.v2.Request"),
        "{}",
        unknown.body
    );
    let mut broken = request(now_ms(), 1.0);
    broken.timeseries[0].labels_refs.push(1);
    let said = send(&harness, V2, &broken).await;
    assert_eq!(
        (said.status, said.written),
        (StatusCode::BAD_REQUEST, ["0", "0", "0"].map(ToOwned::to_owned))
    );
    let empty = send(&harness, V2, &Request::default()).await;
    assert_eq!((empty.status, empty.written[0].as_str()), (StatusCode::NO_CONTENT, "0"));
    let ledger = Answer::of(harness.get("/api/skopos/ledger")).await.body;
    assert!(ledger.contains("invalid_body"), "{ledger}");
    harness.stop().await;
}
