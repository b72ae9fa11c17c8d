//! Configuration files with Alertmanager's verdict on each (`EXPECT.yaml`).

use std::path::Path;

use anyhow::Context;
use regex::Regex;
use serde::Deserialize;
use skopos_alertmanager::config::{ConfigError, Release};
use skopos_alertmanager::{Config, LoadOptions};

use super::{check_verdict, folded};
use crate::{Outcome, data};

#[derive(Deserialize)]
struct Expectations {
    files: Vec<Expectation>,
}

#[derive(Deserialize)]
struct Expectation {
    file: String,
    valid: bool,
    #[serde(default)]
    error: String,
}

/// Runs the cases of `EXPECT.yaml` in `dir` whose files are there. The verdicts are those of release 0.33.
pub fn run(dir: &Path) -> anyhow::Result<Outcome> {
    let Some(text) = data::text(&dir.join("EXPECT.yaml"))? else {
        return Ok(Outcome::default());
    };
    let expectations: Expectations = serde_saphyr::from_str(&text).context("EXPECT.yaml")?;
    let mut outcome = Outcome::default();
    for expectation in &expectations.files {
        let path = dir.join(&expectation.file);
        let Some(text) = data::text(&path)? else {
            continue;
        };
        let options = LoadOptions {
            release: Release::V0_33,
            ..LoadOptions::for_path(path)
        };
        outcome.record(&expectation.file, check(&Config::parse(&text, &options), expectation));
    }
    Ok(outcome)
}

/// Go's YAML reader lists its findings as `line N: words`; ours ends with the first and names the
/// place its own way, so one of the findings must be ours, at its line.
fn check(config: &Result<Config, ConfigError>, expectation: &Expectation) -> Result<(), String> {
    let verdict = config.as_ref().map_err(ToString::to_string);
    let Some(findings) = expectation.error.strip_prefix("yaml: unmarshal errors:") else {
        return check_verdict(&verdict, expectation.valid, &expectation.error);
    };
    let Err(error) = config else {
        return Err(format!("should be refused with {:?}", expectation.error));
    };
    let place = Regex::new(r"line (\d+): ").map_err(|error| error.to_string())?;
    let lines = place.captures_iter(findings).map(|found| found[1].to_owned());
    let words = place.split(findings).skip(1);
    let ours = folded(&error.message);
    let line = error.position.map_or(0, |position| position.line).to_string();
    if lines
        .zip(words)
        .any(|(at, words)| at == line && ours.contains(words.trim()))
    {
        return Ok(());
    }
    Err(format!("should be refused with {findings:?}, we say: {error}"))
}
