//! Dead rules and dead panels: selectors that no series matches, since when, which condition is to blame and what
//! exists that is named alike. And the other way round: metrics that nobody reads.
//!
//! ```text
//!   rule files ─▶ asked ─┐                       ┌─▶ blame, similar ─▶ DeadSelector
//!   dashboards ─▶ asked ─┴▶ life (source, now) ──┤
//!                                                └─▶ unread
//! ```
//!
//! Logic alone: series come through [`MetricSource`], the time is given.

mod asked;
mod blame;
mod last_seen;
mod life;
mod similar;
mod unread;
mod variable_query;

use serde::{Deserialize, Serialize};
use skopos_core::metric::MetricSource;
use skopos_core::{ErrorKind, Kinded, QueryBudget, ReadError};
use skopos_dashboards::DashboardStore;
use skopos_promql::{DEFAULT_LOOKBACK_MS, ParseOptions};
use skopos_rules::RuleFile;

use asked::Asked;
use life::Life;

pub use crate::reads::Role;
pub use similar::nearest;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// What is read, and where it should be found.
#[derive(Debug, Clone, Copy)]
pub struct DeadInput<'a> {
    /// The loaded rule files.
    pub rules: &'a [RuleFile],
    /// The loaded dashboards.
    pub dashboards: &'a DashboardStore,
    /// Queries that were asked of late: they read metrics too.
    pub recent_queries: &'a [String],
    /// Where series are looked for.
    pub source: &'a dyn MetricSource,
    /// The time, Unix milliseconds.
    pub now_ms: i64,
}

/// How far is looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeadOptions {
    /// A series counts as there if it has a sample this close to now.
    pub lookback_ms: i64,
    /// How far back is looked for the last sample of what is dead.
    pub max_age_ms: i64,
    /// Most names that are given as nearest.
    pub max_nearest: usize,
    /// Most metrics that are listed as unread, those with most series first.
    pub max_unread: usize,
    /// Flagged parts of the query language.
    pub syntax: ParseOptions,
}

impl Default for DeadOptions {
    fn default() -> Self {
        Self {
            lookback_ms: DEFAULT_LOOKBACK_MS,
            max_age_ms: 30 * DAY_MS,
            max_nearest: 3,
            max_unread: 1_000,
            syntax: ParseOptions::default(),
        }
    }
}

/// What is dead, and what nobody reads.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadReport {
    /// For when it holds, Unix milliseconds.
    pub at_ms: i64,
    /// Selectors of rules.
    pub rules: Vec<DeadRule>,
    /// Selectors of dashboards.
    pub panels: Vec<DeadPanel>,
    /// Metrics that nobody reads, those with most series first.
    pub unread: Vec<UnreadMetric>,
    /// How many there are, listed or not.
    pub unread_total: usize,
    /// How many selectors were judged.
    pub judged: Judged,
}

/// How many selectors were judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Judged {
    /// Of rules.
    pub rules: usize,
    /// Of dashboards.
    pub panels: usize,
    /// Of dashboards, with nothing left once their variables were taken out.
    pub unknown: usize,
}

/// A selector of a rule that matches no series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadRule {
    /// The rule's file.
    pub file: String,
    /// Its group.
    pub group: String,
    /// Its name.
    pub rule: String,
    /// Its line in the file.
    pub line: u64,
    /// The selector.
    #[serde(flatten)]
    pub selector: DeadSelector,
}

/// A selector of a dashboard that matches no series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadPanel {
    /// The dashboard's unique id.
    pub uid: String,
    /// Its title.
    pub dashboard: String,
    /// The panel's id; none where a variable or annotation asks.
    pub panel_id: Option<i64>,
    /// The panel's title, or `variable "name"`, `annotation "name"`.
    pub panel: String,
    /// The selector.
    #[serde(flatten)]
    pub selector: DeadSelector,
}

/// A selector that matches no series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadSelector {
    /// As written.
    pub selector: String,
    /// What its silence does to the expression.
    pub role: Role,
    /// Which part of it is to blame.
    pub cause: Cause,
    /// The same in words.
    pub why: String,
    /// Time of the last sample that it matched, if one was found; Unix milliseconds.
    pub last_seen_ms: Option<i64>,
    /// What exists that is named alike, the nearest first: a metric, a label, or `label="value"`.
    pub nearest: Vec<String>,
}

/// What keeps a selector from matching.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cause {
    /// No series has the metric name.
    Metric,
    /// No series of the metric has the label.
    Label,
    /// No series of the metric has such a value of the label.
    Value,
    /// Each condition is met by some series, all of them by none.
    Combination,
}

/// A metric that nobody reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnreadMetric {
    /// Its name.
    pub metric: String,
    /// Series it has now.
    pub series: usize,
    /// The jobs that expose it, separated by commas.
    pub job: String,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[error("failed to look for dead selectors: {0}")]
pub struct DeadError(#[from] ReadError);

impl Kinded for DeadError {
    fn kind(&self) -> ErrorKind {
        self.0.kind()
    }
}

/// Judges every selector of the rules and dashboards, and lists the metrics that none reads.
pub fn dead_report(
    input: &DeadInput<'_>,
    options: &DeadOptions,
    budget: &QueryBudget,
) -> Result<DeadReport, DeadError> {
    let asked = Asked::of(input, options);
    let mut life = Life::new(input, options, budget);
    let mut report = DeadReport {
        at_ms: input.now_ms,
        judged: Judged {
            unknown: asked.unknown,
            ..Judged::default()
        },
        ..DeadReport::default()
    };
    for rule in &asked.rules {
        for selector in &rule.selectors {
            report.judged.rules += 1;
            if let Some(dead) = life.judge(selector)? {
                report.rules.push(DeadRule {
                    file: rule.file.to_owned(),
                    group: rule.group.to_owned(),
                    rule: rule.spec.name.clone(),
                    line: rule.spec.line,
                    selector: dead,
                });
            }
        }
    }
    for panel in &asked.panels {
        for selector in &panel.selectors {
            report.judged.panels += 1;
            if let Some(dead) = life.judge(selector)? {
                report.panels.push(DeadPanel {
                    uid: panel.dashboard.uid.clone(),
                    dashboard: panel.dashboard.title.clone(),
                    panel_id: panel.panel_id,
                    panel: panel.title.clone(),
                    selector: dead,
                });
            }
        }
    }
    let unread = unread::unread(input, &asked, options, budget)?;
    report.unread_total = unread.len();
    report.unread = unread;
    report.unread.truncate(options.max_unread);
    Ok(report)
}

#[cfg(test)]
mod tests;
