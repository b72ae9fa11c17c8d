//! Alerting through the built program: what a restart keeps, and what rules leave behind.

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::program::Program;
use crate::webhook::{Webhook, eventually};

/// A folder with an `alertmanager.yml` that sends everything to one path of a webhook at once.
pub(crate) struct Site {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) webhook: Webhook,
}

impl Site {
    pub(crate) async fn new() -> Self {
        let site = Self {
            folder: tempfile::tempdir().expect("a folder"),
            webhook: Webhook::start().await,
        };
        site.route_to("/hook");
        site
    }

    /// Sends everything to a path.
    pub(crate) fn route_to(&self, path: &str) {
        let url = self.webhook.url(path);
        let boss = self.webhook.url("/boss");
        self.write(
            "alertmanager.yml",
            &format!(
                "route: {{receiver: hook, group_by: [alertname, unit], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}\n\
                 receivers:\n\
                 - {{name: hook, webhook_configs: [{{url: '{url}', send_resolved: true}}]}}\n\
                 - {{name: boss, webhook_configs: [{{url: '{boss}'}}]}}\n"
            ),
        );
    }

    /// Writes a file and gives its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.to_string_lossy().into_owned()
    }

    /// A `prometheus.yml` and a rule file with one group that is evaluated five times a second.
    pub(crate) fn rules(&self, rules: &str) -> String {
        self.write(
            "rules.yml",
            &format!("groups:\n- name: g\n  interval: 200ms\n  rules:\n{rules}"),
        );
        self.write("prometheus.yml", "rule_files: [rules.yml]\n")
    }

    /// Starts the program on this site.
    pub(crate) async fn start(&self, more: &[&str]) -> Program {
        let config = self.folder.path().join("alertmanager.yml");
        let mut arguments = vec![
            "--alertmanager.config.file",
            config.to_str().expect("a path in UTF-8"),
            "--self.scrape-interval",
            "0s",
        ];
        arguments.extend(more);
        Program::start(&self.folder.path().join("data"), &arguments).await
    }
}

/// An alert that holds for an hour.
pub(crate) fn alert(name: &str, unit: &str) -> Value {
    let ends_at = Timestamp::now() + Duration::from_hours(1);
    json!({ "labels": { "alertname": name, "unit": unit }, "endsAt": ends_at.to_string() })
}

/// Posts an alert that must be taken.
pub(crate) async fn post_alert(program: &Program, name: &str, unit: &str) {
    let (status, answer) = program.post("/api/v2/alerts", &json!([alert(name, unit)])).await;
    assert_eq!(status, 200, "{answer}");
}

/// The incident of an alert with the label `unit`, whole.
pub(crate) async fn incident_of(program: &Program, unit: &str) -> Value {
    let id = eventually(&format!("an incident of {unit}"), async || {
        let answer = program
            .get("/api/skopos/incidents", &[("limit", "1000".to_owned())])
            .await;
        let incidents = answer["incidents"].as_array().expect("incidents");
        let found = incidents
            .iter()
            .find(|incident| incident["groupLabels"]["unit"] == unit);
        found.map(|incident| incident["id"].as_str().expect("an id").to_owned())
    })
    .await;
    program.get(&format!("/api/skopos/incidents/{id}"), &[]).await
}

/// The only alert of rules, as Prometheus' API shows it, once it is in `state`.
async fn alert_in(program: &Program, state: &str) -> Value {
    eventually(&format!("an alert that is {state}"), async || {
        let answer = program.get("/api/v1/alerts", &[]).await;
        let alert = answer["data"]["alerts"][0].clone();
        (alert["state"] == state).then_some(alert)
    })
    .await
}

/// Since when an alert is active, in whole seconds.
fn active_at(alert: &Value) -> i64 {
    let text = alert["activeAt"].as_str().expect("a time");
    text.parse::<Timestamp>().expect("RFC 3339").as_second()
}

