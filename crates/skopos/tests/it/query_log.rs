//! `query_log_file`: a line for each query, in the file that the configuration names.

use serde_json::Value;

use crate::program::Program;

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
}
