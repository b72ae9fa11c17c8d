//! The real amtool against Alertmanager's port.

use std::process::Output;

use skopos_server::alertmanager::alertmanager_router;
use tokio::process::Command;

use crate::alertmanager::handle;

/// Debian's package `prometheus-alertmanager` has it.
const AMTOOL: &str = "/usr/bin/amtool";
/// Starts the port below `/am`; gives its URL.
async fn serve() -> String {
    let router = alertmanager_router(handle(), "/am");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound port");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/am")
}

/// Runs amtool; gives what it printed, or fails with what it complained of.
async fn amtool(url: &str, arguments: &[&str]) -> String {
    let output: Output = Command::new(AMTOOL)
        .arg(format!("--alertmanager.url={url}"))
        .args(arguments)
        .env("HOME", "/nonexistent")
        .output()
        .await
        .unwrap_or_else(|error| panic!("{AMTOOL}: {error}; install prometheus-alertmanager"));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "amtool {arguments:?}: {complaint}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alerts_can_be_added_and_queried() {
    let url = serve().await;
    for (name, severity) in [("one", "critical"), ("two", "warning")] {
        let (name, severity) = (format!("alertname={name}"), format!("severity={severity}"));
        let annotation = "--annotation=summary=it broke";
        amtool(&url, &["alert", "add", &name, &severity, "node=a", annotation]).await;
    }
    let all = amtool(&url, &["alert", "query"]).await;
    assert!(
        all.contains("one") && all.contains("two") && all.contains("it broke"),
        "{all}"
    );
    let one = amtool(&url, &["alert", "query", "one"]).await;
    assert!(one.contains("one") && !one.contains("two"), "{one}");
    let pager = amtool(&url, &["alert", "query", "--receiver=pager", "-o", "json"]).await;
    let pager: serde_json::Value = serde_json::from_str(&pager).expect("JSON");
    assert_eq!(pager.as_array().map(Vec::len), Some(1));
    assert_eq!(pager[0]["labels"]["alertname"], "one");
    let extended = amtool(&url, &["alert", "query", "severity=~warn.*", "-o", "extended"]).await;
    assert!(
        extended.contains("node=\"a\"") && !extended.contains("one"),
        "{extended}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silences_can_be_made_changed_imported_and_ended() {
    let url = serve().await;
    amtool(&url, &["alert", "add", "alertname=one", "node=a"]).await;
    let id = amtool(
        &url,
        &[
            "silence",
            "add",
            "node=a",
            "alertname=~o.*",
            "-c",
            "why",
            "-a",
            "me",
            "-d",
            "2h",
        ],
    )
    .await;
    let id = id.trim();
    assert_eq!(id.len(), 36, "{id}");
    let active = amtool(&url, &["alert", "query"]).await;
    assert!(!active.contains("one"), "{active}");
    let silenced = amtool(&url, &["alert", "query", "-s"]).await;
    assert!(silenced.contains("one"), "{silenced}");
    let updated = amtool(&url, &["silence", "update", "-d", "3h", "-c", "still", id]).await;
    assert!(updated.contains("still"), "{updated}");
    let exported = amtool(&url, &["silence", "query", "-o", "json"]).await;
    let silences: serde_json::Value = serde_json::from_str(&exported).expect("JSON");
    assert_eq!(silences[0]["createdBy"], "me");
    let current = silences[0]["id"].as_str().expect("an id").to_owned();
    amtool(&url, &["silence", "expire", &current]).await;
    assert_eq!(amtool(&url, &["silence", "query", "-q"]).await.trim(), "");
    let expired = amtool(&url, &["silence", "query", "--expired", "-q"]).await;
    assert!(expired.contains(&current), "{expired}");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("silences.json");
    std::fs::write(&file, &exported).expect("a writable folder");
    amtool(&url, &["silence", "import", "-f", file.to_str().expect("UTF-8")]).await;
    let imported = amtool(&url, &["silence", "query", "-q"]).await;
    assert_eq!(imported.lines().count(), 1, "{imported}");
    assert!(!imported.contains(&current), "{imported}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cluster_and_configuration_are_shown() {
    let url = serve().await;
    let cluster = amtool(&url, &["cluster", "show"]).await;
    assert!(cluster.contains("disabled"), "{cluster}");
    let config = amtool(&url, &["config", "show"]).await;
    assert!(config.contains("receiver: default"), "{config}");
    let routes = amtool(&url, &["config", "routes", "show"]).await;
    assert!(routes.contains("receiver: pager"), "{routes}");
    let routed = amtool(&url, &["config", "routes", "test", "severity=critical"]).await;
    assert_eq!(routed.trim(), "pager");
}
