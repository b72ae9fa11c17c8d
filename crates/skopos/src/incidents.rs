//! `skopos incidents …`: what goes on and went on, who took it on, and how long it took.

mod show;
mod stats;

use anyhow::bail;
use serde_json::{Value, json};

use crate::cli::incidents::{
    IncidentAckArgs, IncidentListArgs, IncidentNoteArgs, IncidentRange, IncidentState, IncidentsCommand,
};
use crate::cli::query::ServerArgs;
use crate::query::api::{self, show_duration_ms, show_time_ms};
use crate::query::table;

/// Where incidents are.
const INCIDENTS: &str = "/api/skopos/incidents";
/// Most incidents among which the one is looked for whose id begins so.
const LOOKED_AT: &str = "1000";

/// Runs one command.
pub(crate) async fn run(command: IncidentsCommand) -> anyhow::Result<()> {
    match command {
        IncidentsCommand::List(args) => list(&args).await,
        IncidentsCommand::Show(args) => {
            let id = whole_id(&args.server, &args.id).await?;
            let incident = api::get(&args.server, &api::path(INCIDENTS, &[&id]), &[]).await?;
            show::print(&args.server, &incident);
            Ok(())
        }
        IncidentsCommand::Ack(args) => acknowledge(&args).await,
        IncidentsCommand::Note(args) => note(&args).await,
        IncidentsCommand::Stats(args) => stats::run(&args).await,
    }
}

async fn list(args: &IncidentListArgs) -> anyhow::Result<()> {
    let state = match args.state {
        IncidentState::Open => "open",
        IncidentState::Resolved => "resolved",
        IncidentState::All => "all",
    };
    let mut parameters = range(&args.range)?;
    parameters.push(("state", state.to_owned()));
    parameters.push(("limit", args.limit.to_string()));
    let answer = api::get(&args.server, INCIDENTS, &parameters).await?;
    if args.server.json {
        table::print_json(&answer);
        return Ok(());
    }
    let found = answer["incidents"].as_array().into_iter().flatten();
    let rows: Vec<Vec<String>> = found.map(row).collect();
    if rows.is_empty() {
        table::print_line("no such incidents");
        return Ok(());
    }
    table::print(
        &[
            "id", "state", "severity", "service", "started", "lasted", "by", "alerts", "title",
        ],
        &rows,
    );
    Ok(())
}

/// The parameters of a range and a service.
fn range(range: &IncidentRange) -> anyhow::Result<Vec<(&'static str, String)>> {
    let mut parameters = Vec::new();
    if let Some(service) = &range.service {
        parameters.push(("service", service.clone()));
    }
    for (name, text) in [("from", &range.from), ("to", &range.to)] {
        if let Some(text) = text {
            parameters.push((name, api::time_ms(text)?.to_string()));
        }
    }
    Ok(parameters)
}

async fn acknowledge(args: &IncidentAckArgs) -> anyhow::Result<()> {
    let id = whole_id(&args.server, &args.id).await?;
    let said = json!({ "by": args.author, "text": args.text });
    let incident = api::post(&args.server, &api::path(INCIDENTS, &[&id, "acknowledge"]), &said).await?;
    show::print(&args.server, &incident);
    Ok(())
}

async fn note(args: &IncidentNoteArgs) -> anyhow::Result<()> {
    let id = whole_id(&args.server, &args.id).await?;
    let said = json!({ "by": args.author, "text": args.text });
    let incident = api::post(&args.server, &api::path(INCIDENTS, &[&id, "notes"]), &said).await?;
    show::print(&args.server, &incident);
    Ok(())
}

/// The id that begins so. An id that is whole already is taken as it is.
async fn whole_id(server: &ServerArgs, start: &str) -> anyhow::Result<String> {
    if api::find(server, &api::path(INCIDENTS, &[start])).await?.is_some() {
        return Ok(start.to_owned());
    }
    let parameters = [("state", "all".to_owned()), ("limit", LOOKED_AT.to_owned())];
    let answer = api::get(server, INCIDENTS, &parameters).await?;
    let ids = answer["incidents"].as_array().into_iter().flatten();
    let ids: Vec<&str> = ids.filter_map(|incident| incident["id"].as_str()).collect();
    one_of(&ids, start)
}

fn one_of(ids: &[&str], start: &str) -> anyhow::Result<String> {
    let found: Vec<&str> = ids.iter().copied().filter(|id| id.starts_with(start)).collect();
    match found.as_slice() {
        [id] => Ok((*id).to_owned()),
        [] => bail!("no incident has the id {start:?}\n`skopos incidents list --state all` lists them"),
        several => bail!("several incidents begin with {start:?}: {}", several.join(", ")),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn duration(value: &Value) -> String {
    value.as_i64().map(show_duration_ms).unwrap_or_default()
}

fn row(incident: &Value) -> Vec<String> {
    vec![
        text(&incident["id"]),
        text(&incident["state"]),
        text(&incident["severity"]),
        text(&incident["service"]),
        incident["startedMs"].as_i64().map(show_time_ms).unwrap_or_default(),
        duration(&incident["timeToRecoverMs"]),
        text(&incident["acknowledgedBy"]),
        format!("{}/{}", incident["firing"], incident["alerts"]),
        text(&incident["title"]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_of_an_id_will_do_if_it_is_the_only_one() {
        let ids = ["a1", "a2", "b1"];
        assert_eq!(one_of(&ids, "b").ok().as_deref(), Some("b1"));
        assert!(format!("{}", one_of(&ids, "a").expect_err("two")).contains("a1, a2"));
        assert!(one_of(&ids, "c").is_err());
    }

    #[test]
    fn a_row() {
        let incident = json!({
            "id": "a1", "state": "resolved", "severity": "page", "service": "web", "startedMs": 0,
            "timeToRecoverMs": 90_000, "acknowledgedBy": null, "firing": 0, "alerts": 2, "title": "slow",
        });
        let shown = row(&incident);
        assert_eq!(shown[..4], ["a1", "resolved", "page", "web"]);
        assert_eq!(shown[5..], ["1m30s", "", "0/2", "slow"]);
    }
}
