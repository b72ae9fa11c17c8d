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

/// Cases of `conformance/promql/remote_write_probes.json`, with the texts where clients read them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statuses_are_prometheus() {
    let harness = Harness::start().await;
    let good = || body(vec![series("good", &[(1_700_000_000_000, 1.0)])]);
    let media = |value| [("Content-Type", value), ("Content-Encoding", "snappy")];
    #[expect(
        clippy::type_complexity,
        reason = "a table of cases: name, headers, body, status, text"
    )]
    let cases: Vec<(&str, Vec<(&str, &str)>, Vec<u8>, u16, &str)> = vec![
        ("first sample", HEADERS.to_vec(), good(), 204, ""),
        ("identical duplicate", HEADERS.to_vec(), good(), 204, ""),
        ("no headers", Vec::new(), good(), 204, ""),
        ("empty request", HEADERS.to_vec(), body(Vec::new()), 204, ""),
        (
            "series without samples",
            HEADERS.to_vec(),
            body(vec![series("none", &[])]),
            204,
            "",
        ),
        (
            "no name",
            HEADERS.to_vec(),
            body(vec![series("", &[(1, 1.0)])]),
            204,
            "",
        ),
        (
            "conflicting duplicate",
            HEADERS.to_vec(),
            body(vec![series("good", &[(1_700_000_000_000, 2.0)])]),
            400,
            "",
        ),
        (
            "older sample",
            HEADERS.to_vec(),
            body(vec![series("good", &[(1_699_999_999_000, 2.0)])]),
            400,
            "",
        ),
        (
            "wrong encoding",
            vec![("Content-Encoding", "gzip")],
            good(),
            415,
            "gzip encoding (compression) is not accepted by this server; only snappy is acceptable",
        ),
        (
            "text",
            media("text/plain").to_vec(),
            good(),
            415,
            "expected application/x-protobuf as the first (media) part, got text/plain content-type",
        ),
        (
            "known message",
            media("application/x-protobuf;proto=prometheus.WriteRequest").to_vec(),
            good(),
            204,
            "",
        ),
        (
            "unknown message",
            media("application/x-protobuf;proto=foo").to_vec(),
            good(),
            415,
            "unknown remote write protobuf message foo",
        ),
        ("bad snappy", HEADERS.to_vec(), b"no snappy".to_vec(), 400, ""),
        (
            "bad protobuf",
            HEADERS.to_vec(),
            snap::raw::Encoder::new()
                .compress_vec(&[0xff, 0xff, 0xff])
                .expect("short"),
            400,
            "",
        ),
    ];
    for (name, headers, body, status, text) in cases {
        let (got, answer) = write(&harness, &headers, body).await;
        assert_eq!(got.as_u16(), status, "{name}: {answer}");
        assert!(answer.contains(text), "{name}: {answer:?} lacks {text:?}");
    }
    assert_eq!(
        Answer::of(harness.get("/api/v1/write")).await.body,
        "Method Not Allowed\n"
    );
    harness.stop().await;
}

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
