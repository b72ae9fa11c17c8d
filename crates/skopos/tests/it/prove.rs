//! `skopos prove` and `backtest` from outside: verdicts, files for CI, exit codes.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use skopos_core::metric::{MetricBatch, MetricSample, MetricSink as _, MetricValue, SeriesBatch};
use skopos_core::{Labels, TenantId};
use skopos_metrics::{MetricStore, MetricStoreOptions};

use crate::alerting::Site;
use crate::program::{Program, command};

const START_MS: i64 = 1_700_000_000_000;

fn run(folder: &Path, arguments: &[&str]) -> Output {
    command()
        .current_dir(folder)
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn with_rules(rules: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(
        folder.path().join("a.yml"),
        format!("groups: [{{name: g, rules: [{rules}]}}]"),
    )
    .expect("written");
    folder
}

#[test]
fn broken_rules_are_findings_told_to_people_and_ci() {
    let folder = with_rules("{alert: Good, expr: up == 0, for: 2m}, {alert: Bad, expr: vector(1) > 2}");
    let ran = run(
        folder.path(),
        &[
            "prove",
            "--rules",
            "a.yml",
            "--junit",
            "report.xml",
            "--witness-dir",
            "w",
        ],
    );
    assert_eq!(ran.status.code(), Some(3), "{}", text(&ran.stderr));
    let shown = text(&ran.stdout);
    assert!(shown.contains("2 rules: 1 proven, 1 broken, 0 not provable"), "{shown}");
    assert!(shown.contains("a.yml:1: Bad: "), "{shown}");
    let junit = std::fs::read_to_string(folder.path().join("report.xml")).expect("it is written");
    assert!(junit.contains("failures=\"1\""), "{junit}");
    let test = std::fs::read_to_string(folder.path().join("w/Good.test.yml")).expect("it is written");
    let test: Value = serde_json::from_str(&test).expect("JSON is YAML");
    assert_eq!(test["tests"][0]["alert_rule_test"][0]["alertname"], "Good");

    let ran = run(folder.path(), &["prove", "--rules", "a.yml", "--only", "G.*", "--json"]);
    assert_eq!(ran.status.code(), Some(0));
    let report: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    assert_eq!(report["counts"]["proven"], 1);
    assert_eq!(report["rules"].as_array().map(Vec::len), Some(1));
}

#[test]
fn what_cannot_be_read_exits_1_and_misuse_2() {
    let folder = with_rules("{alert: A, expr: 'up =='}");
    let ran = run(folder.path(), &["prove", "--rules", "a.yml"]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(text(&ran.stderr).contains("a.yml:1:"), "{}", text(&ran.stderr));
    assert_eq!(run(folder.path(), &["prove"]).status.code(), Some(2));
    assert_eq!(run(folder.path(), &["backtest", "--from", "1h"]).status.code(), Some(2));
}

/// A store with `m`, high in minutes 10 to 19 of an hour.
fn fill(folder: &Path) {
    let mut options = MetricStoreOptions::new(folder);
    // So long ago that the store would take it for too old.
    options.limits.out_of_order_window = std::time::Duration::from_hours(24);
    let store = MetricStore::open(options).expect("the store opens");
    let samples = (0..60).map(|minute| MetricSample {
        timestamp_ms: START_MS + minute * 60_000,
        value: MetricValue::Float(if (10..20).contains(&minute) { 9.0 } else { 1.0 }),
    });
    let batch = MetricBatch {
        series: vec![SeriesBatch {
            labels: Labels::from_pairs([("__name__", "m"), ("job", "a")]),
            samples: samples.collect(),
            ..SeriesBatch::default()
        }],
        metadata: Vec::new(),
    };
    let report = store
        .tenant(&TenantId::default())
        .append(batch)
        .expect("the store takes it");
    assert_eq!(report.refused_count(), 0, "{report:?}");
}

#[test]
fn a_store_without_a_server_is_backtested() {
    let folder = with_rules("{alert: High, expr: m > 5, for: 2m}");
    fill(&folder.path().join("data"));
    let arguments = [
        "backtest",
        "--rules",
        "a.yml",
        "--storage.path",
        "data",
        "--from",
        "1700000000",
        "--to",
        "1700003540",
        "--sweep",
        "0,10",
    ];
    let ran = run(folder.path(), &[&arguments[..], &["--json"]].concat());
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    let report: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    let firing = &report["rules"][0]["firings"][0];
    assert_eq!(firing["startMs"], START_MS + 12 * 60_000);
    assert_eq!(firing["endMs"], START_MS + 20 * 60_000);
    assert_eq!(
        (&report["sweep"][0]["count"], &report["sweep"][1]["count"]),
        (&1.into(), &0.into())
    );
    let shown = text(&run(folder.path(), &arguments).stdout);
    assert!(shown.contains("High (as it is)") && shown.contains("8m"), "{shown}");
}

/// The verdict of a rule in a server's proof as of now.
async fn verdict_in(program: &Program, name: &str) -> Value {
    let (status, answer) = program.post("/api/skopos/prove", &json!(null)).await;
    assert_eq!(status, 200, "{answer}");
    let report = &answer["report"];
    let rules = report["rules"]
        .as_array()
        .unwrap_or_else(|| panic!("no rules: {answer}"));
    let rule = rules.iter().find(|rule| rule["name"] == name);
    rule.unwrap_or_else(|| panic!("no {name}: {answer}"))["verdict"].clone()
}

#[tokio::test]
async fn a_servers_proof_follows_its_silences() {
    let site = Site::new().await;
    let config = site.rules("  - {alert: Down, expr: up == 0, labels: {unit: one}}\n");
    let program = site.start(&["--config.file", &config]).await;
    assert_eq!(verdict_in(&program, "Down").await, "proven");

    let silence = json!({
        "matchers": [{ "name": "unit", "value": "one", "isRegex": false, "isEqual": true }],
        "startsAt": "2020-01-01T00:00:00Z",
        "endsAt": "2100-01-01T00:00:00Z",
        "createdBy": "test",
        "comment": "for a proof",
    });
    let (status, answer) = program.post("/api/v2/silences", &silence).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(verdict_in(&program, "Down").await, "broken", "nobody would be told");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silences_of_an_alertmanager_behind_a_password() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&asked);
    let answer = async move |headers: axum::http::HeaderMap| {
        let authorization = headers.get("authorization").and_then(|value| value.to_str().ok());
        kept.lock().push(authorization.unwrap_or_default().to_owned());
        authorization
            .map(|_| axum::Json(json!([])))
            .ok_or(axum::http::StatusCode::UNAUTHORIZED)
    };
    let router = axum::Router::new().route("/api/v2/silences", axum::routing::get(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
    tokio::spawn(axum::serve(listener, router).into_future());

    let folder = with_rules("{alert: Good, expr: up == 0}");
    std::fs::write(
        folder.path().join("http.yml"),
        "basic_auth: {username: ada, password: secret}",
    )
    .expect("written");
    let prove = ["prove", "--rules", "a.yml", "--silences", &url];
    let refused = run(folder.path(), &prove);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("401"), "{}", text(&refused.stderr));
    let ran = run(
        folder.path(),
        &[&prove[..], &["--http.config.file", "http.yml"]].concat(),
    );
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    assert_eq!(*asked.lock(), ["", "Basic YWRhOnNlY3JldA=="]);
}
