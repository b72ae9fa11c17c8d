//! Alerts of rules at other Alertmanagers: who gets them, how they are asked, and what is counted.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::alerting::Site;
use crate::program::Program;
use crate::webhook::eventually;

/// More than fit into one request.
const ALERTS: usize = 300;
/// Most alerts of a request, as in Prometheus.
const BATCH: usize = 256;

/// Rules of which each makes one alert with the label `unit`.
fn rules(count: usize) -> String {
    let mut text = String::new();
    for number in 0..count {
        let labels = format!("{{unit: u{number}, replica: r1}}");
        writeln!(text, "  - {{alert: Many, expr: vector(1), labels: {labels}}}").expect("texts grow");
    }
    text
}

/// The sum of a metric's samples whose labels contain a text.
async fn metric(program: &Program, name: &str, labels: &str) -> f64 {
    let text = reqwest::get(format!("{}/metrics", program.url))
        .await
        .expect("an answer");
    let text = text.text().await.expect("a body");
    let samples = text
        .lines()
        .filter(|line| line.starts_with(name) && line.contains(labels));
    let values = samples.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
    values.sum()
}

#[tokio::test]
async fn alerts_go_out_in_batches_with_credentials_and_relabelled() {
    let site = Site::new().await;
    site.write("rules.yml", &format!("groups:\n- name: g\n  rules:\n{}", rules(ALERTS)));
    let address = site.webhook.url("").replace("http://", "");
    let config = site.write(
        "prometheus.yml",
        &format!(
            "global: {{evaluation_interval: 1s, external_labels: {{cluster: c1}}}}
rule_files: [rules.yml]
alerting:
  alert_relabel_configs: [{{regex: replica, action: labeldrop}}]
  alertmanagers:
  - path_prefix: am
    basic_auth: {{username: u, password: p}}
    static_configs: [{{targets: ['{address}', 'dropped:9']}}]
    relabel_configs: [{{source_labels: [__address__], regex: 'dropped.*', action: drop}}]
    alert_relabel_configs: [{{source_labels: [unit], regex: u0, action: drop}}]
"
        ),
    );
    let program = site.start(&["--config.file", &config]).await;
    let path = "/am/api/v2/alerts";
    let received = eventually("two requests", async || {
        let received = site.webhook.received(path);
        (received.len() >= 2).then_some(received)
    })
    .await;
    let batches: Vec<Vec<Value>> = received
        .iter()
        .map(|request| request.body.as_array().expect("alerts").clone())
        .collect();
    let sizes: Vec<usize> = batches.iter().map(Vec::len).take(2).collect();
    assert_eq!(sizes, [BATCH, ALERTS - 1 - BATCH], "all but the one that a rule drops");
    // What `u:p` is in Base64.
    assert_eq!(received[0].authorization.as_deref(), Some("Basic dTpw"));
    let labels = &batches[0][0]["labels"];
    assert_eq!(labels["cluster"], "c1", "{labels}");
    assert_eq!(labels["replica"], json!(null), "{labels}");

    let shown = program.get("/api/v1/alertmanagers", &[]).await;
    assert_eq!(
        shown["data"],
        json!({
            "activeAlertmanagers": [{ "url": site.webhook.url(path) }],
            "droppedAlertmanagers": [{ "url": format!("http://dropped:9{path}") }],
        })
    );
    let relabelled = metric(&program, "skopos_notifications_dropped_by_rule_total", "").await;
    assert!(relabelled >= 1.0, "{relabelled}");

    // A reload that changes nothing here keeps the Alertmanager and its counters.
    let sent = eventually("what was sent is counted", async || {
        let sent = metric(&program, "prometheus_notifications_sent_total", path).await;
        (sent >= (ALERTS - 1) as f64).then_some(sent)
    })
    .await;
    let (status, _) = program.post("/-/reload", &json!(null)).await;
    assert_eq!(status, 200);
    assert!(metric(&program, "prometheus_notifications_sent_total", path).await >= sent);
}

#[tokio::test]
async fn alerts_that_nobody_takes_are_counted_and_own_receivers_told() {
    let site = Site::new().await;
    let config = site.rules(&rules(1));
    let text = "rule_files: [rules.yml]\nalerting: {alertmanagers: [{static_configs: [{targets: ['127.0.0.1:1']}]}]}\n";
    site.write("prometheus.yml", text);
    let program = site.start(&["--config.file", &config]).await;
    site.webhook.wait_told("/hook", "firing", "u0").await;
    eventually("the failure is counted", async || {
        let dropped = metric(&program, "prometheus_notifications_dropped_total", "send_failed").await;
        let errors = metric(&program, "prometheus_notifications_errors_total", "127.0.0.1:1").await;
        (dropped >= 1.0 && errors >= 1.0).then_some(())
    })
    .await;
}
