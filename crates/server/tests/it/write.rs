//! Remote write 1.0: statuses as observed on Prometheus, samples found again.

use prost::Message;
use reqwest::StatusCode;
use skopos_core::TenantId;
use skopos_core::ledger::Outcome;
use skopos_wire::remote_write::{LabelMessage, SampleMessage, TimeSeries, WriteRequest};

use crate::harness::{Answer, Harness};

fn series(name: &str, samples: &[(i64, f64)]) -> TimeSeries {
    TimeSeries {
        labels: vec![LabelMessage {
            name: "__name__".to_owned(),
            value: name.to_owned(),
        }],
        samples: samples
            .iter()
            .map(|(timestamp, value)| SampleMessage {
                value: *value,
                timestamp: *timestamp,
            })
            .collect(),
        ..TimeSeries::default()
    }
}

fn body(timeseries: Vec<TimeSeries>) -> Vec<u8> {
    let request = WriteRequest {
        timeseries,
        ..WriteRequest::default()
    };
    snap::raw::Encoder::new()
        .compress_vec(&request.encode_to_vec())
        .expect("a short body")
}

async fn write(harness: &Harness, headers: &[(&str, &str)], body: Vec<u8>) -> (StatusCode, String) {
    let request = headers
        .iter()
        .fold(harness.post("/api/v1/write"), |request, (name, value)| {
            request.header(*name, *value)
        });
    let answer = Answer::of(request.body(body)).await;
    (answer.status, answer.body)
}

const HEADERS: [(&str, &str); 3] = [
    ("Content-Type", "application/x-protobuf"),
    ("Content-Encoding", "snappy"),
    ("X-Prometheus-Remote-Write-Version", "0.1.0"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn good_samples_of_a_bad_batch_are_kept_and_counted() {
    let harness = Harness::start().await;
    let time = 1_700_000_000_000;
    let first = body(vec![series("a", &[(time, 1.0)])]);
    assert_eq!(write(&harness, &HEADERS, first).await.0, StatusCode::NO_CONTENT);
    let mixed = body(vec![series("a", &[(time - 1000, 9.0)]), series("b", &[(time, 2.0)])]);
    assert_eq!(write(&harness, &HEADERS, mixed).await.0, StatusCode::BAD_REQUEST);
    let query = [("query", "{__name__=~\"a|b\"}"), ("time", "1700000000")];
    let found = harness.json("/api/v1/query", &query).await;
    assert_eq!(found["data"]["result"].as_array().map(Vec::len), Some(2), "{found}");
    let sum = |outcome| -> u64 {
        let lines = harness.ledger.snapshot();
        let matching = lines
            .iter()
            .filter(|(key, _)| key.outcome == outcome && key.tenant == TenantId::default());
        matching.map(|(_, count)| count).sum()
    };
    assert_eq!((sum(Outcome::Stored), sum(Outcome::Rejected)), (2, 1));
    harness.stop().await;
}
