//! Scenarios of kind `inhibit`: which alerts others hold back.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use skopos_alertmanager::alert::PostableAlert;
use skopos_alertmanager::machine::Options;
use skopos_alertmanager::{Alertmanager, Config, LoadOptions};
use skopos_core::Labels;

use super::scenarios::Scenario;
use crate::Outcome;

#[derive(Deserialize)]
struct Body {
    rules: Value,
    #[serde(default)]
    sources: Vec<Sources>,
    cases: Vec<Case>,
}

/// One post: an alert or several at once.
#[derive(Deserialize)]
#[serde(untagged)]
enum Sources {
    One(Source),
    Several(Vec<Source>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    labels: BTreeMap<String, String>,
    #[serde(default)]
    resolved: bool,
    /// Seconds from the start.
    #[serde(default)]
    starts: Option<f64>,
    #[serde(default)]
    ends: Option<f64>,
}

#[derive(Deserialize)]
struct Case {
    labels: BTreeMap<String, String>,
    muted: bool,
}

const START_MS: i64 = 1_000_000_000_000;
const STEP_MS: i64 = 1;

pub(super) fn run(scenario: &Scenario, outcome: &mut Outcome) {
    let prepared = scenario
        .body::<Body>()
        .and_then(|body| Ok((prepare(&body)?, body.cases)));
    match prepared {
        Err(error) => outcome.record(&scenario.id, Err(error)),
        Ok((mut machine, cases)) => {
            for (index, case) in cases.iter().enumerate() {
                let now_ms = machine.1 + (index as i64 + 1) * STEP_MS;
                let labels: Labels = case.labels.iter().collect();
                let verdict = check(&mut machine.0, now_ms, case, &labels);
                outcome.record(format!("{} {labels}", scenario.id), verdict);
            }
        }
    }
}

/// A machine that knows the sources, and the time it is.
fn prepare(body: &Body) -> Result<(Alertmanager, i64), String> {
    let config = json!({
        "route": {"receiver": "none"},
        "receivers": [{"name": "none"}],
        "inhibit_rules": body.rules,
    });
    let config = Config::parse(&config.to_string(), &LoadOptions::default()).map_err(|error| error.to_string())?;
    let mut machine = Alertmanager::new(&config, Options::default(), START_MS);
    let mut now_ms = START_MS;
    for sources in &body.sources {
        let sources = match sources {
            Sources::One(source) => std::slice::from_ref(source),
            Sources::Several(sources) => sources,
        };
        for source in sources {
            now_ms += STEP_MS;
            let time = |seconds: Option<f64>| seconds.map(|seconds| START_MS + (seconds * 1000.0).round() as i64);
            let alert = PostableAlert {
                labels: source.labels.clone().into_iter().collect(),
                starts_at_ms: time(source.starts),
                ends_at_ms: if source.resolved {
                    Some(now_ms)
                } else {
                    time(source.ends)
                },
                ..PostableAlert::default()
            };
            post(&mut machine, now_ms, alert)?;
        }
    }
    Ok((machine, now_ms))
}

fn post(machine: &mut Alertmanager, now_ms: i64, alert: PostableAlert) -> Result<(), String> {
    match machine.post_alerts(now_ms, vec![alert]).error_text() {
        None => Ok(()),
        Some(error) => Err(error),
    }
}

/// Posts the case's alert and looks at its status. Alerts of earlier cases stay, as in the API.
fn check(machine: &mut Alertmanager, now_ms: i64, case: &Case, labels: &Labels) -> Result<(), String> {
    let alert = PostableAlert {
        labels: case.labels.clone().into_iter().collect(),
        ..PostableAlert::default()
    };
    post(machine, now_ms, alert)?;
    let by = machine.status(labels, now_ms).inhibited_by;
    if by.is_empty() == case.muted {
        return Err(format!("muted should be {}, it is held back by {by:?}", case.muted));
    }
    Ok(())
}
