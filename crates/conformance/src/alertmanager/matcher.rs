//! Scenarios of kind `matcher`: what a text of a route's `matchers` means, and how it is printed.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::json;
use skopos_alertmanager::{Config, LoadOptions, ParserMode};

use super::scenarios::Scenario;
use crate::Outcome;

#[derive(Deserialize)]
struct Body {
    mode: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    input: String,
    #[serde(default)]
    canonical: BTreeSet<String>,
    error: Option<String>,
}

pub(super) fn run(scenario: &Scenario, outcome: &mut Outcome) {
    let body = scenario
        .body::<Body>()
        .and_then(|body| Ok((mode(&body.mode)?, body.cases)));
    match body {
        Err(error) => outcome.record(&scenario.id, Err(error)),
        Ok((mode, cases)) => {
            for case in &cases {
                outcome.record(format!("{} {}", scenario.id, case.input), check(mode, case));
            }
        }
    }
}

fn mode(name: &str) -> Result<ParserMode, String> {
    match name {
        "fallback" => Ok(ParserMode::Fallback),
        "utf8-strict-mode" => Ok(ParserMode::Utf8Strict),
        "classic-mode" => Ok(ParserMode::Classic),
        _ => Err(format!("there is no parser mode {name:?}")),
    }
}

fn check(parser_mode: ParserMode, case: &Case) -> Result<(), String> {
    let options = LoadOptions {
        parser_mode,
        ..LoadOptions::default()
    };
    let text = json!({
        "route": { "receiver": "r", "routes": [{ "matchers": [case.input] }] },
        "receivers": [{ "name": "r" }],
    });
    let config = Config::parse(&text.to_string(), &options);
    match (config, &case.error) {
        (Err(error), Some(words)) if error.message.contains(words) => Ok(()),
        (Err(error), wanted) => Err(format!("should give {wanted:?}, we say: {error}")),
        (Ok(_), Some(words)) => Err(format!("should be refused with {words:?}")),
        (Ok(config), None) => {
            let matchers = config.route.routes.first().ok_or("no route")?.all_matchers();
            let printed: BTreeSet<String> = matchers.iter().map(ToString::to_string).collect();
            if printed == case.canonical {
                return Ok(());
            }
            Err(format!("should be {:?}, is {printed:?}", case.canonical))
        }
    }
}
