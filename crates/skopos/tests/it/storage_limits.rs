//! What `storage` of the configuration says of samples holds from the start and after a reload, over the flags.

use std::path::Path;

use serde_json::{Value, json};

use crate::program::Program;

fn write(config: &Path, window: &str, retention: &str) {
    let text =
        format!("storage:\n  tsdb:\n    out_of_order_time_window: {window}\n    retention:\n      time: {retention}\n");
    std::fs::write(config, text).expect("writes");
}

/// Pushes a gauge that is so old; gives whether it was taken.
async fn takes(program: &Program, seconds_old: u64) -> bool {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("after 1970");
    let at_ns = (now.as_nanos() - u128::from(seconds_old) * 1_000_000_000).to_string();
    let gauge = json!({ "name": "level", "gauge": { "dataPoints": [{ "timeUnixNano": at_ns, "asDouble": 1.0 }] } });
    let body = json!({ "resourceMetrics": [{ "scopeMetrics": [{ "metrics": [gauge] }] }] });
    let (status, answer) = program.post("/api/v1/otlp/v1/metrics", &body).await;
    assert!([200, 400].contains(&status), "{status} {answer}");
    let refused = &answer["partialSuccess"]["rejectedDataPoints"];
    status == 200 && (refused.is_null() || refused == "0" || refused == 0)
}

async fn retention(program: &Program) -> Value {
    program.get("/api/v1/status/runtimeinfo", &[]).await["data"]["storageRetention"].clone()
}

#[tokio::test]
async fn the_configuration_goes_before_the_flags_and_changes_with_a_reload() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("prometheus.yml");
    write(&config, "0s", "3d");
    let flag = config.display().to_string();
    let flags = ["--config.file", &flag, "--storage.retention.time", "9d"];
    let program = Program::start(folder.path(), &flags).await;
    assert_eq!(retention(&program).await, "3d");
    assert!(takes(&program, 10).await);
    assert!(!takes(&program, 60).await, "older than the newest");

    write(&config, "10m", "2d");
    let (status, answer) = program.post("/-/reload", &Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(retention(&program).await, "2d");
    assert!(takes(&program, 60).await, "within the window");
    assert!(!takes(&program, 1200).await, "beyond the window");
}
