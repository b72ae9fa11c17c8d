//! What rules are held against: proofs, dead selectors, backtests, coverage.

use reqwest::StatusCode;
use serde_json::{Value, json};
use skopos_core::metric::{MetricBatch, MetricSample, MetricValue, SeriesBatch};
use skopos_core::{Clock as _, Labels, SystemClock, TenantId};
use skopos_server::Stores as _;

use crate::harness::{Answer, Harness};

const STEP_MS: i64 = 15_000;

/// `up` of the gateway and `m`, over the last 40 steps; gives the time of the first. `m` is high from step 10 to 19.
fn fill(harness: &Harness) -> i64 {
    let sink = harness.stores.tenant(&TenantId::default()).metric_sink;
    let start_ms = SystemClock.now_ms() - 40 * STEP_MS;
    let series = |name: &str, value: &dyn Fn(i64) -> f64| SeriesBatch {
        labels: Labels::from_pairs([("__name__", name), ("job", "gateway")]),
        samples: (0..=40)
            .map(|step| MetricSample {
                timestamp_ms: start_ms + step * STEP_MS,
                value: MetricValue::Float(value(step)),
            })
            .collect(),
        ..SeriesBatch::default()
    };
    let high = |step: i64| if (10..20).contains(&step) { 9.0 } else { 1.0 };
    let batch = MetricBatch {
        series: vec![series("m", &high), series("up", &|_| 1.0)],
        metadata: Vec::new(),
    };
    let report = sink.append(batch).expect("the store takes it");
    assert_eq!(report.refused_count(), 0);
    start_ms
}

async fn post(harness: &Harness, body: &Value) -> Answer {
    Answer::of(harness.post("/api/skopos/backtest").json(body)).await
}

#[tokio::test]
async fn proofs_are_kept() {
    let harness = Harness::start().await;
    assert_eq!(harness.json("/api/skopos/prove", &[]).await, json!({"report": null}));
    let answer = Answer::of(harness.post("/api/skopos/prove")).await;
    assert_eq!(answer.status, StatusCode::OK);
    let report = &answer.json()["report"];
    assert_eq!((&report["atMs"], &report["durationMs"]), (&json!(1), &json!(2)));
    assert_eq!(report["rules"][0]["name"], "GatewayDown");
    assert_eq!(report["counts"]["proven"], 1, "{report}");
    assert_eq!(&harness.json("/api/skopos/prove", &[]).await["report"], report);
    harness.stop().await;
}

#[tokio::test]
async fn dead_selectors_and_unread_metrics() {
    let harness = Harness::start().await;
    fill(&harness);
    // Who asks for a metric reads it.
    harness.json("/api/v1/query", &[("query", "m > 100")]).await;
    let report = harness.json("/api/skopos/dead", &[]).await;
    assert_eq!(report["rules"][0]["selector"], "up{job=\"gatway\"}");
    assert_eq!(report["rules"][0]["nearest"], json!(["job=\"gateway\""]));
    assert_eq!(report["rules"][0]["lastSeenMs"], Value::Null);
    assert_eq!(report["unread"], json!([]));
    // The report is given again for a minute.
    assert_eq!(harness.json("/api/skopos/dead", &[]).await, report);
    harness.stop().await;
}

#[tokio::test]
async fn backtests_of_given_rules() {
    let harness = Harness::start().await;
    let start_ms = fill(&harness);
    let mut body = json!({
        "rules": "groups: [{name: g, rules: [{alert: High, expr: 'm > 5', for: 15s}]}]",
        "fromMs": start_ms, "toMs": start_ms + 40 * STEP_MS, "sweep": {"values": [0, 50]},
    });
    let answer = post(&harness, &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let report = answer.json();
    let rule = &report["rules"][0];
    assert_eq!((&rule["name"], &rule["count"]), (&json!("High"), &json!(1)));
    assert_eq!(rule["firings"][0]["startMs"], start_ms + 11 * STEP_MS);
    assert_eq!(rule["firings"][0]["endMs"], start_ms + 20 * STEP_MS);
    assert_eq!(
        rule["firings"][0]["labels"],
        json!({"alertname": "High", "job": "gateway"})
    );
    assert_eq!(rule["incidents"], json!({"matched": 0, "missed": 0, "extra": 1}));
    let sweep: Vec<_> = report["sweep"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| &row["count"])
        .collect();
    assert_eq!(sweep, [&json!(1), &json!(0)]);
    body["rules"] = json!("groups: [{name: g, rules: [{alert: High, expr: 'm >'}]}]");
    let answer = post(&harness, &body).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.body.contains("request:1:"), "{}", answer.body);
    harness.stop().await;
}

#[tokio::test]
async fn backtests_of_loaded_rules_and_refusals() {
    let harness = Harness::start().await;
    let start_ms = fill(&harness);
    let body = |rule: &str, to_ms: i64| json!({"rule": rule, "fromMs": start_ms, "toMs": to_ms});
    let answer = post(&harness, &body("GatewayDown", start_ms + 1000)).await;
    assert_eq!(answer.json()["rules"][0]["count"], 0);
    let answer = post(&harness, &body("Other", start_ms + 1000)).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let answer = post(&harness, &body("GatewayDown", start_ms - 1000)).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let answer = post(&harness, &json!({"fromMs": 1, "until": 2})).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.body.contains("until"), "{}", answer.body);
    harness.stop().await;
}

#[tokio::test]
async fn coverage_with_verdicts_and_receivers() {
    let harness = Harness::start().await;
    fill(&harness);
    Answer::of(harness.post("/api/skopos/prove")).await;
    let report = harness.json("/api/skopos/coverage", &[]).await;
    assert_eq!(report["modes"].as_array().map(Vec::len), Some(8));
    assert_eq!(report["services"][0]["service"], "gateway");
    let rule = &report["services"][0]["cells"][0]["rules"][0];
    assert_eq!(
        (&rule["name"], &rule["verdict"]),
        (&json!("GatewayDown"), &json!("proven"))
    );
    assert_eq!(rule["receivers"], json!(["team-gateway"]));
    harness.stop().await;
}
