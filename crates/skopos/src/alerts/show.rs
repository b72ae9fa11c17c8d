//! `skopos alerts show`: an alert with its annotations, who is told, and the evidence that the server keeps.

use anyhow::bail;
use serde_json::{Value, json};

use super::{ALERTS, alerts, receivers, state, text};
use crate::cli::alerts::AlertShowArgs;
use crate::query::api::{self, show_time_ms};
use crate::query::table;

/// Asks and prints.
pub(super) async fn run(args: &AlertShowArgs) -> anyhow::Result<()> {
    let answer = api::get(&args.server, ALERTS, &[]).await?;
    let is_meant =
        |alert: &&Value| text(&alert["fingerprint"]) == args.alert || text(&alert["labels"]["alertname"]) == args.alert;
    let mut found = Vec::new();
    for alert in alerts(&answer).filter(is_meant) {
        let path = api::path("/api/skopos/evidence", &[text(&alert["fingerprint"])]);
        let evidence = api::find(&args.server, &path).await?;
        found.push((alert, evidence.unwrap_or_default()));
    }
    if found.is_empty() {
        bail!(
            "no alert fires whose fingerprint or name is {:?}\n`skopos alerts` lists those that fire",
            args.alert
        );
    }
    if args.server.json {
        let found = found.iter();
        let whole = found.map(|(alert, evidence)| json!({"alert": alert, "evidence": evidence}));
        table::print_json(&whole.collect());
    } else {
        for (alert, evidence) in &found {
            for line in lines(alert, evidence) {
                table::print_line(&line);
            }
        }
    }
    Ok(())
}

fn lines(alert: &Value, evidence: &Value) -> Vec<String> {
    let name = text(&alert["labels"]["alertname"]);
    let mut lines = vec![
        format!("{name} is {} since {}", state(alert), text(&alert["startsAt"])),
        format!("  fingerprint  {}", text(&alert["fingerprint"])),
        format!("  receivers    {}", receivers(alert)),
    ];
    for (what, value) in [("silenced by", "silencedBy"), ("inhibited by", "inhibitedBy")] {
        let ids = alert["status"][value].as_array().into_iter().flatten();
        lines.extend(ids.map(|id| format!("  {what:<12} {}", text(id))));
    }
    lines.push("  labels".to_owned());
    lines.extend(pairs(&alert["labels"]));
    lines.push("  annotations".to_owned());
    lines.extend(pairs(&alert["annotations"]));
    lines.extend(evidence_lines(evidence));
    lines.push(String::new());
    lines
}

fn pairs(object: &Value) -> impl Iterator<Item = String> {
    let object = object.as_object().into_iter().flatten();
    object.map(|(name, value)| format!("    {name} = {}", text(value)))
}

/// What decided the alert; nothing where the server keeps none, as of alerts that came from outside.
fn evidence_lines(evidence: &Value) -> Vec<String> {
    if evidence.is_null() {
        return Vec::new();
    }
    let rule = &evidence["rule"];
    let time = |field: &str| evidence[field].as_i64().map(show_time_ms).unwrap_or_default();
    let mut lines = vec![
        "  evidence".to_owned(),
        format!("    rule       {}:{}", text(&rule["file"]), rule["line"]),
        format!(
            "    expression {}",
            text(&rule["expr"]).split_whitespace().collect::<Vec<_>>().join(" ")
        ),
        format!("    first bad  {}", time("firstBadMs")),
        format!("    fired      {}", time("firedMs")),
    ];
    let samples = evidence["result"].as_array().into_iter().flatten();
    lines.extend(samples.map(|sample| {
        format!(
            "    value      {} {}",
            plain(&sample["value"]),
            table::series_name(&sample["labels"])
        )
    }));
    let links = &evidence["links"];
    for (what, value) in [
        ("trace", &links["trace"]["traceId"]),
        ("logs", &links["logs"]["query"]),
        ("runbook", &links["runbook"]["url"]),
    ] {
        if !text(value).is_empty() {
            lines.push(format!("    {what:<10} {}", text(value)));
        }
    }
    lines
}

/// A value without the quotes of JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_with_and_without_evidence() {
        let alert = json!({
            "labels": {"alertname": "Slow"}, "annotations": {"summary": "it is slow"}, "fingerprint": "00ff",
            "startsAt": "1970-01-01T00:01:00Z", "receivers": [{"name": "pager"}],
            "status": {"state": "suppressed", "silencedBy": ["an-id"], "inhibitedBy": []},
        });
        let shown = lines(&alert, &Value::Null);
        assert_eq!(shown[0], "Slow is silenced since 1970-01-01T00:01:00Z");
        assert!(shown.contains(&"  silenced by  an-id".to_owned()), "{shown:?}");
        assert!(shown.contains(&"    summary = it is slow".to_owned()), "{shown:?}");
        let evidence = json!({
            "rule": {"file": "a.yml", "line": 4, "expr": "up\n  == 0"}, "firstBadMs": 0, "firedMs": 1,
            "result": [{"labels": {"job": "a"}, "value": "0"}],
            "links": {"trace": null, "logs": {"query": "{job=\"a\"}"}, "runbook": null},
        });
        let shown = evidence_lines(&evidence);
        assert!(shown.contains(&"    expression up == 0".to_owned()), "{shown:?}");
        assert!(shown.contains(&"    value      0 {job=\"a\"}".to_owned()), "{shown:?}");
        assert_eq!(shown.last().map(String::as_str), Some("    logs       {job=\"a\"}"));
    }
}
