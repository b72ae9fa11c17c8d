//! The Pushgateway's API: pushes, merges, deletions, refusals, and what survives a restart.

use reqwest::{Method, StatusCode};
use skopos_server::{AdminApi, ServerOptions};

use crate::harness::{Answer, Harness};

async fn send(harness: &Harness, method: Method, path: &str, body: &str) -> (StatusCode, String) {
    let answer = Answer::of(harness.client.request(method, harness.url(path)).body(body.to_owned())).await;
    (answer.status, answer.body)
}

async fn ok(harness: &Harness, method: Method, path: &str, body: &str) {
    let (status, text) = send(harness, method, path, body).await;
    assert!(status.is_success(), "{path}: {status} {text}");
}

const BACKUP: &str = "# TYPE backup_bytes gauge\n# HELP backup_bytes Size.\nbackup_bytes{job=\"wrong\",disk=\"a\"} 7\n\
                      # TYPE backup_seconds histogram\nbackup_seconds_bucket{le=\"+Inf\"} 1\nbackup_seconds_sum 2\n\
                      backup_seconds_count 1\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_are_pushed_merged_replaced_and_deleted() {
    let harness = Harness::start().await;
    let group = "/metrics/job/backup/instance/db%2F1";
    ok(&harness, Method::PUT, group, BACKUP).await;
    let labels = r#"{job="backup",instance="db/1"}"#;
    assert_eq!(
        harness.value(&format!("backup_bytes{labels}")).await.as_deref(),
        Some("7")
    );
    assert_eq!(
        harness
            .value(&format!("push_failure_time_seconds{labels}"))
            .await
            .as_deref(),
        Some("0")
    );
    let age = harness
        .value(&format!("time() - push_time_seconds{labels} < bool 60"))
        .await;
    assert_eq!(age.as_deref(), Some("1"));

    ok(&harness, Method::POST, group, "other 3\nbackup_bytes 8\n").await;
    harness
        .until("count({__name__=~\"backup.*|other\",job=\"backup\"})", "5")
        .await;
    assert_eq!(harness.value("backup_bytes").await.as_deref(), Some("8"));
    assert_eq!(
        harness.value("backup_bytes{disk=\"a\"}").await,
        None,
        "the family was replaced"
    );

    ok(&harness, Method::PUT, group, "other 4\n").await;
    assert_eq!(harness.value("backup_bytes").await, None);
    assert_eq!(harness.value("other").await.as_deref(), Some("4"));

    let (status, _) = send(&harness, Method::DELETE, group, "").await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(harness.value("other").await, None);
    assert_eq!(harness.value("push_time_seconds").await, None);
    assert_eq!(
        send(&harness, Method::DELETE, group, "").await.0,
        StatusCode::ACCEPTED,
        "once more is no fault"
    );
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_contradicts_itself_is_refused_and_changes_nothing() {
    let harness = Harness::start().await;
    ok(
        &harness,
        Method::PUT,
        "/metrics/job@base64/L3Zhci90bXA=",
        "# TYPE a gauge\na 1\n",
    )
    .await;
    assert_eq!(harness.value("a{job=\"/var/tmp\"}").await.as_deref(), Some("1"));
    for (path, body, words) in [
        ("/metrics/job/b", "a 1 1700000000000\n", "must not have timestamps"),
        (
            "/metrics/job/b",
            "# TYPE a counter\na 1\n",
            "inconsistent with existing metrics",
        ),
        ("/metrics/job/b", "a 1\na 2\n", "pushed twice"),
        ("/metrics/job/b", "a{", "text format parsing error in line 1"),
        ("/metrics/job/b", "push_time_seconds 1\n", "cannot be pushed"),
        ("/metrics/job/b/c", "a 1\n", "odd number of components"),
        ("/metrics/job@base64/=", "a 1\n", "job name is required"),
    ] {
        let (status, text) = send(&harness, Method::POST, path, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}: {text}");
        assert!(text.contains(words), "{body}: {text}");
    }
    assert_eq!(harness.value("count(a)").await.as_deref(), Some("1"));
    let ledger = harness.json("/api/skopos/ledger", &[]).await.to_string();
    assert!(ledger.contains("invalid_body"), "{ledger}");
    let groups = harness.json("/api/v1/metrics", &[]).await;
    assert_eq!(groups["status"], "success");
    assert_eq!(groups["data"].as_array().map(Vec::len), Some(1), "{groups}");
    let group = &groups["data"][0];
    assert_eq!(group["labels"]["job"], "/var/tmp");
    assert_eq!(
        (&group["a"]["type"], &group["a"]["metrics"][0]["value"]),
        (&"GAUGE".into(), &"1".into())
    );
    assert_eq!(group["last_push_successful"], true);
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_survive_a_restart() {
    let kept = tempfile::tempdir().expect("a temporary folder");
    let options = || ServerOptions {
        pushgateway_folder: Some(kept.path().join("pushgateway")),
        ..ServerOptions::default()
    };
    let first = Harness::with(options()).await;
    ok(&first, Method::PUT, "/metrics/job/backup", BACKUP).await;
    ok(&first, Method::PUT, "/metrics/job/gone", "x NaN\n").await;
    ok(&first, Method::DELETE, "/metrics/job/gone", "").await;
    let before = first.json("/api/v1/metrics", &[]).await;
    drop(first.stop().await);
    // A store without data: what is there comes from the groups.
    let second = Harness::with(options()).await;
    second.until("backup_bytes", "7").await;
    assert_eq!(second.json("/api/v1/metrics", &[]).await, before);
    ok(&second, Method::POST, "/metrics/job/backup", "more 1\n").await;
    second.until("count({job=\"backup\"})", "7").await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_groups_are_wiped_where_the_admin_api_is_enabled() {
    let closed = Harness::start().await;
    let (status, _) = send(&closed, Method::PUT, "/api/v1/admin/wipe", "").await;
    assert_eq!(status, StatusCode::NOT_FOUND);

    let harness = Harness::with(ServerOptions {
        admin_api: AdminApi::Enabled,
        ..ServerOptions::default()
    })
    .await;
    ok(&harness, Method::PUT, "/metrics/job/a", "one 1\n").await;
    ok(&harness, Method::PUT, "/metrics/job/b", "two 2\n").await;
    harness.until("count({__name__=~\"one|two\"})", "2").await;
    let (status, _) = send(&harness, Method::PUT, "/api/v1/admin/wipe", "").await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(harness.value("count({__name__=~\"one|two\"})").await, None);
    let (_, groups) = send(&harness, Method::GET, "/api/v1/metrics", "").await;
    assert!(groups.contains("\"data\":[]"), "{groups}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_tells_flags_build_and_start() {
    let harness = Harness::start().await;
    let (status, text) = send(&harness, Method::GET, "/api/v1/status", "").await;
    assert_eq!(status, StatusCode::OK);
    let data = serde_json::from_str::<serde_json::Value>(&text).expect("JSON")["data"].clone();
    assert!(
        data["flags"].is_object() && data["build_information"]["version"].is_string(),
        "{text}"
    );
    assert!(data["start_time"].as_str().expect("a time").ends_with('Z'), "{text}");
}
