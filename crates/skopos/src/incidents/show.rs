//! An incident with its times, alerts, escalation and timeline.

use serde_json::Value;

use super::{duration, text};
use crate::cli::query::ServerArgs;
use crate::query::api::show_time_ms;
use crate::query::table;

/// Prints it as asked for.
pub(super) fn print(server: &ServerArgs, incident: &Value) {
    if server.json {
        table::print_json(incident);
        return;
    }
    for line in lines(incident) {
        table::print_line(&line);
    }
}

fn lines(incident: &Value) -> Vec<String> {
    let mut lines = vec![
        format!("{}  {}", text(&incident["id"]), text(&incident["title"])),
        format!("  state           {}", text(&incident["state"])),
    ];
    for (what, value) in [
        ("severity", "severity"),
        ("service", "service"),
        ("acknowledged by", "acknowledgedBy"),
    ] {
        let value = text(&incident[value]);
        if !value.is_empty() {
            lines.push(format!("  {what:<15} {value}"));
        }
    }
    for (what, value) in [
        ("detected after", "timeToDetectMs"),
        ("taken on after", "timeToAcknowledgeMs"),
        ("recovered after", "timeToRecoverMs"),
    ] {
        let value = duration(&incident[value]);
        if !value.is_empty() {
            lines.push(format!("  {what:<15} {value}"));
        }
    }
    lines.push("  alerts".to_owned());
    let members = incident["members"].as_array().into_iter().flatten();
    lines.extend(members.map(|member| {
        let labels = table::series_name(&member["labels"]);
        format!(
            "    {:<9} {} {labels}",
            text(&member["state"]),
            text(&member["fingerprint"])
        )
    }));
    let steps = incident["escalation"]["steps"].as_array().into_iter().flatten();
    lines.extend(steps.map(step));
    lines.push("  timeline".to_owned());
    let entries = incident["timeline"].as_array().into_iter().flatten();
    lines.extend(entries.map(entry));
    lines
}

fn time(value: &Value) -> String {
    value.as_i64().map(show_time_ms).unwrap_or_default()
}

fn step(step: &Value) -> String {
    let state = if step["doneMs"].is_null() { "due" } else { "told" };
    let at = step["doneMs"].as_i64().or_else(|| step["dueMs"].as_i64());
    let at = at.map(show_time_ms).unwrap_or_default();
    format!("  escalation      {} is {state} {at}", text(&step["receiver"]))
}

fn entry(entry: &Value) -> String {
    let by = entry["by"].as_str().map(|by| format!(" ({by})")).unwrap_or_default();
    let notification = entry["notificationId"].as_i64();
    let notification = notification
        .map(|id| format!(" [notification {id}]"))
        .unwrap_or_default();
    format!(
        "    {}  {:<18} {}{by}{notification}",
        time(&entry["atMs"]),
        text(&entry["kind"]),
        text(&entry["text"])
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_incident_in_words() {
        let incident = json!({
            "id": "a1", "title": "slow", "state": "open", "severity": "page", "service": null, "acknowledgedBy": "me",
            "timeToDetectMs": 30_000, "timeToAcknowledgeMs": null, "timeToRecoverMs": null,
            "members": [{"state": "firing", "fingerprint": "00ff", "labels": {"alertname": "Slow"}}],
            "escalation": {"policy": "p", "steps": [{"receiver": "boss", "dueMs": 0, "doneMs": null}]},
            "timeline": [{"atMs": 0, "kind": "notified", "text": "pager", "by": null, "notificationId": 4}],
        });
        let shown = lines(&incident);
        assert_eq!(shown[0], "a1  slow");
        assert!(shown.contains(&"  detected after  30s".to_owned()), "{shown:?}");
        assert!(shown.iter().any(|line| line.contains("boss is due")), "{shown:?}");
        assert!(
            shown
                .last()
                .is_some_and(|line| line.ends_with("pager [notification 4]")),
            "{shown:?}"
        );
        assert!(!shown.iter().any(|line| line.contains("service")), "{shown:?}");
    }
}
