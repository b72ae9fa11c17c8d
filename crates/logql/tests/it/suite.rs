//! Reads the shared suites and reports which of their cases fail.

use std::path::PathBuf;

use serde_json::Value;

/// A suite's cases.
pub(crate) fn cases(suite: &str) -> Vec<Value> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared = std::env::var("SKOPOS_SHARED").unwrap_or_else(|_| default.to_owned());
    let path = PathBuf::from(shared)
        .join("conformance/logql")
        .join(format!("{suite}.yaml"));
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("failed to read {}: {error}; set SKOPOS_SHARED", path.display()));
    let file: Value = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let cases = file["cases"].as_array().expect("a suite has cases").clone();
    assert_eq!(Some(cases.len() as u64), file["count"].as_u64(), "{suite} is complete");
    cases
}

/// Runs every case of a suite and asserts that exactly the listed ones fail, each with its reason.
pub(crate) fn run(suite: &str, known: &[(&str, &str)], check: impl Fn(&Value) -> Result<(), String>) {
    let mut failed = Vec::new();
    let mut unexpected = Vec::new();
    for case in cases(suite) {
        let id = case["id"].as_str().expect("a case has an id").to_owned();
        if let Err(reason) = check(&case) {
            if !known.iter().any(|(known, _)| *known == id) {
                unexpected.push(format!("{id}: {reason}"));
            }
            failed.push(id);
        }
    }
    assert!(
        unexpected.is_empty(),
        "cases of {suite} fail:\n{}",
        unexpected.join("\n")
    );
    for (id, reason) in known {
        assert!(
            failed.iter().any(|failed| failed == id),
            "{id} passes now ({reason}): take it off the list"
        );
    }
}

/// A text field, empty if absent.
pub(crate) fn text<'c>(case: &'c Value, field: &str) -> &'c str {
    case[field].as_str().unwrap_or("")
}

/// A field of pairs, sorted by name.
pub(crate) fn pairs(value: &Value) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or("").to_owned()))
        .collect();
    pairs.sort();
    pairs
}
