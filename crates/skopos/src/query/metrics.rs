//! `skopos query metrics`: PromQL at an instant or over a range.

use serde_json::Value;

use super::api::{get, show_time_ms, time_ms, time_or_now_ms};
use super::{explain, table};
use crate::cli::query::{MetricsArgs, QueryArgs};

/// Steps of a range where none is said.
const DEFAULT_STEPS: f64 = 100.0;

/// Asks and prints.
pub(super) async fn run(args: MetricsArgs) -> anyhow::Result<()> {
    let parameters = parameters(&args.query)?;
    if args.explain {
        return explain::run(&args, parameters).await;
    }
    let args = args.query;
    let path = if args.start.is_some() {
        "/api/v1/query_range"
    } else {
        "/api/v1/query"
    };
    let answer = get(&args.server, path, &parameters).await?;
    if args.server.json {
        table::print_json(&answer);
        return Ok(());
    }
    for note in ["warnings", "infos"] {
        for text in answer[note].as_array().into_iter().flatten() {
            tracing::warn!("{}", text.as_str().unwrap_or_default());
        }
    }
    show(&answer["data"]);
    Ok(())
}

/// The query, and the time or the range.
fn parameters(args: &QueryArgs) -> anyhow::Result<Vec<(&'static str, String)>> {
    let end_ms = time_or_now_ms(args.end.as_deref())?;
    let mut parameters = vec![("query", args.query.clone())];
    let Some(start) = &args.start else {
        parameters.push(("time", seconds(end_ms)));
        return Ok(parameters);
    };
    let start_ms = time_ms(start)?;
    let step = args.step.clone().unwrap_or_else(|| default_step(start_ms, end_ms));
    parameters.extend([("start", seconds(start_ms)), ("end", seconds(end_ms)), ("step", step)]);
    Ok(parameters)
}

/// The step of a range where none is said, in seconds.
pub(super) fn default_step(start_ms: i64, end_ms: i64) -> String {
    format!("{:.3}", ((end_ms - start_ms) as f64 / 1000.0 / DEFAULT_STEPS).max(1.0))
}

/// Prints the `data` of a query in the form its result type asks for.
pub(super) fn show(data: &Value) {
    let result = &data["result"];
    match data["resultType"].as_str() {
        Some("vector") => table::print(&["series", "value"], &vector_rows(result)),
        Some("matrix") => show_matrix(result),
        _ => table::print_line(&point_value(result)),
    }
}

fn vector_rows(result: &Value) -> Vec<Vec<String>> {
    let row = |sample: &Value| {
        let point = if sample["histogram"].is_null() {
            &sample["value"]
        } else {
            &sample["histogram"]
        };
        vec![table::series_name(&sample["metric"]), point_value(point)]
    };
    result.as_array().into_iter().flatten().map(row).collect()
}

fn show_matrix(result: &Value) {
    for series in result.as_array().into_iter().flatten() {
        table::print_line(&table::series_name(&series["metric"]));
        for point in series["values"]
            .as_array()
            .into_iter()
            .chain(series["histograms"].as_array())
            .flatten()
        {
            let at_ms = (point[0].as_f64().unwrap_or_default() * 1000.0) as i64;
            table::print_line(&format!("  {}  {}", show_time_ms(at_ms), point_value(point)));
        }
    }
}

fn point_value(point: &Value) -> String {
    match &point[1] {
        Value::String(text) => text.clone(),
        Value::Object(histogram) => format!(
            "histogram count={} sum={}",
            histogram.get("count").and_then(Value::as_str).unwrap_or_default(),
            histogram.get("sum").and_then(Value::as_str).unwrap_or_default()
        ),
        other => other.to_string(),
    }
}

fn seconds(timestamp_ms: i64) -> String {
    format!("{}.{:03}", timestamp_ms.div_euclid(1000), timestamp_ms.rem_euclid(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_vector() {
        let result = serde_json::json!([{"metric": {"job": "a"}, "value": [1, "2"]}]);
        assert_eq!(vector_rows(&result), [[r#"{job="a"}"#, "2"]]);
        assert_eq!(seconds(1500), "1.500");
        assert_eq!(default_step(0, 3_600_000), "36.000");
    }
}
