//! `skopos notifications …`: what was sent to whom, when, and how it went.

use serde_json::Value;

use crate::cli::notifications::{
    NotificationListArgs, NotificationOutcome, NotificationShowArgs, NotificationsCommand,
};
use crate::query::api::{self, show_duration_ms, show_time_ms};
use crate::query::table;

/// Where notifications are.
const NOTIFICATIONS: &str = "/api/skopos/notifications";

/// Runs one command.
pub(crate) async fn run(command: NotificationsCommand) -> anyhow::Result<()> {
    match command {
        NotificationsCommand::List(args) => list(&args).await,
        NotificationsCommand::Show(args) => show(&args).await,
    }
}

async fn list(args: &NotificationListArgs) -> anyhow::Result<()> {
    let outcome = args.outcome.map(|outcome| match outcome {
        NotificationOutcome::Delivered => "delivered".to_owned(),
        NotificationOutcome::Failed => "failed".to_owned(),
    });
    let mut parameters = vec![("limit", args.limit.to_string())];
    for (name, value) in [
        ("receiver", args.receiver.clone()),
        ("outcome", outcome),
        ("alertname", args.alertname.clone()),
        ("incident", args.incident.clone()),
        ("before", args.before.map(|id| id.to_string())),
    ] {
        parameters.extend(value.map(|value| (name, value)));
    }
    let answer = api::get(&args.server, NOTIFICATIONS, &parameters).await?;
    if args.server.json {
        table::print_json(&answer);
        return Ok(());
    }
    let found = answer["notifications"].as_array().into_iter().flatten();
    let rows: Vec<Vec<String>> = found.map(row).collect();
    if rows.is_empty() {
        table::print_line("no such notifications");
        return Ok(());
    }
    table::print(
        &[
            "id",
            "at",
            "receiver",
            "integration",
            "outcome",
            "purpose",
            "firing",
            "resolved",
            "alerts",
        ],
        &rows,
    );
    if let Some(next) = answer["next"].as_i64() {
        table::print_line(&format!("there may be more: --before {next}"));
    }
    Ok(())
}

async fn show(args: &NotificationShowArgs) -> anyhow::Result<()> {
    let id = args.id.to_string();
    let answer = api::get(&args.server, &api::path(NOTIFICATIONS, &[&id]), &[]).await?;
    if args.server.json {
        table::print_json(&answer);
    } else {
        for line in lines(&answer) {
            table::print_line(&line);
        }
    }
    Ok(())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn time(value: &Value) -> String {
    value.as_i64().map(show_time_ms).unwrap_or_default()
}

fn alerts(notification: &Value) -> String {
    let names = notification["alertnames"].as_array().into_iter().flatten();
    let names: Vec<&str> = names.filter_map(Value::as_str).collect();
    names.join(", ")
}

fn row(notification: &Value) -> Vec<String> {
    vec![
        notification["id"].to_string(),
        time(&notification["atMs"]),
        text(&notification["receiver"]),
        text(&notification["integration"]),
        text(&notification["outcome"]),
        text(&notification["purpose"]),
        notification["firing"].to_string(),
        notification["resolved"].to_string(),
        alerts(notification),
    ]
}

fn lines(notification: &Value) -> Vec<String> {
    let took = notification["durationMs"].as_i64().map(show_duration_ms);
    let mut lines = vec![
        format!(
            "{} {}, {}: {} {}",
            notification["id"],
            text(&notification["receiver"]),
            text(&notification["integration"]),
            text(&notification["outcome"]),
            time(&notification["atMs"])
        ),
        format!("  reason    {}", text(&notification["reason"])),
        format!("  group     {}", text(&notification["groupKey"])),
        format!("  alerts    {}", alerts(notification)),
        format!(
            "  attempts  {} in {}",
            notification["attempts"],
            took.unwrap_or_default()
        ),
    ];
    for (what, value) in [("error", "error"), ("incident", "incidentId")] {
        if let Some(value) = notification[value].as_str() {
            lines.push(format!("  {what:<9} {value}"));
        }
    }
    let tries = notification["tries"].as_array().into_iter().flatten();
    lines.extend(tries.map(|tried| {
        let error = tried["error"].as_str().unwrap_or("delivered");
        format!("    {}  {error}", time(&tried["atMs"]))
    }));
    lines.push(format!("  sent as {}", text(&notification["contentType"])));
    lines.push(text(&notification["payload"]));
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_notification_in_words() {
        let notification = json!({
            "id": 7, "atMs": 0, "receiver": "pager", "integration": "webhook[0]", "outcome": "failed", "firing": 1,
            "resolved": 0, "purpose": "alert", "alertnames": ["Slow"], "reason": "first notification",
            "groupKey": "{}:{}", "attempts": 2, "durationMs": 1500, "error": "refused", "incidentId": null,
            "tries": [{"atMs": 0, "error": "refused"}], "contentType": "application/json", "payload": "{}",
        });
        assert_eq!(
            row(&notification)[2..],
            ["pager", "webhook[0]", "failed", "alert", "1", "0", "Slow"]
        );
        let shown = lines(&notification);
        assert!(shown.contains(&"  attempts  2 in 1s".to_owned()), "{shown:?}");
        assert!(shown.contains(&"  error     refused".to_owned()), "{shown:?}");
        assert!(!shown.iter().any(|line| line.contains("incident")), "{shown:?}");
    }
}
