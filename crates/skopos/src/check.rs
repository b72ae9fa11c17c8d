//! `skopos check config`: reads what a server would read and says what is wrong where.

pub(crate) mod alertmanager;
pub(crate) mod rules;
pub(crate) mod web_config;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use skopos_config::Mode;

use crate::banner::print_line;
use crate::cli::CheckConfigArgs;
use crate::node::sources::{Loaded, Sources};

/// Checks every path, prints the outcome, and gives the exit code: 0 fine, 1 broken, 3 findings.
pub(crate) fn run(args: &CheckConfigArgs) -> ExitCode {
    let mut outcomes: Vec<(PathBuf, Result<Loaded, String>)> = Vec::new();
    for path in &args.paths {
        let loaded = sources(path, args).load().map_err(|error| format!("{error:#}"));
        outcomes.push((path.clone(), loaded));
    }
    if args.json {
        print_line(&json(&outcomes).to_string());
    } else {
        outcomes.iter().for_each(print);
    }
    if outcomes.iter().any(|outcome| outcome.1.is_err()) {
        ExitCode::from(1)
    } else if outcomes
        .iter()
        .flat_map(|outcome| &outcome.1)
        .any(|loaded| !loaded.warnings.is_empty())
    {
        ExitCode::from(3)
    } else {
        ExitCode::SUCCESS
    }
}

fn sources(path: &Path, args: &CheckConfigArgs) -> Sources {
    let feature_names = args.feature_names.clone();
    let mode = if args.agent { Mode::Agent } else { Mode::Server };
    if path.is_dir() {
        Sources {
            packs: vec![path.to_owned()],
            feature_names,
            mode,
            ..Sources::default()
        }
    } else {
        Sources {
            config_file: Some(path.to_owned()),
            feature_names,
            mode,
            ..Sources::default()
        }
    }
}

fn print((path, outcome): &(PathBuf, Result<Loaded, String>)) {
    match outcome {
        Ok(loaded) => {
            print_line(&format!(
                "{}: ok, {} scrape jobs, {} rules, {} dashboards",
                path.display(),
                loaded.config.scrape_configs.len(),
                loaded.rule_count(),
                loaded.dashboards.list().len()
            ));
            for warning in &loaded.warnings {
                print_line(&format!("  warning: {warning}"));
            }
        }
        Err(error) => print_line(&format!("{}: broken\n  {error}", path.display())),
    }
}

fn json(outcomes: &[(PathBuf, Result<Loaded, String>)]) -> serde_json::Value {
    let one = |(path, outcome): &(PathBuf, Result<Loaded, String>)| match outcome {
        Ok(loaded) => serde_json::json!({
            "path": path.display().to_string(),
            "ok": true,
            "scrapeJobs": loaded.config.scrape_configs.len(),
            "rules": loaded.rule_count(),
            "dashboards": loaded.dashboards.list().len(),
            "warnings": loaded.warnings,
        }),
        Err(error) => serde_json::json!({"path": path.display().to_string(), "ok": false, "error": error}),
    };
    outcomes.iter().map(one).collect()
}
