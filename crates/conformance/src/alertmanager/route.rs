//! Scenarios of kind `route`: which receivers a label set reaches.

use std::collections::BTreeMap;

use serde::Deserialize;
use skopos_alertmanager::{Config, LoadOptions, RouteTree};
use skopos_core::Labels;

use super::scenarios::Scenario;
use crate::Outcome;

#[derive(Deserialize)]
struct Body {
    config: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    labels: BTreeMap<String, String>,
    receivers: Vec<String>,
}

pub(super) fn run(scenario: &Scenario, outcome: &mut Outcome) {
    let tree = scenario.body::<Body>().and_then(|body| {
        let config = Config::parse(&body.config, &LoadOptions::default()).map_err(|error| error.to_string())?;
        Ok((RouteTree::new(&config), body.cases))
    });
    match tree {
        Err(error) => outcome.record(&scenario.id, Err(error)),
        Ok((tree, cases)) => {
            for case in &cases {
                let labels: Labels = case.labels.iter().collect();
                outcome.record(
                    format!("{} {labels}", scenario.id),
                    check(&tree, &labels, &case.receivers),
                );
            }
        }
    }
}

fn check(tree: &RouteTree, labels: &Labels, wanted: &[String]) -> Result<(), String> {
    let reached = tree.matches(labels).into_iter();
    let reached: Vec<&str> = reached.map(|id| tree.route(id).receiver.as_str()).collect();
    if reached == wanted {
        return Ok(());
    }
    Err(format!("should reach {wanted:?}, reaches {reached:?}"))
}
