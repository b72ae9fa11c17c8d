//! Compares what a test expects with what came: samples of expressions, and alerts that fire.

use std::collections::BTreeMap;

use skopos_core::Labels;
use skopos_core::metric::MetricValue;
use skopos_promql::duration::format_duration;
use skopos_promql::notation::{format_histogram, parse_labels, parse_values};
use skopos_promql::number::format_value;

use super::compare::{Difference, Pairs, Shown, differences};
use super::file::{AlertTest, ExpectedSample};
use super::report::TestFailure;
use crate::file::Place;
use crate::groups::GroupHandle;
use crate::io::RuleSample;
use crate::view::{AlertState, RuleView};

const ALERT_NAME: &str = "alertname";

pub(super) fn expected_sample(sample: &ExpectedSample) -> Result<RuleSample, String> {
    let text = sample.labels.trim();
    let (labels, rest) = parse_labels(text)
        .map_err(|error| format!("labels {:?}: {error}", sample.labels))
        .or_else(|error| {
            if text.is_empty() {
                Ok((Labels::empty(), ""))
            } else {
                Err(error)
            }
        })?;
    if !rest.trim().is_empty() {
        return Err(format!("labels {:?}: unexpected {rest:?}", sample.labels));
    }
    let value = if sample.histogram.is_empty() {
        MetricValue::Float(sample.value)
    } else {
        let values =
            parse_values(&sample.histogram).map_err(|error| format!("histogram {:?}: {error}", sample.histogram))?;
        match values.as_slice() {
            [Some(value @ MetricValue::Histogram(_))] => value.clone(),
            _ => return Err(format!("expected exactly one histogram, got {:?}", sample.histogram)),
        }
    };
    Ok(RuleSample { labels, value })
}

pub(super) fn shown(samples: &[RuleSample]) -> Vec<Shown> {
    let samples = samples.iter();
    samples
        .map(|sample| Shown {
            labels: pairs(&sample.labels),
            annotations: Pairs::new(),
            value: Some(match &sample.value {
                // Zero has a sign that does not tell two values apart.
                MetricValue::Float(value) => format_value(*value + 0.0),
                MetricValue::Histogram(histogram) => format_histogram(histogram),
            }),
        })
        .collect()
}

fn pairs(labels: &Labels) -> Pairs {
    labels
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Gives values that neighbour the expected ones the expected text.
pub(super) fn forgive(expected: &[Shown], got: &mut [Shown]) {
    for have in got {
        let wanted = expected.iter().filter(|want| want.labels == have.labels);
        let near = wanted.filter_map(|want| want.value.clone()).find(|want| {
            let values = (
                want.parse::<f64>(),
                have.value.as_deref().unwrap_or_default().parse::<f64>(),
            );
            matches!(values, (Ok(want), Ok(have)) if want.next_up() == have || want.next_down() == have)
        });
        if near.is_some() {
            have.value = near;
        }
    }
}

pub(super) fn check_alerts(test: &AlertTest, groups: &[GroupHandle]) -> Option<TestFailure> {
    let mut expected: Vec<Shown> = Vec::new();
    for alert in &test.expected {
        let mut labels: BTreeMap<String, String> = alert.labels.clone();
        labels.insert(ALERT_NAME.to_owned(), test.alertname.clone());
        expected.push(Shown {
            labels: labels.into_iter().collect(),
            annotations: alert.annotations.clone().into_iter().collect(),
            value: None,
        });
    }
    let mut got = Vec::new();
    for group in groups {
        let view = group.view();
        let rules = view.rules.iter().filter(|rule| rule.name == test.alertname);
        let alerts = rules.flat_map(RuleView::alerts);
        let firing = alerts.filter(|alert| alert.state == AlertState::Firing);
        got.extend(firing.map(|alert| Shown {
            labels: pairs(&alert.labels),
            annotations: alert.annotations.to_vec(),
            value: None,
        }));
    }
    let what = format!(
        "alertname: {}, time: {}",
        test.alertname,
        format_duration(test.eval_time_ms)
    );
    compare(test.at, what, &mut expected, &mut got)
}

pub(super) fn compare(at: Place, what: String, expected: &mut [Shown], got: &mut [Shown]) -> Option<TestFailure> {
    expected.sort();
    got.sort();
    // A value that is not a number equals none, as in promtool.
    let has_nan = expected.iter().any(|shown| shown.value.as_deref() == Some("NaN"));
    if expected == got && !has_nan {
        return None;
    }
    let mut found = differences(expected, got);
    if found.is_empty() {
        found.push(Difference::Missing(
            "NaN equals nothing: compare with another expression, such as `x != x`".to_owned(),
        ));
    }
    Some(TestFailure {
        at,
        what,
        differences: found,
        expected: expected.iter().map(Shown::line).collect(),
        got: got.iter().map(Shown::line).collect(),
    })
}
