//! Scrubbing of Sentry's events: rules on one text, and whole events with the remarks that are expected.

use std::path::Path;

use anyhow::Context;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use skopos_pii::{DataScrubbing, PiiConfig, Scrubber};

use crate::{Outcome, data};

const RULES_FILE: &str = "pii_rules.yaml";
const EVENTS_FILE: &str = "pii_events.yaml";

#[derive(Deserialize)]
struct Suite<C> {
    cases: Vec<C>,
}

#[derive(Deserialize)]
struct RuleCase {
    rule: String,
    input: String,
    output: String,
}

#[derive(Deserialize)]
struct EventCase {
    id: String,
    scrubbing: Option<DataScrubbing>,
    pii_config: Option<PiiConfig>,
    event: Value,
    expect: Value,
    expect_meta: Option<Value>,
}

/// Runs the cases of both files in the folder, which may lack one of them.
pub fn run(folder: &Path) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let rules: Vec<RuleCase> = load(&folder.join(RULES_FILE))?;
    for (index, case) in rules.iter().enumerate() {
        let name = format!("{RULES_FILE} #{index} {}", case.rule);
        outcome.record(name, check_rule(case));
    }
    let events: Vec<EventCase> = load(&folder.join(EVENTS_FILE))?;
    for case in events {
        outcome.record(format!("{EVENTS_FILE} {}", case.id), check_event(&case));
    }
    Ok(outcome)
}

fn load<C: DeserializeOwned>(file: &Path) -> anyhow::Result<Vec<C>> {
    let Some(text) = data::text(file)? else {
        return Ok(Vec::new());
    };
    let suite: Suite<C> = serde_saphyr::from_str(&text).with_context(|| file.display().to_string())?;
    Ok(suite.cases)
}

fn check_rule(case: &RuleCase) -> Result<(), String> {
    let config = PiiConfig {
        applications: [("$string".to_owned(), vec![case.rule.clone()])].into(),
        ..PiiConfig::default()
    };
    let scrubber = Scrubber::new(&config).map_err(|error| error.to_string())?;
    let got = scrubber.scrub_text(&case.input);
    if got == case.output {
        return Ok(());
    }
    Err(format!(
        "{:?} should become {:?}, becomes {got:?}",
        case.input, case.output
    ))
}

fn check_event(case: &EventCase) -> Result<(), String> {
    let mut config = case.pii_config.clone().unwrap_or_default();
    if let Some(switches) = &case.scrubbing {
        let of_switches = switches.to_config();
        config.rules.extend(of_switches.rules);
        config.applications.extend(of_switches.applications);
    }
    let scrubber = Scrubber::new(&config).map_err(|error| error.to_string())?;
    let got = scrubber.scrub_event(case.event.clone());
    if !same(&got.event, &case.expect) {
        return Err(format!("should become {}, becomes {}", case.expect, got.event));
    }
    let none = json!({});
    let (meta, wanted) = (
        got.meta.as_ref().unwrap_or(&none),
        case.expect_meta.as_ref().unwrap_or(&none),
    );
    if !same(meta, wanted) {
        return Err(format!("remarks should be {wanted}, are {meta}"));
    }
    Ok(())
}

/// Equality of JSON, where 1 and 1.0 are one number.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}