#[tokio::test]
async fn since_when_an_alert_is_active_outlives_a_kill() {
    let site = Site::new().await;
    let config = site.rules("  - {alert: Held, expr: vector(1), for: 1s}\n");
    let more = ["--config.file", &config, "--rules.alert.for-grace-period", "1s"];
    let program = site.start(&more).await;
    let before = active_at(&alert_in(&program, "firing").await);
    eventually("the state is stored", async || {
        let query = [("query", "ALERTS_FOR_STATE".to_owned())];
        let answer = program.get("/api/v1/query", &query).await;
        let value = answer["data"]["result"][0]["value"][1].as_str()?.to_owned();
        (value == before.to_string()).then_some(())
    })
    .await;
    program.kill();

    let program = site.start(&more).await;
    eventually("the state is restored", async || {
        let answer = program.get("/api/v1/alerts", &[]).await;
        let alert = &answer["data"]["alerts"][0];
        (alert["activeAt"].is_string() && active_at(alert) == before).then_some(())
    })
    .await;
    alert_in(&program, "firing").await;
}

#[tokio::test]
async fn nobody_is_told_before_the_start_delay_is_over() {
    const DELAY: Duration = Duration::from_secs(2);
    let site = Site::new().await;
    let spawned = Instant::now();
    let program = site.start(&["--alertmanager.dispatch.start-delay", "2s"]).await;
    post_alert(&program, "Early", "one").await;
    let told = site.webhook.wait_told("/hook", "firing", "one").await;
    assert!(told.at - spawned >= DELAY, "after {:?}", told.at - spawned);
}

#[tokio::test]
async fn a_logql_alert_keeps_the_lines_that_decided_it() {
    let site = Site::new().await;
    let rules = site.write(
        "loki_rules.yml",
        "groups:\n- name: g\n  interval: 200ms\n  rules:\n  \
         - {alert: Boom, expr: 'sum by (job) (count_over_time({job=~\".+\"} |= \"boom\" [1m])) > 1'}\n",
    );
    let program = site.start(&["--rules.logql", &rules]).await;
    let now_ns = Timestamp::now().as_nanosecond();
    let stream = |job: &str, lines: &[&str]| {
        let values: Vec<[String; 2]> = lines
            .iter()
            .zip(0..)
            .map(|(line, place)| [(now_ns - 1000 + place).to_string(), (*line).to_owned()])
            .collect();
        json!({ "stream": { "job": job }, "values": values })
    };
    let long = format!("boom {}", "x".repeat(5000));
    let streams = [
        stream("api", &["boom one", "quiet", &long]),
        stream("other", &["boom elsewhere"]),
    ];
    let (status, answer) = program.post("/loki/api/v1/push", &json!({ "streams": streams })).await;
    assert_eq!(status, 204, "{answer}");
    let fingerprint = eventually("the alert is known", async || {
        let alerts = program.get("/api/v2/alerts", &[]).await;
        alerts[0]["fingerprint"].as_str().map(str::to_owned)
    })
    .await;
    let path = format!("/api/skopos/evidence/{fingerprint}");
    let evidence = program.get(&path, &[]).await;
    let selector = &evidence["selectors"][0];
    assert_eq!(selector["selector"], "{job=~\".+\"} |= \"boom\"");
    let lines = selector["lines"].as_array().expect("lines");
    let texts: Vec<&str> = lines.iter().map(|line| line["line"].as_str().expect("text")).collect();
    assert_eq!((texts.len(), texts[0]), (2, "boom one"), "{texts:?}");
    assert!(
        texts[1].starts_with("boom xxx") && texts[1].len() == 2048,
        "{}",
        texts[1].len()
    );
    assert_eq!(lines[0]["labels"]["job"], "api", "job other has nothing to do with it");
}

/// Files of packs: what comes with Skopos is loaded with `--pack`, escalations and heartbeats too.
#[tokio::test]
async fn the_incidents_file_of_a_pack_is_loaded() {
    let folder = tempfile::tempdir().expect("a folder");
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs");
    let [one, two] = ["dawsos", "somaagent"].map(|name| packs.join(name).to_string_lossy().into_owned());
    let program = Program::start(folder.path(), &["--pack", &one, "--pack", &two]).await;
    let heartbeats = program.get("/api/skopos/heartbeats", &[]).await;
    let names: Vec<&str> = heartbeats["heartbeats"]
        .as_array()
        .expect("heartbeats")
        .iter()
        .map(|heartbeat| heartbeat["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(names, ["dawsos/deadman", "somaagent/deadman"]);
}
