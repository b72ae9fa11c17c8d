//! `skopos check alertmanager`: reads a configuration as a server would, says what it found and what is hardly meant,
//! and tells where an alert would go.

mod lints;
mod messages;
mod route;

use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};
use skopos_alertmanager::config::Integration;
use skopos_alertmanager::{Config, RouteTree};
use skopos_notify::{Notifier, Templates};

use crate::banner::print_line;
use crate::cli::check::CheckAlertmanagerArgs;
use crate::node::sources::alerting::read;

use lints::Finding;

/// Exit code of findings.
const FINDINGS: u8 = 3;

/// A configuration that a server would take.
struct Checked {
    config: Config,
    /// The template files that it names.
    templates: Vec<String>,
    findings: Vec<Finding>,
}

/// Checks every file, prints the outcome, and gives the exit code.
pub(crate) fn run(args: &CheckAlertmanagerArgs) -> anyhow::Result<ExitCode> {
    if !args.route.is_empty() {
        return route::run(args);
    }
    let outcomes: Vec<(&Path, Result<Checked, String>)> = args
        .files
        .iter()
        .map(|path| (path.as_path(), check(path).map_err(|error| format!("{error:#}"))))
        .collect();
    if args.json {
        print_line(&json(&outcomes).to_string());
    } else {
        outcomes
            .iter()
            .flat_map(|(path, outcome)| lines(path, outcome))
            .for_each(|line| print_line(&line));
    }
    let checked = || outcomes.iter().map(|(_, outcome)| outcome);
    Ok(if checked().any(Result::is_err) {
        ExitCode::FAILURE
    } else if checked().flatten().any(|checked| !checked.findings.is_empty()) {
        ExitCode::from(FINDINGS)
    } else {
        ExitCode::SUCCESS
    })
}

fn check(path: &Path) -> anyhow::Result<Checked> {
    let config = read(path)?;
    let templates = Templates::load(&config.templates)?;
    // What a server builds at its start: HTTP clients with their certificates, too.
    Notifier::new(&config, "")?;
    let mut findings = lints::of(&config);
    findings.extend(messages::of(&config, &templates));
    findings.sort_by_key(|finding| finding.position.map(|position| (position.line, position.column)));
    let files = Templates::files(&config.templates)?;
    Ok(Checked {
        templates: files.iter().map(|file| file.display().to_string()).collect(),
        findings,
        config,
    })
}

/// The words of amtool's check-config, and what more there is to say.
fn lines(path: &Path, outcome: &Result<Checked, String>) -> Vec<String> {
    let checked = match outcome {
        Ok(checked) => checked,
        Err(error) => return vec![format!("Checking '{}'  FAILED: {error}", path.display()), String::new()],
    };
    let config = &checked.config;
    let mut lines = vec![
        format!("Checking '{}'  SUCCESS", path.display()),
        "Found:".to_owned(),
        " - global config".to_owned(),
        format!(" - route, with {} below", routes(config) - 1),
        format!(" - {} inhibit rules", config.inhibit_rules.len()),
        format!(" - {} receivers", config.receivers.len()),
    ];
    lines.extend(config.receivers.iter().map(|receiver| {
        let integrations: Vec<String> = receiver.integrations.iter().map(Integration::label).collect();
        let integrations = if integrations.is_empty() {
            "notifies nobody".to_owned()
        } else {
            integrations.join(", ")
        };
        format!("     {}: {integrations}", receiver.name)
    }));
    lines.push(format!(" - {} time intervals", config.time_intervals.len()));
    lines.push(format!(" - {} templates", checked.templates.len()));
    lines.extend(checked.templates.iter().map(|file| format!("     {file}")));
    lines.extend(checked.findings.iter().map(|finding| finding.line(path)));
    lines.push(String::new());
    lines
}

/// The number of routes, the root among them.
fn routes(config: &Config) -> usize {
    RouteTree::new(config).routes().len()
}

fn json(outcomes: &[(&Path, Result<Checked, String>)]) -> Value {
    let mut findings = Vec::new();
    let files: Vec<Value> = outcomes
        .iter()
        .map(|(path, outcome)| match outcome {
            Err(error) => json!({"path": path.display().to_string(), "ok": false, "error": error}),
            Ok(checked) => {
                findings.extend(checked.findings.iter().map(|finding| finding.json(path)));
                file_json(path, checked)
            }
        })
        .collect();
    json!({"files": files, "findings": findings})
}

fn file_json(path: &Path, checked: &Checked) -> Value {
    let config = &checked.config;
    let receivers = config.receivers.iter().map(|receiver| {
        let integrations: Vec<String> = receiver.integrations.iter().map(Integration::label).collect();
        json!({"name": receiver.name, "integrations": integrations})
    });
    let intervals = config.time_intervals.iter().map(|intervals| intervals.name.as_str());
    json!({
        "path": path.display().to_string(),
        "ok": true,
        "routes": routes(config),
        "receivers": receivers.collect::<Vec<_>>(),
        "inhibitRules": config.inhibit_rules.len(),
        "timeIntervals": intervals.collect::<Vec<_>>(),
        "templates": checked.templates,
    })
}
