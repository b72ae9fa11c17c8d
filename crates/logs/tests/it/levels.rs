//! Level detection and service names against the shared cases.

use std::path::PathBuf;

use serde_json::Value;
use skopos_core::Labels;
use skopos_core::log::LogEntry;
use skopos_logs::discover::{DiscoverOptions, detect_level, level_in_json, level_in_text};

fn cases(suite: &str) -> Vec<Value> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared = std::env::var("SKOPOS_SHARED").unwrap_or_else(|_| default.to_owned());
    let path = PathBuf::from(shared)
        .join("conformance/logql")
        .join(format!("{suite}.yaml"));
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("failed to read {}: {error}; set SKOPOS_SHARED", path.display()));
    let file: Value = serde_saphyr::from_str(&text).expect("the suite is YAML");
    let cases = file["cases"].as_array().expect("a suite has cases").clone();
    assert_eq!(Some(cases.len() as u64), file["count"].as_u64(), "{suite} is complete");
    cases
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

#[test]
fn levels_are_detected() {
    for case in cases("level_detection") {
        let metadata = case["metadata"].as_object().into_iter().flatten();
        let entry = LogEntry {
            timestamp_ns: 0,
            line: case["line"].as_str().unwrap_or("").to_owned(),
            structured_metadata: Labels::from_pairs(metadata.map(|(n, v)| (n, v.as_str().unwrap_or("")))),
        };
        let fields = if case["level_fields"].is_array() {
            texts(&case["level_fields"])
        } else {
            DiscoverOptions::default().level_fields
        };
        assert_eq!(
            detect_level(&Labels::empty(), &entry, &fields),
            case["detected_level"],
            "{case}"
        );
    }
}

#[test]
fn levels_are_found_in_text_and_json() {
    for case in cases("level_from_text") {
        let line = case["line"].as_str().unwrap_or("");
        if case["fn"] == "json_level" {
            let depth = case["max_depth"].as_u64().map(|depth| depth as usize);
            let found = level_in_json(line, &texts(&case["allowed"]), depth);
            assert_eq!(found.as_deref().unwrap_or(""), case["level_text"], "{case}");
        } else {
            assert_eq!(level_in_text(line), case["detected_level"], "{case}");
        }
    }
}
