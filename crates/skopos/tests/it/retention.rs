//! `--storage.retention.tenant`: the samples of a tenant go at their own age.

use prost::Message as _;
use serde_json::Value;
use skopos_wire::remote_write::{LabelMessage, SampleMessage, TimeSeries, WriteRequest};

use crate::program::Program;
use crate::webhook::eventually;

const HOUR_MS: i64 = 3_600_000;
const FLAGS: [&str; 12] = [
    "--self.scrape-interval",
    "0s",
    "--storage.flush-after",
    "200ms",
    "--storage.maintenance-interval",
    "100ms",
    "--storage.retention.time",
    "3d",
    "--storage.retention.tenant",
    "brief=24h",
    "--storage.retention.tenant",
    "long=30d",
];
/// Ages of samples, a day of UTC and more apart.
const AGES_HOURS: [i64; 4] = [0, 49, 98, 400];

async fn push(program: &Program, tenant: &str, now_ms: i64) {
    // Older ones first, each in a write of its own.
    for age in AGES_HOURS.into_iter().rev() {
        let series = TimeSeries {
            labels: vec![LabelMessage {
                name: "__name__".to_owned(),
                value: "aged".to_owned(),
            }],
            samples: vec![SampleMessage {
                value: age as f64,
                timestamp: now_ms - age * HOUR_MS,
            }],
            ..TimeSeries::default()
        };
        let request = WriteRequest {
            timeseries: vec![series],
            ..WriteRequest::default()
        };
        let body = snap::raw::Encoder::new()
            .compress_vec(&request.encode_to_vec())
            .expect("a short body");
        let request = reqwest::Client::new()
            .post(format!("{}/api/v1/write", program.url))
            .header("X-Scope-OrgID", tenant)
            .header("Content-Encoding", "snappy")
            .body(body);
        assert_eq!(request.send().await.expect("an answer").status(), 204);
    }
}

/// The ages of a tenant's samples, the oldest first.
async fn ages(program: &Program, tenant: &str) -> Vec<i64> {
    let request = reqwest::Client::new()
        .get(format!("{}/api/v1/query", program.url))
        .header("X-Scope-OrgID", tenant)
        .query(&[("query", "aged[30d]")]);
    let body: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    let points = body["data"]["result"][0]["values"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let age = |point: &Value| point[1].as_str().and_then(|text| text.parse().ok()).expect("a number");
    points.iter().map(age).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn samples_go_at_the_age_of_their_tenant() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = Program::start(folder.path(), &FLAGS).await;
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("after 1970");
    let kept: [(&str, &[i64]); 3] = [("brief", &[0]), ("other", &[49, 0]), ("long", &[400, 98, 49, 0])];
    for (tenant, _) in kept {
        push(&program, tenant, now.as_millis() as i64).await;
    }
    for (tenant, expected) in kept {
        eventually(&format!("{tenant} has {expected:?}"), async || {
            (ages(&program, tenant).await == expected).then_some(())
        })
        .await;
    }
    // What is kept stays when others' has long gone.
    let removed = r#"skopos_storage_parts_removed_total{cause="retention",signal="metrics"}"#;
    assert!(program.metric(removed).await >= 5.0);
    program.kill();
    let program = Program::start(folder.path(), &FLAGS).await;
    for (tenant, expected) in kept {
        assert_eq!(ages(&program, tenant).await, expected, "{tenant}");
    }
}
