//! Failed scrapes are written to the file that the configuration names.

use std::path::Path;

use serde_json::Value;

use crate::bench;

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect()
}

async fn until_written(path: &Path) -> Vec<Value> {
    for _ in 0..500 {
        let lines = lines(path);
        if !lines.is_empty() {
            return lines;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("nothing is written to {}", path.display());
}

#[tokio::test]
async fn failures_are_written_and_a_reload_opens_the_file_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("prometheus.yml");
    let log = folder.path().join("failures.log");
    // Nothing listens on port 1.
    let jobs =
        "- job_name: lost\n  scrape_failure_log_file: failures.log\n  static_configs: [{targets: ['127.0.0.1:1']}]\n";
    let bench = bench();
    bench.apply_at(jobs, &config);
    let line = until_written(&log).await.remove(0);
    assert_eq!(line["job_name"], "lost");
    assert_eq!(line["target"], "http://127.0.0.1:1/metrics");
    assert_eq!(line["level"], "ERROR");
    assert!(
        line["msg"]
            .as_str()
            .expect("a text")
            .starts_with("Get \"http://127.0.0.1:1/metrics\": "),
        "{line}"
    );
    assert!(line["time"].as_str().expect("a text").ends_with('Z'), "{line}");

    std::fs::rename(&log, folder.path().join("moved.log")).expect("moves");
    bench.apply_at(jobs, &config);
    until_written(&log).await;
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "scrape_configs:\n- job_name: lost\n  scrape_failure_log_file: none/failures.log\n  static_configs: [{targets: ['127.0.0.1:1']}]\n";
    let config = skopos_config::PrometheusConfig::parse(text, &folder.path().join("prometheus.yml")).expect("good");
    let bench = bench();
    let error = bench.manager.apply(&config).expect_err("cannot be opened").to_string();
    assert!(
        error.contains("job \"lost\": cannot open scrape_failure_log_file"),
        "{error}"
    );
    assert!(bench.manager.targets().active.is_empty());
}
