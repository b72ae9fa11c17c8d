//! `skopos coverage`: a server's services by failure mode, and which rule watches what.

use serde_json::Value;

use crate::cli::prove::CoverageArgs;
use crate::query::api::get;
use crate::query::table;

/// Shown where no rule watches.
const GAP: &str = "·";

/// Asks and prints.
pub(crate) async fn run(args: CoverageArgs) -> anyhow::Result<()> {
    let report = get(&args.server, "/api/skopos/coverage", &[]).await?;
    if args.server.json {
        table::print_json(&report);
        return Ok(());
    }
    let modes: Vec<&str> = list(&report["modes"]).iter().filter_map(Value::as_str).collect();
    let mut header = vec!["service"];
    header.extend(&modes);
    let services = list(&report["services"]);
    let rows: Vec<Vec<String>> = services.iter().map(row).collect();
    table::print(&header, &rows);
    table::print_line("");
    if args.why {
        services
            .iter()
            .flat_map(reasons)
            .for_each(|line| table::print_line(&line));
        table::print_line("");
    }
    for rule in list(&report["unplaced"]) {
        table::print_line(&format!(
            "{}: {} is in no cell: {}",
            text(rule, "file"),
            text(rule, "name"),
            text(rule, "why")
        ));
    }
    table::print_line(&summary(&report));
    Ok(())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// The service, then in each cell how many rules watch, with a mark where none of them is proven.
fn row(service: &Value) -> Vec<String> {
    let mut row = vec![text(service, "service").to_owned()];
    for cell in list(&service["cells"]) {
        let rules = list(&cell["rules"]);
        let has = |verdict: &str| rules.iter().any(|rule| text(rule, "verdict") == verdict);
        row.push(match rules.len() {
            0 => GAP.to_owned(),
            count if has("proven") => format!("{count} proven"),
            count if has("broken") => format!("{count} BROKEN"),
            count => count.to_string(),
        });
    }
    row
}

fn reasons(service: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for cell in list(&service["cells"]) {
        for rule in list(&cell["rules"]) {
            let receivers: Vec<&str> = list(&rule["receivers"]).iter().filter_map(Value::as_str).collect();
            let receivers = if receivers.is_empty() {
                "nobody".to_owned()
            } else {
                receivers.join(", ")
            };
            lines.push(format!(
                "{} {}: {} tells {receivers} ({}; {})",
                text(service, "service"),
                text(cell, "mode"),
                text(rule, "name"),
                text(rule, "serviceWhy"),
                text(rule, "modeWhy"),
            ));
        }
    }
    lines
}

fn summary(report: &Value) -> String {
    let services = list(&report["services"]);
    let cells = services.iter().flat_map(|service| list(&service["cells"]));
    let (mut watched, mut all) = (0, 0);
    for cell in cells {
        all += 1;
        watched += usize::from(!list(&cell["rules"]).is_empty());
    }
    let lonely: Vec<&str> = list(&report["unwatched"]).iter().filter_map(Value::as_str).collect();
    let mut summary = format!("{} services, {watched} of {all} cells are watched", services.len());
    if !lonely.is_empty() {
        summary.push_str("; nobody watches ");
        summary.push_str(&lonely.join(", "));
    }
    summary
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_reasons_and_gaps() {
        let service = json!({"service": "a", "cells": [
            {"mode": "down", "rules": [{"name": "D", "verdict": "proven", "receivers": ["team"], "serviceWhy": "s", "modeWhy": "m"}]},
            {"mode": "slow", "rules": []},
            {"mode": "errors", "rules": [{"name": "E", "verdict": "broken", "receivers": []}]},
            {"mode": "disk", "rules": [{"name": "F", "verdict": null, "receivers": []}]}]});
        assert_eq!(row(&service), ["a", "1 proven", GAP, "1 BROKEN", "1"]);
        assert_eq!(reasons(&service)[0], "a down: D tells team (s; m)");
        assert!(reasons(&service)[1].contains("tells nobody"));
        let report = json!({"services": [service], "unwatched": ["b"]});
        assert_eq!(
            summary(&report),
            "1 services, 3 of 4 cells are watched; nobody watches b"
        );
    }
}
