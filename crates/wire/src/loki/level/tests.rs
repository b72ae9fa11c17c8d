//! The published cases of level detection and our own edges.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Suite {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    line: String,
    #[serde(default, rename = "fn")]
    function: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    level_fields: Option<Vec<String>>,
    max_depth: Option<usize>,
    #[serde(default)]
    detected_level: String,
    #[serde(default)]
    level_text: String,
}

fn cases(file: &str) -> Vec<Case> {
    let text = crate::tests::shared(&format!("conformance/logql/{file}"));
    serde_saphyr::from_str::<Suite>(&text).expect("the suite is YAML").cases
}

#[test]
fn levels_of_entries() {
    // Custom field lists are a setting that we do not have.
    for case in cases("level_detection.yaml")
        .into_iter()
        .filter(|case| case.level_fields.is_none())
    {
        let hints = LevelHints::new(|_| "", |name| case.metadata.get(name).map_or("", String::as_str));
        assert_eq!(
            detect_level(&case.line, &hints),
            case.detected_level,
            "{}: {}",
            case.id,
            case.line
        );
    }
}

#[test]
fn levels_of_text() {
    for case in cases("level_from_text.yaml") {
        match case.function.as_str() {
            "json_level" => {
                let level = json_level(&case.line, case.max_depth.unwrap_or(usize::MAX));
                assert_eq!(level.unwrap_or_default(), case.level_text, "{}: {}", case.id, case.line);
            }
            _ => assert_eq!(
                word_level(&case.line),
                case.detected_level,
                "{}: {}",
                case.id,
                case.line
            ),
        }
    }
}

#[test]
fn labels_come_before_the_line() {
    let hints = LevelHints::new(|name| if name == "level" { "WRN" } else { "" }, |_| "");
    assert_eq!(detect_level("error", &hints), "warn");
    let hints = LevelHints::new(|_| "", |name| if name == "detected_level" { "notice" } else { "" });
    assert_eq!(detect_level("error", &hints), "notice");
}
