//! `skopos alerts …`: what fires on a server, and what decided it.

pub(crate) mod matchers;
mod show;

use serde_json::Value;
use skopos_core::{Clock as _, SystemClock};

use crate::cli::alerts::{AlertListArgs, AlertsArgs, AlertsCommand};
use crate::query::api::{self, show_duration_ms};
use crate::query::table;

/// Where alerts are.
const ALERTS: &str = "/api/v2/alerts";

/// Runs one command.
pub(crate) async fn run(args: AlertsArgs) -> anyhow::Result<()> {
    match args.command {
        None => list(&args.list).await,
        Some(AlertsCommand::List(args)) => list(&args).await,
        Some(AlertsCommand::Show(args)) => show::run(&args).await,
    }
}

async fn list(args: &AlertListArgs) -> anyhow::Result<()> {
    let mut parameters: Vec<(&str, String)> = Vec::new();
    for matcher in matchers::read(&args.matchers)? {
        parameters.push(("filter", matcher.to_string()));
    }
    let states = [
        ("active", args.active),
        ("silenced", args.silenced),
        ("inhibited", args.inhibited),
        ("unprocessed", args.unprocessed),
    ];
    if states.iter().any(|(_, is_wanted)| *is_wanted) {
        parameters.extend(states.map(|(state, is_wanted)| (state, is_wanted.to_string())));
    }
    if let Some(receiver) = &args.receiver {
        parameters.push(("receiver", receiver.clone()));
    }
    let answer = api::get(&args.server, ALERTS, &parameters).await?;
    if args.server.json {
        table::print_json(&answer);
        return Ok(());
    }
    let now_ms = SystemClock.now_ms();
    let rows: Vec<Vec<String>> = alerts(&answer).map(|alert| row(alert, now_ms)).collect();
    if rows.is_empty() {
        table::print_line("no alert fires");
        return Ok(());
    }
    table::print(
        &[
            "alert",
            "state",
            "for",
            "severity",
            "receivers",
            "fingerprint",
            "labels",
        ],
        &rows,
    );
    Ok(())
}

fn alerts(answer: &Value) -> impl Iterator<Item = &Value> {
    answer.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The alert's state, with who holds it back in place of a mere `suppressed`.
fn state(alert: &Value) -> &str {
    let status = &alert["status"];
    let is_set = |name: &str| status[name].as_array().is_some_and(|ids| !ids.is_empty());
    if is_set("silencedBy") {
        "silenced"
    } else if is_set("inhibitedBy") {
        "inhibited"
    } else {
        text(&status["state"])
    }
}

fn row(alert: &Value, now_ms: i64) -> Vec<String> {
    let labels = &alert["labels"];
    let since = api::instant_ms(text(&alert["startsAt"]));
    let mut others = labels.clone();
    if let Some(others) = others.as_object_mut() {
        others.remove("alertname");
        others.remove("severity");
    }
    vec![
        text(&labels["alertname"]).to_owned(),
        state(alert).to_owned(),
        since.map_or_else(|_| String::new(), |since_ms| show_duration_ms(now_ms - since_ms)),
        text(&labels["severity"]).to_owned(),
        receivers(alert),
        text(&alert["fingerprint"]).to_owned(),
        table::series_name(&others),
    ]
}

fn receivers(alert: &Value) -> String {
    let receivers = alert["receivers"].as_array().into_iter().flatten();
    let names: Vec<&str> = receivers.map(|receiver| text(&receiver["name"])).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_say_who_holds_an_alert_back() {
        let mut alert = json!({
            "labels": {"alertname": "Slow", "severity": "page", "job": "a"},
            "startsAt": "1970-01-01T00:01:00Z",
            "fingerprint": "00ff",
            "receivers": [{"name": "pager"}, {"name": "chat"}],
            "status": {"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": []},
        });
        let shown = row(&alert, 180_000);
        assert_eq!(
            shown,
            ["Slow", "active", "2m", "page", "pager, chat", "00ff", r#"{job="a"}"#]
        );
        alert["status"] = json!({"state": "suppressed", "silencedBy": [], "inhibitedBy": ["01"]});
        assert_eq!(state(&alert), "inhibited");
        alert["status"]["silencedBy"] = json!(["id"]);
        assert_eq!(state(&alert), "silenced");
    }
}
