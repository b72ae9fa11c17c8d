//! `scenarios.yaml`: reads the scenarios and hands each to the runner of its kind.

use std::path::Path;

use anyhow::Context;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{api, config_text, inhibit, matcher, route, time_interval, timeline};
use crate::{Outcome, data};

/// A scenario: what all kinds have, and the rest for the runner of its kind.
#[derive(Debug, Deserialize)]
pub(super) struct Scenario {
    pub(super) id: String,
    kind: String,
    #[serde(flatten)]
    body: Value,
}

impl Scenario {
    /// The keys of the kind.
    pub(super) fn body<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_value(self.body.clone()).map_err(|error| format!("the scenario is not of its kind: {error}"))
    }
}

#[derive(Deserialize)]
struct File {
    schema: u64,
    scenarios: Vec<Scenario>,
}

/// The form of the file that is understood.
const SCHEMA: u64 = 1;

/// Runs one scenario and records each of its cases.
type Run = fn(&Scenario, &mut Outcome);

/// The kinds and their runners.
const KINDS: &[(&str, Run)] = &[
    ("route", route::run),
    ("matcher", matcher::run),
    ("time_interval", time_interval::run),
    ("config", config_text::run),
    ("inhibit", inhibit::run),
    ("timeline", timeline::run),
    ("api", api::run),
];

/// Runs all scenarios of the file, or of the `scenarios.yaml` in the folder.
pub fn run(path: &Path) -> anyhow::Result<Outcome> {
    let file = data::file(path, "scenarios.yaml");
    let Some(text) = data::text(&file)? else {
        return Ok(Outcome::default());
    };
    // Labels such as `y` are texts.
    let options = serde_saphyr::options! { strict_booleans: true };
    let file: File = serde_saphyr::from_str_with_options(&text, options).with_context(|| file.display().to_string())?;
    anyhow::ensure!(
        file.schema == SCHEMA,
        "schema {} is not known, only {SCHEMA}",
        file.schema
    );
    let mut outcome = Outcome::default();
    for scenario in &file.scenarios {
        match KINDS.iter().find(|(kind, _)| *kind == scenario.kind) {
            Some((_, run)) => run(scenario, &mut outcome),
            None => outcome.record(
                &scenario.id,
                Err(format!("there is no runner for the kind {:?}", scenario.kind)),
            ),
        }
    }
    Ok(outcome)
}
