//! What of a dashboard the page cannot show.

use serde_json::Value;

/// Panel types that the page draws.
const KNOWN_PANELS: &[&str] = &[
    "timeseries",
    "graph",
    "stat",
    "singlestat",
    "gauge",
    "bargauge",
    "table",
    "table-old",
    "text",
    "logs",
];

/// All panels but rows, those inside rows included, in the order of the document. Both layouts
/// are read: `panels` (schema 16 and later) and `rows` (before).
pub(crate) fn panels(dashboard: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    let tops = ["panels", "rows"]
        .into_iter()
        .filter_map(|key| dashboard[key].as_array())
        .flatten();
    for top in tops {
        if top["type"] == "row" || top["type"].is_null() {
            found.extend(top["panels"].as_array().into_iter().flatten());
        } else {
            found.push(top);
        }
    }
    found
}

/// Why a panel cannot be shown, if it cannot.
pub(crate) fn warning(panel: &Value) -> Option<String> {
    let kind = panel["type"].as_str().unwrap_or("");
    if KNOWN_PANELS.contains(&kind) {
        return None;
    }
    let title = panel["title"]
        .as_str()
        .filter(|title| !title.is_empty())
        .unwrap_or("without title");
    Some(format!(
        "panel {:?} ({title}): type {kind:?} is not drawn; choose one of {}",
        panel["id"],
        KNOWN_PANELS.join(", ")
    ))
}
