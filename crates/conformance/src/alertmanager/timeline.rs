//! Scenarios of kind `timeline`: a whole Alertmanager on a virtual clock, with webhooks that answer
//! as told.
//!
//! ```text
//!   actions ─▶ members (state machines) ─effects▶ sinks (answers after a delay) ─▶ arrivals ─▶ expect
//! ```
//!
//! Members of a cluster share silences and the notification log at once, in place of gossip. A
//! restart keeps everything, as Skopos does; a scenario that shows what Alertmanager itself loses in
//! one holds as well if it holds with what Alertmanager would have kept.

mod action;
mod expect;
mod flags;
mod member;
mod message;
mod sink;
mod world;

use std::collections::BTreeMap;

use serde::Deserialize;

use self::action::Action;
use self::expect::Batch;
use self::member::Keeps;
use self::sink::SinkSpec;
use self::world::World;
use super::scenarios::Scenario;
use crate::Outcome;

pub(super) use self::flags::Flags;
pub(super) use self::message::webhooks_to_sinks;

/// How far times may be off, in seconds, where the scenario says nothing.
const DEFAULT_TOLERANCE_S: f64 = 0.15;

/// A scenario.
#[derive(Debug, Clone, Deserialize)]
struct Body {
    config: String,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    cluster_size: Option<u32>,
    actions: Vec<TimedAction>,
    #[serde(default)]
    expect: BTreeMap<String, Vec<Batch>>,
    #[serde(default)]
    webhooks: BTreeMap<String, SinkSpec>,
    #[serde(default)]
    run_until: Option<f64>,
    #[serde(default)]
    tolerance_s: Option<f64>,
}

#[derive(Debug, Clone, Deserialize)]
struct TimedAction {
    at: f64,
    #[serde(flatten)]
    action: Action,
}

pub(super) fn run(scenario: &Scenario, outcome: &mut Outcome) {
    outcome.record(&scenario.id, scenario.body::<Body>().and_then(|body| check(&body)));
}

fn check(body: &Body) -> Result<(), String> {
    let restarts = body
        .actions
        .iter()
        .any(|timed| matches!(timed.action, Action::Restart(_)));
    match run_keeping(body, Keeps::Everything) {
        Err(difference) if restarts => run_keeping(body, Keeps::WhatAlertmanagerDoes)
            .map_err(|error| format!("{difference}; and with what Alertmanager keeps over a restart: {error}")),
        result => result,
    }
}

fn run_keeping(body: &Body, keeps: Keeps) -> Result<(), String> {
    let mut world = World::new(body, keeps)?;
    let mut actions: Vec<&TimedAction> = body.actions.iter().collect();
    actions.sort_by(|left, right| left.at.total_cmp(&right.at));
    for timed in actions {
        world.run_until(ms(timed.at));
        world
            .act(&timed.action)
            .map_err(|error| format!("at {} s: {error}", timed.at))?;
    }
    let ends = body.expect.values().flatten().map(|batch| batch.between[1]);
    let end_s = body.run_until.unwrap_or_else(|| ends.fold(0.0, f64::max));
    world.run_until(ms(end_s));
    let tolerance_ms = ms(body.tolerance_s.unwrap_or(DEFAULT_TOLERANCE_S));
    for (sink, batches) in &body.expect {
        expect::check(world.arrivals(sink), batches, tolerance_ms).map_err(|error| format!("{sink}: {error}"))?;
    }
    match world
        .sinks()
        .find(|sink| !body.expect.contains_key(*sink) && !world.arrivals(sink).is_empty())
    {
        None => Ok(()),
        Some(sink) => Err(format!(
            "{sink}: nothing is expected, {:?} arrived",
            world.arrivals(sink)
        )),
    }
}

/// Seconds from the start to virtual Unix milliseconds.
fn ms(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}
