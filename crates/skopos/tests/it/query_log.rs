//! `query_log_file`: a line for each query, in the file that the configuration names.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::Program;

const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn queries_are_logged_where_the_configuration_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("prometheus.yml");
    std::fs::write(&config, "global: {query_log_file: queries.log}\n").expect("written");
    let config = config.display().to_string();
    let program = Program::start(&folder.path().join("data"), &["--config.file", &config]).await;
    let range = [("start", "60"), ("end", "120"), ("step", "30")].map(|(name, value)| (name, value.to_owned()));
    let query = [("query", "sum(rate(up[5m]))".to_owned())];
    program
        .get("/api/v1/query_range", &[&query[..], &range[..]].concat())
        .await;
    let log = std::fs::read_to_string(folder.path().join("queries.log")).expect("beside the configuration");
    let line: Value = serde_json::from_str(log.lines().next().expect("a line")).expect("JSON");
    assert_eq!(line["params"]["query"], "sum(rate(up[5m]))");
    assert_eq!(line["params"]["start"], "1970-01-01T00:01:00Z");
    assert_eq!(line["params"]["step"], 30.0);
    assert!(line["stats"]["timings"]["execTotalTime"].as_f64().is_some(), "{line}");
    let asked = json!({ "clientIP": "127.0.0.1", "method": "GET", "path": "/api/v1/query_range" });
    assert_eq!(line["httpRequest"], asked);
}

/// The lines of a log, as far as they are whole.
fn lines(log: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

#[tokio::test]
async fn rules_are_logged_with_their_group() {
    let folder = tempfile::tempdir().expect("a folder");
    let rules = folder.path().join("rules.yml");
    let text = "groups: [{name: g, interval: 1s, rules: [{record: r, expr: \"vector(1) > 0\"}, \
                {alert: A, expr: \"vector(2) + on(b) group_left vector(3)\", \
                annotations: {a: \"{{ query \\\"vector(4)\\\" }}\"}}, {record: w, expr: \"rate(x[5m]) * on() y\"}]}]\n";
    std::fs::write(&rules, text).expect("written");
    let config = folder.path().join("prometheus.yml");
    std::fs::write(
        &config,
        "global: {query_log_file: queries.log}\nrule_files: [rules.yml]\n",
    )
    .expect("written");
    let config = config.display().to_string();
    let program = Program::start(&folder.path().join("data"), &["--config.file", &config]).await;
    let log = folder.path().join("queries.log");
    let deadline = Instant::now() + PATIENCE;
    let of = |query: &str| lines(&log).into_iter().find(|line| line["params"]["query"] == query);
    while ["vector(1) > 0", "vector(4)", "rate(x[5m]) * on() y"]
        .iter()
        .any(|query| of(query).is_none())
    {
        assert!(Instant::now() < deadline, "{:?}", lines(&log));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let line = of("vector(1) > 0").expect("it is there");
    assert_eq!(line["ruleGroup"]["name"], "g");
    assert_eq!(line["httpRequest"], Value::Null);
    let file = line["ruleGroup"]["file"].as_str().expect("a name");
    assert!(file.ends_with("rules.yml"), "{file}");
    assert_eq!(line["params"]["start"], line["params"]["end"]);
    assert_eq!(line["params"]["step"], 0.0);
    assert!(line["stats"]["timings"]["evalTotalTime"].as_f64().is_some(), "{line}");

    program.get("/api/v1/query", &[("query", "vector(5)".to_owned())]).await;
    assert_eq!(of("vector(5)").expect("a line")["ruleGroup"], Value::Null);
}
