//! `skopos receiver …` and `skopos drill`: who is told, and whether it would reach them.

use std::collections::BTreeMap;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::notifications::{DrillArgs, ReceiverCommand, ReceiverListArgs, ReceiverTestArgs};
use crate::query::api::{self, show_duration_ms, show_time_ms};
use crate::query::table;

/// Where receivers are.
const RECEIVERS: &str = "/api/skopos/receivers";
const DELIVERED: &str = "delivered";

/// Runs one command.
pub(crate) async fn run(command: ReceiverCommand) -> anyhow::Result<ExitCode> {
    match command {
        ReceiverCommand::List(args) => list(&args).await.map(|()| ExitCode::SUCCESS),
        ReceiverCommand::Test(args) => test(&args).await,
    }
}

/// Drills an alert and waits for what becomes of it.
pub(crate) async fn drill(args: &DrillArgs) -> anyhow::Result<ExitCode> {
    let body = json!({ "alert": args.alert, "labels": object(&args.labels) });
    let answer = api::post(&args.server, "/api/skopos/drill", &body).await?;
    if args.server.json {
        table::print_json(&answer);
    } else {
        table::print_line(&format!("drill of {}", table::series_name(&answer["labels"])));
        print_results(&answer);
    }
    Ok(code_of(&answer))
}

async fn list(args: &ReceiverListArgs) -> anyhow::Result<()> {
    let answer = api::get(&args.server, RECEIVERS, &[]).await?;
    if args.server.json {
        table::print_json(&answer);
        return Ok(());
    }
    let receivers = answer["receivers"].as_array().into_iter().flatten();
    let rows: Vec<Vec<String>> = receivers.flat_map(rows).collect();
    table::print(&["receiver", "integration", "sent", "failed", "last", "outcome"], &rows);
    for url in answer["outside"].as_array().into_iter().flatten() {
        table::print_line(&format!("alerts are also sent to {}", text(url)));
    }
    Ok(())
}

async fn test(args: &ReceiverTestArgs) -> anyhow::Result<ExitCode> {
    let body = json!({ "labels": object(&args.labels), "annotations": object(&args.annotations) });
    let answer = api::post(&args.server, &api::path(RECEIVERS, &[&args.name, "test"]), &body).await?;
    if args.server.json {
        table::print_json(&answer);
    } else {
        print_results(&answer);
    }
    Ok(code_of(&answer))
}

fn object(pairs: &[(String, String)]) -> BTreeMap<&str, &str> {
    pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A row for each integration; one for a receiver that has none.
fn rows(receiver: &Value) -> Vec<Vec<String>> {
    let name = text(&receiver["name"]);
    let integrations = receiver["integrations"].as_array().into_iter().flatten();
    let rows: Vec<Vec<String>> = integrations
        .map(|integration| {
            vec![
                name.clone(),
                text(&integration["integration"]),
                integration["sent"].to_string(),
                integration["failed"].to_string(),
                integration["lastAtMs"].as_i64().map(show_time_ms).unwrap_or_default(),
                integration["lastError"]
                    .as_str()
                    .or_else(|| integration["lastOutcome"].as_str())
                    .unwrap_or_default()
                    .to_owned(),
            ]
        })
        .collect();
    if rows.is_empty() {
        return vec![vec![name, "none: it notifies nobody".to_owned()]];
    }
    rows
}

fn results(answer: &Value) -> impl Iterator<Item = &Value> {
    answer["results"].as_array().into_iter().flatten()
}

fn print_results(answer: &Value) {
    let rows: Vec<Vec<String>> = results(answer)
        .map(|result| {
            vec![
                text(&result["receiver"]),
                text(&result["integration"]),
                text(&result["outcome"]),
                result["durationMs"].as_i64().map(show_duration_ms).unwrap_or_default(),
                result["notificationId"]
                    .as_i64()
                    .map(|id| id.to_string())
                    .unwrap_or_default(),
                text(&result["error"]),
            ]
        })
        .collect();
    if rows.is_empty() {
        table::print_line("nobody is told: no receiver on its way has an integration");
        return;
    }
    table::print(
        &["receiver", "integration", "outcome", "took", "notification", "error"],
        &rows,
    );
}

/// 0 if somebody was to be told, and all were.
fn code_of(answer: &Value) -> ExitCode {
    let mut results = results(answer).peekable();
    if results.peek().is_some() && results.all(|result| result["outcome"] == DELIVERED) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_was_not_told_is_a_failure() {
        let answer = |outcomes: &[&str]| {
            let results: Vec<Value> = outcomes.iter().map(|outcome| json!({ "outcome": outcome })).collect();
            json!({ "results": results })
        };
        let code = |outcomes: &[&str]| format!("{:?}", code_of(&answer(outcomes)));
        let (fine, failed) = (format!("{:?}", ExitCode::SUCCESS), format!("{:?}", ExitCode::FAILURE));
        assert_eq!(code(&["delivered", "delivered"]), fine);
        assert_eq!(code(&["delivered", "failed"]), failed);
        assert_eq!(code(&[]), failed);
    }

    #[test]
    fn receivers_without_integrations_are_told() {
        let receiver = json!({"name": "nobody", "integrations": []});
        assert_eq!(rows(&receiver), [["nobody", "none: it notifies nobody"]]);
        let receiver = json!({"name": "pager", "integrations": [{
            "integration": "webhook[0]", "sent": 1, "failed": 2, "lastAtMs": null, "lastOutcome": "failed",
            "lastError": "refused",
        }]});
        assert_eq!(rows(&receiver), [["pager", "webhook[0]", "1", "2", "", "refused"]]);
    }
}
