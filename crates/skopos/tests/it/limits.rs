//! Limits of a pack's Loki configuration hold for what is pushed and asked, from the start and after a reload.

use std::path::Path;

use serde_json::{Value, json};

use crate::program::Program;
use crate::webhook::eventually;

const NARROW: &str =
    "limits_config:\n  max_line_size: 1KB\n  max_entries_limit_per_query: 1000\n  max_query_length: 2h\n";

fn write(pack: &Path, text: &str) {
    std::fs::write(pack.join("loki.yaml"), text).expect("writes");
}

async fn push(program: &Program, line: &str) -> (u16, Value) {
    let now_ns = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("after 1970")
        .as_nanos();
    let stream = json!({ "stream": { "job": "a" }, "values": [[now_ns.to_string(), line]] });
    program.post("/loki/api/v1/push", &json!({ "streams": [stream] })).await
}

async fn status_of_query(program: &Program, parameters: &[(&str, &str)]) -> u16 {
    let query = [("query", "{job=\"a\"}")];
    let request = reqwest::Client::new().get(format!("{}/loki/api/v1/query_range", program.url));
    let answer = request.query(&query).query(parameters).send().await.expect("an answer");
    answer.status().as_u16()
}

#[tokio::test]
async fn a_packs_loki_limits_hold_and_change_with_a_reload() {
    let folder = tempfile::tempdir().expect("a folder");
    let pack = folder.path().join("logs");
    std::fs::create_dir(&pack).expect("creates");
    write(&pack, NARROW);
    let flag = pack.display().to_string();
    let program = Program::start(folder.path(), &["--pack", &flag]).await;
    assert_eq!(push(&program, "short").await.0, 204);
    assert_eq!(push(&program, &"x".repeat(1025)).await.0, 400);
    assert_eq!(status_of_query(&program, &[("limit", "1000")]).await, 200);
    assert_eq!(status_of_query(&program, &[("limit", "1001")]).await, 400);
    assert_eq!(status_of_query(&program, &[("since", "2h")]).await, 200);
    assert_eq!(status_of_query(&program, &[("since", "3h")]).await, 400);

    write(
        &pack,
        "limits_config:\n  ingestion_rate_mb: 0.00001\n  ingestion_burst_size_mb: 0.001\n",
    );
    program.hang_up();
    eventually("the rate holds", async || {
        (push(&program, &"x".repeat(1100)).await.0 == 429).then_some(())
    })
    .await;
    assert_eq!(status_of_query(&program, &[("since", "3h")]).await, 200);

    write(&pack, "limits_config:\n  max_line_size: wide\n");
    let (status, answer) = program.post("/-/reload", &Value::Null).await;
    assert_eq!(status, 500, "{answer}");
    assert_eq!(
        push(&program, &"x".repeat(1100)).await.0,
        429,
        "the limits before stay in force"
    );
}
