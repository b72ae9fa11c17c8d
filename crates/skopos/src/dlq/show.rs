//! Letters, counts and jobs for people.

use serde_json::Value;

use super::text;
use crate::query::api::{show_duration_ms, show_time_ms, time_or_now_ms};
use crate::query::table;

/// Widest an error is in a table.
const ERROR_WIDTH: usize = 60;

/// A page of letters.
pub(super) fn list(answer: &Value) {
    let letters = answer["letters"].as_array().map_or(&[][..], Vec::as_slice);
    let matched = answer["matched"].as_u64().unwrap_or_default();
    if letters.is_empty() {
        table::print_line(if matched == 0 {
            "no such dead letters"
        } else {
            "no more dead letters"
        });
        return;
    }
    let rows: Vec<Vec<String>> = letters.iter().map(row).collect();
    table::print(
        &["letter", "age", "type", "error", "tries", "replays", "group", "state"],
        &rows,
    );
    let offset = answer["offset"].as_u64().unwrap_or_default();
    let end = offset + letters.len() as u64;
    if end < matched {
        table::print_line(&format!(
            "{} of {matched}; --offset {end} shows the next",
            letters.len()
        ));
    }
}

fn row(letter: &Value) -> Vec<String> {
    vec![
        text(&letter["id"]),
        age(&letter["timestamp"]),
        text(&letter["error_type"]),
        short(&text(&letter["error_message"])),
        // The first try is none of the retries.
        (letter["retry_count"].as_u64().unwrap_or_default() + 1).to_string(),
        letter["replay_count"].as_u64().unwrap_or_default().to_string(),
        text(&letter["consumer_group"]),
        letter["settled"]["action"].as_str().unwrap_or("waiting").to_owned(),
    ]
}

/// The first line, not too much of it.
fn short(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= ERROR_WIDTH {
        return line.to_owned();
    }
    let start: String = line.chars().take(ERROR_WIDTH - 1).collect();
    format!("{start}…")
}

/// How long ago a time in RFC 3339 is; the text itself where it is none.
fn age(time: &Value) -> String {
    let at = time.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    match (at, time_or_now_ms(None)) {
        (Some(at), Ok(now)) => show_duration_ms((now - at.as_millisecond()).max(0)),
        _ => text(time),
    }
}

fn local(time: &Value) -> String {
    let at = time.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    at.map_or_else(|| text(time), |at| show_time_ms(at.as_millisecond()))
}

/// One letter, with a link to its trace where a page shows it.
pub(super) fn letter(letter: &Value, url: Option<&str>) {
    let line = |name: &str, value: &str| {
        if !value.is_empty() {
            table::print_line(&format!("{name:<12} {value}"));
        }
    };
    let tries = letter["retry_count"].as_u64().unwrap_or_default() + 1;
    let replays = letter["replay_count"].as_u64().unwrap_or_default();
    line("letter", &text(&letter["id"]));
    line("topic", &text(&letter["source_topic"]));
    line("key", &text(&letter["key"]));
    line(
        "given up",
        &format!("{}, {} ago", local(&letter["timestamp"]), age(&letter["timestamp"])),
    );
    line("by", &text(&letter["consumer_group"]));
    line("tries", &format!("{tries}, after {replays} replays"));
    line(
        "error",
        &format!("{}: {}", text(&letter["error_type"]), text(&letter["error_message"])),
    );
    let trace = text(&letter["trace_id"]);
    line("trace", &trace);
    if let (Some(url), Some(path)) = (url, letter["trace_path"].as_str()) {
        line("", &format!("{url}{path}"));
    }
    let settled = &letter["settled"];
    if settled.is_null() {
        line("state", "waiting");
    } else {
        let why = settled["reason"]
            .as_str()
            .map(|why| format!(": {why}"))
            .unwrap_or_default();
        let (what, who, when) = (text(&settled["action"]), text(&settled["by"]), local(&settled["at"]));
        line("state", &format!("{what} by {who} at {when}{why}"));
    }
    for (name, value) in letter["headers"].as_object().into_iter().flatten() {
        line("header", &format!("{name}: {}", text(value)));
    }
    table::print_line("event");
    match &letter["original_event"] {
        Value::String(event) => table::print_line(event),
        event => table::print_json(event),
    }
}

/// How many wait.
pub(super) fn counts(counts: &Value) {
    let queues = counts["queues"].as_array().map_or(&[][..], Vec::as_slice);
    if queues.is_empty() {
        table::print_line(&format!(
            "no topic of {} ends in .dlq: no event was given up there",
            text(&counts["bus"])
        ));
        return;
    }
    let rows: Vec<Vec<String>> = queues.iter().map(queue_row).collect();
    table::print(&["topic", "waiting", "oldest", "settled"], &rows);
    let reasons = counts["reasons"].as_array().map_or(&[][..], Vec::as_slice);
    if !reasons.is_empty() {
        table::print_line("");
        let reason = |reason: &Value| {
            vec![
                reason["waiting"].to_string(),
                text(&reason["source_topic"]),
                text(&reason["error_type"]),
            ]
        };
        table::print(
            &["waiting", "topic", "type"],
            &reasons.iter().map(reason).collect::<Vec<_>>(),
        );
    }
}

fn queue_row(queue: &Value) -> Vec<String> {
    let more = if queue["is_truncated"] == true { "+" } else { "" };
    let oldest = if queue["oldest"].is_null() {
        "-".to_owned()
    } else {
        age(&queue["oldest"])
    };
    vec![
        text(&queue["source_topic"]),
        format!("{}{more}", queue["waiting"]),
        oldest,
        format!("{}{more}", queue["settled"]),
    ]
}

/// Replays and discards.
pub(super) fn jobs(jobs: &[Value]) {
    if jobs.is_empty() {
        table::print_line("no job since the server started");
        return;
    }
    let row = |job: &Value| {
        vec![
            job["id"].to_string(),
            text(&job["action"]),
            text(&job["state"]),
            format!("{}/{}", job["done"], job["total"]),
            job["failed"].to_string(),
            text(&job["by"]),
            local(&job["started"]),
            text(&job["reason"]),
        ]
    };
    let rows: Vec<Vec<String>> = jobs.iter().map(row).collect();
    table::print(
        &["job", "action", "state", "done", "failed", "by", "started", "reason"],
        &rows,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_row_is_one_line() {
        let letter = json!({
            "id": "a.dlq/0/1", "timestamp": "1970-01-01T00:00:00Z", "error_type": "decode",
            "error_message": format!("{}\nsecond line", "x".repeat(200)), "retry_count": 2, "replay_count": 1,
            "consumer_group": "g", "settled": null,
        });
        let row = row(&letter);
        assert_eq!(row[3].chars().count(), ERROR_WIDTH);
        assert_eq!(row[4..], ["3", "1", "g", "waiting"]);
        assert_eq!(age(&json!("yesterday")), "yesterday");
    }
}
