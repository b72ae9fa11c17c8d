//! Scenarios of kind `time_interval`: which instants a time interval contains.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use skopos_alertmanager::config::NamedIntervals;
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
    spec: Value,
    #[serde(default)]
    contains: Vec<String>,
    #[serde(default)]
    excludes: Vec<String>,
    error: Option<String>,
}

pub(super) fn run(scenario: &Scenario, outcome: &mut Outcome) {
    match scenario.body::<Body>() {
        Err(error) => outcome.record(&scenario.id, Err(error)),
        Ok(body) => {
            for case in &body.cases {
                outcome.record(format!("{} {}", scenario.id, case.spec), check(case));
            }
        }
    }
}

fn check(case: &Case) -> Result<(), String> {
    let intervals = read(&case.spec);
    if let Some(words) = &case.error {
        return check_verdict(&intervals, false, words);
    }
    let intervals = intervals?;
    let inside = case.contains.iter().map(|instant| (instant, true));
    let outside = case.excludes.iter().map(|instant| (instant, false));
    for (instant, wanted) in inside.chain(outside) {
        let timestamp: Timestamp = instant.parse().map_err(|error| format!("{instant}: {error}"))?;
        if intervals.contains(timestamp.as_millisecond()) != wanted {
            return Err(format!(
                "{instant} should be {}",
                if wanted { "inside" } else { "outside" }
            ));
        }
    }
    Ok(())
}

fn read(spec: &Value) -> Result<NamedIntervals, String> {
    let text = json!({
        "route": { "receiver": "r" },
        "receivers": [{ "name": "r" }],
        "time_intervals": [{ "name": "i", "time_intervals": [spec] }],
    });
    let config = Config::parse(&text.to_string(), &LoadOptions::default()).map_err(|error| error.to_string())?;
    config.intervals("i").cloned().ok_or_else(|| "no interval".to_owned())
}
