//! What of a dashboard the page cannot show, told per panel: which, where in it, what to do.

use serde_json::Value;

use crate::queries::{DataSources, Query, QueryCheck};
use crate::variables;

/// Panel types that the page draws, `row` left out.
pub const DRAWN_PANELS: &[&str] = &[
    "timeseries",
    "graph",
    "stat",
    "singlestat",
    "gauge",
    "bargauge",
    "table",
    "table-old",
    "piechart",
    "grafana-piechart-panel",
    "barchart",
    "heatmap",
    "histogram",
    "state-timeline",
    "status-history",
    "text",
    "logs",
    "alertlist",
    "dashlist",
];

/// Longest message of a parser that is shown.
const MAX_MESSAGE: usize = 300;

/// All panels but rows, those inside rows included, in the order of the document. Both layouts
/// are read: `panels` (schema 16 and later) and `rows` (before).
pub(crate) fn panels(dashboard: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    let tops = ["panels", "rows"]
        .into_iter()
        .filter_map(|key| dashboard[key].as_array())
        .flatten();
    for top in tops {
        if top["type"] == "row" || top["type"].is_null() && top["panels"].is_array() {
            found.extend(top["panels"].as_array().into_iter().flatten());
        } else {
            found.push(top);
        }
    }
    found
}

/// Everything that cannot be shown of a dashboard.
pub(crate) fn warnings(dashboard: &Value, check: QueryCheck<'_>) -> Vec<String> {
    let sources = DataSources::of(dashboard);
    let mut warnings = Vec::new();
    for panel in panels(dashboard) {
        let name = panel_name(panel);
        let found = panel_type(panel)
            .into_iter()
            .chain(panel_queries(panel, &sources, check));
        warnings.extend(found.map(|text| format!("{name}: {text}")));
    }
    warnings
}

/// `panel 4 "CPU"`.
fn panel_name(panel: &Value) -> String {
    let title = panel["title"].as_str().filter(|title| !title.is_empty());
    let title = title.map_or_else(|| "without title".to_owned(), |title| format!("{title:?}"));
    match &panel["id"] {
        Value::Null => format!("panel {title}"),
        id => format!("panel {id} {title}"),
    }
}

fn panel_type(panel: &Value) -> Option<String> {
    let kind = panel["type"].as_str().unwrap_or("");
    if DRAWN_PANELS.contains(&kind) {
        return None;
    }
    if panel["libraryPanel"].is_object() {
        return Some(
            "libraryPanel: the file does not hold the panel; in Grafana unlink it and export again".to_owned(),
        );
    }
    Some(format!(
        "type: {kind:?} is not drawn; choose one of {}",
        DRAWN_PANELS.join(", ")
    ))
}

fn panel_queries(panel: &Value, sources: &DataSources<'_>, check: QueryCheck<'_>) -> Vec<String> {
    let targets = panel["targets"].as_array().into_iter().flatten();
    let mut warnings = Vec::new();
    for (i, target) in targets.enumerate() {
        match sources.query(panel, target) {
            Query::None => {}
            Query::Foreign(kind) => warnings.push(format!(
                "targets[{i}].datasource: {kind:?} cannot be asked; use prometheus or loki"
            )),
            Query::Text(language, expr) => {
                if let Some(error) = first_error(expr, |filled| check(language, filled)) {
                    warnings.push(format!(
                        "targets[{i}].expr: {}: {error}; correct the query",
                        language.name()
                    ));
                }
            }
        }
    }
    warnings
}

/// Why a query does not parse, whatever its variables stand for.
fn first_error(expr: &str, check: impl Fn(&str) -> Result<(), String>) -> Option<String> {
    let mut first = None;
    for filled in variables::fill(expr) {
        match check(&filled) {
            Ok(()) => return None,
            Err(error) => {
                first.get_or_insert(error);
            }
        }
    }
    first.map(|error| error.chars().take(MAX_MESSAGE).collect())
}
