//! Compares what arrived with what is expected.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use skopos_core::Labels;

use super::action::AlertSpec;
use super::message::MessageAlert;
use super::ms;
use super::sink::Arrival;

/// A message that is expected, or a time in which none is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Batch {
    /// First and last moment, seconds from the start.
    pub(super) between: [f64; 2],
    alerts: Vec<AlertSpec>,
    #[serde(default)]
    message: BTreeMap<String, Value>,
}

/// Checks the arrivals of one sink.
pub(super) fn check(arrivals: &[Arrival], batches: &[Batch], tolerance_ms: i64) -> Result<(), String> {
    let mut is_used = vec![false; arrivals.len()];
    for batch in batches {
        let [from_ms, to_ms] = batch.between.map(ms);
        let inside = |arrival: &Arrival| (from_ms..=to_ms).contains(&arrival.at_ms);
        if batch.alerts.is_empty() {
            match arrivals.iter().find(|arrival| inside(arrival)) {
                None => continue,
                Some(arrival) => return Err(format!("nothing may arrive within {:?}: {arrival:?}", batch.between)),
            }
        }
        let found = (0..arrivals.len()).find(|index| {
            let arrival = &arrivals[*index];
            !is_used[*index] && inside(arrival) && batch.matches(arrival, tolerance_ms)
        });
        match found {
            Some(index) => is_used[index] = true,
            None => return Err(format!("no message like {batch:?}; what arrived: {arrivals:?}")),
        }
    }
    let count = |alerts: &mut dyn Iterator<Item = usize>| alerts.sum::<usize>();
    let expected = count(&mut batches.iter().map(|batch| batch.alerts.len()));
    let arrived = count(&mut arrivals.iter().map(|arrival| arrival.message.alerts.len()));
    if expected == arrived {
        Ok(())
    } else {
        Err(format!(
            "{expected} alerts should arrive in total, {arrived} did: {arrivals:?}"
        ))
    }
}

impl Batch {
    fn matches(&self, arrival: &Arrival, tolerance_ms: i64) -> bool {
        let message = &arrival.message;
        let has = |wanted: &AlertSpec| message.alerts.iter().any(|alert| is_like(wanted, alert, tolerance_ms));
        message.alerts.len() == self.alerts.len()
            && self.alerts.iter().all(has)
            && self
                .message
                .iter()
                .all(|(name, value)| message.fields.get(name) == Some(value))
    }
}

fn is_like(wanted: &AlertSpec, alert: &MessageAlert, tolerance_ms: i64) -> bool {
    let is_near = |wanted_s: f64, time_ms: i64| (ms(wanted_s) - time_ms).abs() <= tolerance_ms;
    let labels: Labels = wanted.labels.iter().collect();
    let annotations: Vec<(String, String)> = wanted.annotations.clone().into_iter().collect();
    let ends = match (wanted.ends, alert.ends_at_ms) {
        (None, None) => true,
        (Some(wanted_s), Some(time_ms)) => is_near(wanted_s, time_ms),
        _ => false,
    };
    labels == alert.labels
        && annotations == alert.annotations
        && wanted
            .starts
            .is_none_or(|wanted_s| is_near(wanted_s, alert.starts_at_ms))
        && ends
}
