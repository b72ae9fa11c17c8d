//! The log store's limits are those that the system's page asks for.

use serde_json::json;

use crate::PACK;

#[test]
fn the_limits_are_those_that_are_asked_for() {
    let limits = json!({
        "retention_period": "744h",
        "ingestion_rate_mb": 100,
        "ingestion_burst_size_mb": 200,
        "max_global_streams_per_user": 10_000,
        "max_entries_limit_per_query": 1000,
    });
    let config = PACK.document("loki.yaml");
    assert_eq!(config["limits_config"], limits);
    // In Loki retention is the compactor's work.
    assert_eq!(config["compactor"]["retention_enabled"], true);
    assert!(config["common"]["storage"]["filesystem"].is_object());
    assert!(PACK.text("compose.yaml").contains("--pack=/packs/recommender"));
}
