//! Scenarios of kind `config`: which configurations are valid, and why not.

use serde::Deserialize;
use skopos_alertmanager::{Config, LoadOptions};

use super::check_verdict;
use super::scenarios::Scenario;
use crate::Outcome;

#[derive(Deserialize)]
struct Body {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    config: String,
    valid: bool,
    #[serde(default)]
    error: String,
}

pub(super) fn run(scenario: &Scenario, outcome: &mut Outcome) {
    match scenario.body::<Body>() {
        Err(error) => outcome.record(&scenario.id, Err(error)),
        Ok(body) => {
            for case in &body.cases {
                let verdict = Config::parse(&case.config, &LoadOptions::default()).map_err(|error| error.to_string());
                outcome.record(
                    format!("{} {}", scenario.id, case.id),
                    check_verdict(&verdict, case.valid, &case.error),
                );
            }
        }
    }
}
