//! `skopos fault`: lists the faults of a running demo and switches them.

use serde_json::{Value, json};

use crate::cli::fault::{FaultArgs, Wish};
use crate::query::api;
use crate::query::table;

const HEADER: [&str; 6] = ["fault", "is", "system", "service", "what goes wrong", "alerts"];

/// Lists the faults, or switches one.
pub(crate) async fn run(args: &FaultArgs) -> anyhow::Result<()> {
    let (Some(name), Some(wish)) = (&args.name, args.wish) else {
        return list(args).await;
    };
    let is_active = wish == Wish::On;
    let path = format!("/api/skopos/fleet/faults/{name}");
    let answer = api::post(&args.server, &path, &json!({ "active": is_active })).await?;
    if args.server.json {
        table::print_json(&answer);
    } else {
        table::print_line(&format!("{name} is {}", if is_active { "on" } else { "off" }));
    }
    Ok(())
}

async fn list(args: &FaultArgs) -> anyhow::Result<()> {
    let answer = api::get(&args.server, "/api/skopos/fleet", &[]).await?;
    let faults = &answer["faults"];
    if args.server.json {
        table::print_json(faults);
        return Ok(());
    }
    let rows: Vec<Vec<String>> = faults.as_array().into_iter().flatten().map(row).collect();
    table::print(&HEADER, &rows);
    Ok(())
}

fn row(fault: &Value) -> Vec<String> {
    let text = |field: &str| fault[field].as_str().unwrap_or_default().to_owned();
    let alerts = fault["alerts"].as_array().into_iter().flatten();
    let alerts: Vec<&str> = alerts.filter_map(Value::as_str).collect();
    let is = if fault["active"] == true { "on" } else { "off" };
    vec![
        text("name"),
        is.to_owned(),
        text("system"),
        text("service"),
        text("about"),
        alerts.join(", "),
    ]
}
