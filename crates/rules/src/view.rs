//! What the API shows of groups, rules and alerts. Plain values; the server encodes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use skopos_core::Labels;

use crate::evidence::Evidence;
use crate::query::QueryLanguage;

/// Expanded annotations, sorted by name; shared, as many alerts are looked at often.
pub type Annotations = Arc<[(String, String)]>;

/// The state of an alert, and of a rule: the highest of its alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AlertState {
    /// Not active, or resolved.
    Inactive,
    /// Active, but not for long enough.
    Pending,
    /// Active for long enough.
    Firing,
}

impl AlertState {
    /// The state's name in labels and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

/// How the last evaluation of a rule went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Health {
    /// Not evaluated yet.
    Unknown,
    /// Well.
    Good,
    /// With an error.
    Bad,
}

impl Health {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Good => "ok",
            Self::Bad => "err",
        }
    }
}

/// An alert that is pending or firing.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertView {
    /// Labels, `alertname` included.
    pub labels: Labels,
    /// Expanded annotations, sorted by name.
    pub annotations: Annotations,
    /// Pending or firing.
    pub state: AlertState,
    /// Since when it is active.
    pub active_at_ms: i64,
    /// Time of the first sample with which the expression held, in Unix milliseconds.
    pub first_bad_ms: i64,
    /// When it started to fire.
    pub fired_at_ms: Option<i64>,
    /// Since when it only fires because of `keep_firing_for`.
    pub keep_firing_since_ms: Option<i64>,
    /// The value of its last result.
    pub value: f64,
    /// What decided it, once it fires.
    pub evidence: Option<Arc<Evidence>>,
}

impl AlertView {
    /// The value as the API writes it, with an exponent: `1e+00`.
    pub fn value_text(&self) -> String {
        skopos_template::format_float(self.value, 'e', None)
    }
}

/// A rule.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleView {
    /// Name of the series or alert.
    pub name: String,
    /// The expression.
    pub query: String,
    /// The language of the expression.
    pub language: QueryLanguage,
    /// Line of the rule in its file.
    pub line: u64,
    /// Labels that it sets, not expanded.
    pub labels: BTreeMap<String, String>,
    /// How the last evaluation went.
    pub health: Health,
    /// What went wrong, or empty.
    pub last_error: String,
    /// Duration of the last evaluation.
    pub evaluation_seconds: f64,
    /// Time of the last evaluation.
    pub last_evaluation_ms: Option<i64>,
    /// What only one kind of rule has.
    pub kind: RuleViewKind,
}

/// What only one kind of rule has.
#[derive(Debug, Clone, PartialEq)]
pub enum RuleViewKind {
    /// A recording rule.
    Recording,
    /// An alerting rule.
    Alerting {
        /// The highest state of its alerts.
        state: AlertState,
        /// `for` in seconds.
        hold_seconds: f64,
        /// `keep_firing_for` in seconds.
        keep_firing_for_seconds: f64,
        /// Annotations, not expanded.
        annotations: BTreeMap<String, String>,
        /// Its alerts that are pending or firing.
        alerts: Vec<AlertView>,
    },
}

impl RuleView {
    /// The alerts of the rule; none of a recording rule.
    pub fn alerts(&self) -> &[AlertView] {
        match &self.kind {
            RuleViewKind::Recording => &[],
            RuleViewKind::Alerting { alerts, .. } => alerts,
        }
    }
}

/// A group.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupView {
    /// Its name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// How often it is evaluated.
    pub interval_seconds: f64,
    /// How far its queries look back.
    pub query_offset_seconds: f64,
    /// Most series or alerts of a rule; 0 is no limit.
    pub limit: usize,
    /// Its rules.
    pub rules: Vec<RuleView>,
    /// Duration of the last evaluation.
    pub evaluation_seconds: f64,
    /// Time of the last evaluation.
    pub last_evaluation_ms: Option<i64>,
    /// Evaluations so far.
    pub iterations: u64,
    /// Evaluations that were skipped because those before took too long.
    pub missed_iterations: u64,
}
