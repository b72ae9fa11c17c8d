//! `skopos query logs`: LogQL lines, oldest first, or values.

use serde_json::Value;

use super::api::{get, show_time_ms, time_ms, time_or_now_ms};
use super::{metrics, table};
use crate::cli::query::QueryArgs;

const DEFAULT_RANGE: &str = "1h";

/// Asks and prints.
pub(super) async fn run(args: QueryArgs) -> anyhow::Result<()> {
    let start_ms = time_ms(args.start.as_deref().unwrap_or(DEFAULT_RANGE))?;
    let end_ms = time_or_now_ms(args.end.as_deref())?;
    let parameters = [
        ("query", args.query.clone()),
        ("start", format!("{start_ms}000000")),
        ("end", format!("{end_ms}000000")),
        ("limit", args.limit.to_string()),
        (
            "step",
            args.step
                .clone()
                .unwrap_or_else(|| metrics::default_step(start_ms, end_ms)),
        ),
    ];
    let answer = get(&args.server, "/loki/api/v1/query_range", &parameters).await?;
    if args.server.json {
        table::print_json(&answer);
    } else if answer["data"]["resultType"] == "streams" {
        for line in lines(&answer["data"]["result"]) {
            table::print_line(&line);
        }
    } else {
        metrics::show(&answer["data"]);
    }
    Ok(())
}

/// The entries of all streams in time order.
fn lines(result: &Value) -> Vec<String> {
    let mut entries: Vec<(i64, String, &str)> = Vec::new();
    for stream in result.as_array().into_iter().flatten() {
        let name = ["service_name", "job"]
            .iter()
            .find_map(|label| stream["stream"][label].as_str())
            .unwrap_or("-");
        for value in stream["values"].as_array().into_iter().flatten() {
            let timestamp_ns = value[0].as_str().and_then(|text| text.parse().ok()).unwrap_or_default();
            entries.push((timestamp_ns, name.to_owned(), value[1].as_str().unwrap_or_default()));
        }
    }
    entries.sort_by_key(|entry| entry.0);
    entries
        .into_iter()
        .map(|(timestamp_ns, name, line)| format!("{}  {name:<20}  {line}", show_time_ms(timestamp_ns / 1_000_000)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_streams_are_merged_by_time() {
        let result = serde_json::json!([
            {"stream": {"job": "b"}, "values": [["2000000", "later"]]},
            {"stream": {"service_name": "a"}, "values": [["1000000", "sooner"]]},
        ]);
        let lines = lines(&result);
        assert!(lines[0].ends_with("sooner") && lines[1].ends_with("later"), "{lines:?}");
    }
}
