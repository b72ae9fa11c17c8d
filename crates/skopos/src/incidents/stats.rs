//! `skopos incidents stats`: times to detect, acknowledge and recover.

use serde_json::Value;

use super::{INCIDENTS, range, text};
use crate::cli::incidents::IncidentStatsArgs;
use crate::query::api::{self, show_duration_ms};
use crate::query::table;

const TIMES: [&str; 3] = ["timeToDetectMs", "timeToAcknowledgeMs", "timeToRecoverMs"];

/// Asks and prints.
pub(super) async fn run(args: &IncidentStatsArgs) -> anyhow::Result<()> {
    let parameters = range(&args.range)?;
    let answer = api::get(&args.server, &format!("{INCIDENTS}/stats"), &parameters).await?;
    if args.server.json {
        table::print_json(&answer);
        return Ok(());
    }
    let services = answer["services"].as_array().into_iter().flatten();
    let mut rows: Vec<Vec<String>> = services.map(|stats| row(&text(&stats["service"]), stats)).collect();
    rows.push(row("all", &answer["total"]));
    table::print(
        &[
            "service",
            "incidents",
            "to detect",
            "to acknowledge",
            "to recover",
            "within target",
            "beyond",
        ],
        &rows,
    );
    let target = answer["targetMs"].as_i64().map(show_duration_ms).unwrap_or_default();
    table::print_line(&format!(
        "times are median / 95 of 100; the target to recover is {target}"
    ));
    Ok(())
}

fn row(service: &str, stats: &Value) -> Vec<String> {
    let mut row = vec![service.to_owned(), stats["count"].to_string()];
    row.extend(TIMES.map(|name| times(&stats[name])));
    row.extend(["withinTarget", "beyondTarget"].map(|name| stats[name].to_string()));
    row
}

fn times(times: &Value) -> String {
    let shown = |name: &str| times[name].as_i64().map(show_duration_ms);
    match (shown("median"), shown("p95")) {
        (Some(median), Some(p95)) => format!("{median} / {p95}"),
        _ => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_of_times() {
        let stats = json!({
            "count": 2, "timeToDetectMs": {"median": 1000, "p95": 2000}, "timeToAcknowledgeMs": {"median": null},
            "timeToRecoverMs": {"median": 60_000, "p95": 60_000}, "withinTarget": 2, "beyondTarget": 0,
        });
        assert_eq!(row("web", &stats), ["web", "2", "1s / 2s", "-", "1m / 1m", "2", "0"]);
    }
}
