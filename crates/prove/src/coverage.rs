//! Services and the ways in which they fail: which rule watches what, and whom it tells. What nobody watches is a gap.

mod mode;
mod services;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use skopos_core::metric::MetricSource;
use skopos_core::{ErrorKind, Kinded, Labels, LabelsBuilder, QueryBudget, ReadError, TimeRange};
use skopos_promql::{DEFAULT_LOOKBACK_MS, ParseOptions, parse_with};
use skopos_rules::{QueryLanguage, RuleFile, RuleKind, RuleSpec};

use crate::Verdict;
use services::Live;

pub use mode::FailureMode;

const STAGE: &str = "coverage";

/// What covers, and what should be covered.
#[derive(Clone, Copy)]
pub struct CoverageInput<'a> {
    /// The loaded rule files.
    pub rules: &'a [RuleFile],
    /// Where services are looked for.
    pub source: &'a dyn MetricSource,
    /// The time, Unix milliseconds.
    pub now_ms: i64,
    /// The receivers that an alert with these labels is sent to.
    pub receivers: &'a dyn Fn(&Labels) -> Vec<String>,
    /// The last verdict on a rule, if it was proven.
    pub verdict: &'a dyn Fn(&RuleKey<'_>) -> Option<Verdict>,
    /// Flagged parts of the query language.
    pub syntax: ParseOptions,
}

impl std::fmt::Debug for CoverageInput<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CoverageInput")
            .field("source", &self.source)
            .field("now_ms", &self.now_ms)
            .finish_non_exhaustive()
    }
}

/// Which rule is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RuleKey<'a> {
    /// Its file.
    pub file: &'a str,
    /// Its group.
    pub group: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its line in the file.
    pub line: u64,
}

/// Services by failure mode.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CoverageReport {
    /// For when it holds, Unix milliseconds.
    pub at_ms: i64,
    /// The modes, in the order of the cells.
    pub modes: Vec<FailureMode>,
    /// The services, by name.
    pub services: Vec<ServiceCoverage>,
    /// Alerting rules that belong to no cell.
    pub unplaced: Vec<UnplacedRule>,
    /// Live services that no rule watches.
    pub unwatched: Vec<String>,
}

/// What watches one service.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceCoverage {
    /// Its name.
    pub service: String,
    /// Whether it has series now; otherwise only rules name it.
    pub is_live: bool,
    /// One cell a mode.
    pub cells: Vec<Cell>,
}

/// What watches one service for one mode.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cell {
    /// The mode.
    pub mode: FailureMode,
    /// The rules, none where there is a gap.
    pub rules: Vec<CoveringRule>,
}

/// A rule that watches.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CoveringRule {
    /// Its file.
    pub file: String,
    /// Its group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// The last verdict on it.
    pub verdict: Option<Verdict>,
    /// Who is told.
    pub receivers: Vec<String>,
    /// What says that it is about the service.
    pub service_why: String,
    /// What says that it is about the mode.
    pub mode_why: String,
}

/// An alerting rule that belongs to no cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UnplacedRule {
    /// Its file.
    pub file: String,
    /// Its group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// What is missing, and how to say it.
    pub why: String,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[error("failed to look for services: {0}")]
pub struct CoverageError(#[from] ReadError);

impl Kinded for CoverageError {
    fn kind(&self) -> ErrorKind {
        self.0.kind()
    }
}

/// A rule with its place.
struct Placed<'a> {
    key: RuleKey<'a>,
    spec: &'a RuleSpec,
}

