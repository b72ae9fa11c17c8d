//! Bodies that cannot be read are in the ledger as one item each, under the door they came to.

use crate::harness::{Answer, Harness};

#[tokio::test]
async fn a_body_that_cannot_be_read_is_counted() {
    let harness = Harness::start().await;
    let pushes = [
        (harness.url("/loki/api/v1/push"), "application/json", "{", "loki_push"),
        (
            harness.url("/api/v1/write"),
            "application/x-protobuf",
            "x",
            "remote_write",
        ),
        (
            format!("http://{}/v1/traces", harness.otlp_http),
            "application/json",
            "{",
            "otlp_http",
        ),
    ];
    for (url, content_type, body, door) in pushes {
        let request = harness.client.post(url).header("Content-Type", content_type).body(body);
        assert_eq!(Answer::of(request).await.status, 400, "{door}");
        let ledger = harness.json("/api/skopos/ledger", &[]).await;
        let entries = ledger["entries"].as_array().expect("a list");
        let found = entries.iter().find(|entry| entry["door"] == door);
        let found = found.unwrap_or_else(|| panic!("{door} is not in {ledger}"));
        assert_eq!(found["outcome"], "rejected");
        assert_eq!((&found["reason"], &found["count"]), (&"invalid_body".into(), &1.into()));
    }
    harness.stop().await;
}
