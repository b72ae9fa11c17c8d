//! A reload over HTTP, which no thread of the runtime carries out.

use serde_json::json;

use crate::program::Program;
use crate::webhook::eventually;

#[tokio::test]
async fn a_reload_over_http_begins_what_was_added() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("prometheus.yml");
    std::fs::write(&path, "\n").expect("written");
    let config = path.display().to_string();
    let program = Program::start(&folder.path().join("data"), &["--config.file", &config]).await;
    let own = program.url.trim_start_matches("http://");
    let added = format!(
        "scrape_configs: [{{job_name: added, scrape_interval: 1s, static_configs: [{{targets: ['{own}']}}]}}]\n\
         remote_write: [{{url: 'http://{own}/api/v1/write'}}]\n\
         alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{own}']}}]}}]}}\n"
    );
    std::fs::write(&path, added).expect("written");
    let (status, answer) = program.post("/-/reload", &json!(null)).await;
    assert_eq!(status, 200, "{answer}");
    eventually("the job is scraped", async || {
        let query = [("query", "up{job=\"added\"}".to_owned())];
        let answer = program.get("/api/v1/query", &query).await;
        (answer["data"]["result"][0]["value"][1] == "1").then_some(())
    })
    .await;
    program.stop().await;
}