/// Puts every alerting rule into the cells that it watches.
pub fn coverage(input: &CoverageInput<'_>, budget: &QueryBudget) -> Result<CoverageReport, CoverageError> {
    let range = TimeRange::new(input.now_ms.saturating_sub(DEFAULT_LOOKBACK_MS), input.now_ms);
    let mut live = Live::of(input.source, range)?;
    let mut cells: BTreeMap<(String, FailureMode), Vec<CoveringRule>> = BTreeMap::new();
    let mut unplaced = Vec::new();
    for rule in alerting(input.rules) {
        budget.check(STAGE).map_err(ReadError::from)?;
        let parsed = match rule.spec.language {
            QueryLanguage::PromQl => parse_with(&rule.spec.expr, input.syntax).ok(),
            QueryLanguage::LogQl => None,
        };
        let Some(expr) = parsed else {
            unplaced.push(rule.unplaced("its expression is not PromQL"));
            continue;
        };
        let modes = mode::of_rule(rule.spec, &expr);
        let services = live.services_of(rule.spec, &expr)?;
        if modes.is_empty() {
            unplaced.push(
                rule.unplaced("nothing in it tells how the service fails; set its label or annotation failure_mode"),
            );
        } else if services.is_empty() {
            unplaced.push(rule.unplaced(
                "nothing in it tells which service it is about, and it matches no series; set its label service",
            ));
        }
        let verdict = (input.verdict)(&rule.key);
        for service in &services {
            let receivers = (input.receivers)(&alert_labels(rule.spec, service));
            for mode in &modes {
                let covering = rule.covering(verdict, &receivers, [&service.why, &mode.why]);
                cells
                    .entry((service.name.clone(), mode.mode))
                    .or_default()
                    .push(covering);
            }
        }
    }
    Ok(report(input.now_ms, &live.names(), cells, unplaced))
}

fn report(
    at_ms: i64,
    live: &BTreeSet<String>,
    mut cells: BTreeMap<(String, FailureMode), Vec<CoveringRule>>,
    unplaced: Vec<UnplacedRule>,
) -> CoverageReport {
    let watched: BTreeSet<String> = cells.keys().map(|(service, _)| service.clone()).collect();
    let services = live.union(&watched).map(|service| ServiceCoverage {
        service: service.clone(),
        is_live: live.contains(service),
        cells: FailureMode::ALL
            .iter()
            .map(|mode| Cell {
                mode: *mode,
                rules: cells.remove(&(service.clone(), *mode)).unwrap_or_default(),
            })
            .collect(),
    });
    CoverageReport {
        at_ms,
        modes: FailureMode::ALL.to_vec(),
        services: services.collect(),
        unplaced,
        unwatched: live.difference(&watched).cloned().collect(),
    }
}

fn alerting(files: &[RuleFile]) -> impl Iterator<Item = Placed<'_>> {
    let groups = files
        .iter()
        .flat_map(|file| file.groups.iter().map(move |group| (file, group)));
    groups.flat_map(|(file, group)| {
        let rules = group.rules.iter().filter(|rule| rule.kind == RuleKind::Alerting);
        rules.map(|spec| Placed {
            key: RuleKey {
                file: &file.path,
                group: &group.name,
                name: &spec.name,
                line: spec.line,
            },
            spec,
        })
    })
}

impl Placed<'_> {
    fn unplaced(&self, why: &str) -> UnplacedRule {
        UnplacedRule {
            file: self.key.file.to_owned(),
            group: self.key.group.to_owned(),
            name: self.key.name.to_owned(),
            why: why.to_owned(),
        }
    }

    fn covering(
        &self,
        verdict: Option<Verdict>,
        receivers: &[String],
        [service_why, mode_why]: [&str; 2],
    ) -> CoveringRule {
        CoveringRule {
            file: self.key.file.to_owned(),
            group: self.key.group.to_owned(),
            name: self.key.name.to_owned(),
            verdict,
            receivers: receivers.to_vec(),
            service_why: service_why.to_owned(),
            mode_why: mode_why.to_owned(),
        }
    }
}

/// The labels of an alert as far as they are known before it fires: those of the rule, its name, and the service
/// under the label that named it.
fn alert_labels(rule: &RuleSpec, service: &services::Service) -> Labels {
    let mut labels = LabelsBuilder::new();
    if let Some(label) = &service.label {
        labels.set(label, &service.name);
    }
    for (name, value) in rule.labels.iter().filter(|(_, value)| !value.contains("{{")) {
        labels.set(name, value);
    }
    labels.set("alertname", &rule.name);
    labels.build()
}

#[cfg(test)]
mod tests;
