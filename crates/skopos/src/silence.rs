//! `skopos silence …`: lists, makes, ends and carries over silences, with the habits of amtool.

mod list;
mod transfer;

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use skopos_alertmanager::machine::StoredMatcher;
use skopos_core::{Clock as _, SystemClock};

use crate::alerts::matchers;
use crate::cli::silence::{SilenceAddArgs, SilenceCommand, SilenceExpireArgs};
use crate::query::{api, table};

/// Where silences are.
const SILENCES: &str = "/api/v2/silences";
const SILENCE: &str = "/api/v2/silence";

/// Runs one command.
pub(crate) async fn run(command: SilenceCommand) -> anyhow::Result<()> {
    match command {
        SilenceCommand::List(args) => list::run(&args).await,
        SilenceCommand::Add(args) => add(&args).await,
        SilenceCommand::Expire(args) => expire(&args).await,
        SilenceCommand::Import(args) => transfer::import(&args).await,
        SilenceCommand::Export(args) => transfer::export(&args).await,
    }
}

async fn add(args: &SilenceAddArgs) -> anyhow::Result<()> {
    let answer = api::post(&args.server, SILENCES, &posted(args)?).await?;
    if args.server.json {
        table::print_json(&answer);
    } else {
        table::print_line(id_of(&answer)?);
    }
    Ok(())
}

/// The id in the answer to a posted silence.
fn id_of(answer: &Value) -> anyhow::Result<&str> {
    answer["silenceID"]
        .as_str()
        .context("the server's answer has no silenceID")
}

fn posted(args: &SilenceAddArgs) -> anyhow::Result<Value> {
    let matchers = matchers::read(&args.matchers)?;
    let matchers: Vec<StoredMatcher> = matchers.iter().map(StoredMatcher::from).collect();
    let start_ms = match &args.start {
        Some(text) => api::instant_ms(text).context("--start")?,
        None => SystemClock.now_ms(),
    };
    let end_ms = if let Some(text) = &args.end {
        api::instant_ms(text).context("--end")?
    } else {
        let duration = skopos_config::parse_duration(&args.duration).context("--duration")?;
        if duration.is_zero() {
            bail!("--duration 0s: the silence would end as it begins");
        }
        start_ms + duration.as_millis() as i64
    };
    let annotations: BTreeMap<&str, &str> = args
        .annotations
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    Ok(json!({
        "matchers": matchers,
        "startsAt": api::rfc3339(start_ms)?,
        "endsAt": api::rfc3339(end_ms)?,
        "createdBy": args.author,
        "comment": args.comment,
        "annotations": annotations,
    }))
}

/// Ends all of them that can be ended, then fails if some could not.
async fn expire(args: &SilenceExpireArgs) -> anyhow::Result<()> {
    let mut failed = Vec::new();
    let mut ended = Vec::new();
    for id in &args.ids {
        match api::delete(&args.server, &api::path(SILENCE, &[id])).await {
            Ok(()) => ended.push(id.as_str()),
            Err(error) => failed.push(format!("{id}: {error:#}")),
        }
    }
    if args.server.json {
        table::print_json(&json!({ "expired": ended }));
    } else {
        for id in &ended {
            table::print_line(&format!("{id} is expired"));
        }
    }
    if !failed.is_empty() {
        bail!(
            "{} of {} silences could not be expired\n{}",
            failed.len(),
            args.ids.len(),
            failed.join("\n")
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::query::ServerArgs;

    fn args() -> SilenceAddArgs {
        SilenceAddArgs {
            matchers: vec!["Slow".to_owned(), "job!~a|b".to_owned()],
            duration: "2h".to_owned(),
            comment: "why".to_owned(),
            author: "me".to_owned(),
            start: Some("1970-01-01T00:00:00Z".to_owned()),
            end: None,
            annotations: vec![("ticket".to_owned(), "OPS-1".to_owned())],
            server: ServerArgs {
                server: String::new(),
                http_config: None,
                tenant: None,
                json: false,
            },
        }
    }

    #[test]
    fn what_is_posted() {
        let body = posted(&args()).expect("a silence");
        assert_eq!(body["endsAt"], "1970-01-01T02:00:00Z");
        assert_eq!(body["annotations"], json!({"ticket": "OPS-1"}));
        assert_eq!(
            body["matchers"],
            json!([
                {"name": "alertname", "value": "Slow", "isRegex": false, "isEqual": true},
                {"name": "job", "value": "a|b", "isRegex": true, "isEqual": false},
            ])
        );
        let endless = SilenceAddArgs {
            duration: "0s".to_owned(),
            ..args()
        };
        assert!(posted(&endless).is_err());
        let odd = SilenceAddArgs {
            end: Some("soon".to_owned()),
            ..args()
        };
        assert!(format!("{:#}", posted(&odd).expect_err("no time")).starts_with("--end: "));
    }
}
