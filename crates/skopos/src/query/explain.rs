//! `skopos query metrics --explain`: the plan as a tree, the reads as a table, and what was read.

use serde_json::Value;

use super::api::{get, show_time_ms};
use super::table;
use crate::cli::query::MetricsArgs;

/// Asks and prints.
pub(super) async fn run(args: &MetricsArgs, mut parameters: Vec<(&'static str, String)>) -> anyhow::Result<()> {
    parameters.push(("run", (!args.dry_run).to_string()));
    let explained = get(&args.query.server, "/api/skopos/explain", &parameters).await?;
    if args.query.server.json {
        table::print_json(&explained);
        return Ok(());
    }
    let mut lines = Vec::new();
    tree(&explained["plan"], 0, &mut lines);
    for line in &lines {
        table::print_line(line);
    }
    table::print_line("");
    table::print(
        &["selector", "from", "to", "series", "samples", "parts", "bytes"],
        &reads(&explained["selectors"]),
    );
    if !explained["read"].is_null() {
        table::print_line("");
        table::print(&["read", ""], &totals(&explained["read"]));
    }
    Ok(())
}

/// The parts of a plan, one a line, each below the one that it belongs to.
fn tree(node: &Value, level: usize, lines: &mut Vec<String>) {
    let text = |name: &str| node[name].as_str().unwrap_or_default();
    let steps = node["steps"].as_u64().unwrap_or_default();
    let at = if steps == 1 {
        String::new()
    } else {
        format!("  at {steps} steps")
    };
    let repeats = if node["repeats"] == true {
        "  (repeats: evaluated once)"
    } else {
        ""
    };
    lines.push(format!("{}{}{at}{repeats}", "  ".repeat(level), text("what")));
    for part in node["parts"].as_array().into_iter().flatten() {
        tree(part, level + 1, lines);
    }
}

fn reads(selectors: &Value) -> Vec<Vec<String>> {
    let row = |read: &Value| {
        let time = |name: &str| show_time_ms(read[name].as_i64().unwrap_or_default());
        let count = |name: &str| {
            read[name]
                .as_u64()
                .map_or_else(|| "?".to_owned(), |count| count.to_string())
        };
        vec![
            read["selector"].as_str().unwrap_or_default().to_owned(),
            time("startMs"),
            time("endMs"),
            count("series"),
            count("samples"),
            count("parts"),
            count("bytes"),
        ]
    };
    selectors.as_array().into_iter().flatten().map(row).collect()
}

fn totals(read: &Value) -> Vec<Vec<String>> {
    const NAMES: [(&str, &str); 8] = [
        ("seconds", "durationSeconds"),
        ("series", "series"),
        ("samples", "samples"),
        ("samples over all steps", "queryableSamples"),
        ("most samples held", "peakSamples"),
        ("parts", "parts"),
        ("bytes of parts", "bytes"),
        ("series in the result", "resultSeries"),
    ];
    NAMES
        .into_iter()
        .map(|(shown, name)| vec![shown.to_owned(), read[name].to_string()])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_trees_and_reads_rows() {
        let plan = serde_json::json!({
            "what": "sum", "steps": 3, "parts": [{ "what": "read m", "steps": 1, "repeats": true, "parts": [] }],
        });
        let mut lines = Vec::new();
        tree(&plan, 0, &mut lines);
        assert_eq!(lines, ["sum  at 3 steps", "  read m  (repeats: evaluated once)"]);
        let read = serde_json::json!([{ "selector": "m", "startMs": 0, "endMs": 1000, "series": 2, "samples": null }]);
        let rows = reads(&read);
        assert_eq!((rows[0][3].as_str(), rows[0][4].as_str()), ("2", "?"));
    }
}
