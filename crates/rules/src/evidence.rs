//! What decided an alert: kept when it starts to fire, so that it can be looked at when the data
//! has moved on. Everything is bounded, as thousands of alerts may fire at once.

mod collect;
mod lines;

use std::fmt;
use std::sync::Arc;

use skopos_core::Labels;
use skopos_core::metric::MetricValue;

use crate::io::RuleSample;

pub(crate) use collect::{Collector, Fresh};
pub(crate) use lines::lines_of;

/// Which rule something comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RuleOrigin {
    /// Its file.
    pub file: String,
    /// Its group.
    pub group: String,
    /// Name of the alert or series.
    pub name: String,
    /// Line of the rule in its file.
    pub line: u64,
    /// Its expression, as written.
    pub expr: String,
    /// `for`, in milliseconds.
    pub for_ms: i64,
}

/// `file:line`
impl fmt::Display for RuleOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// What decided that an alert fires.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The rule.
    pub rule: Arc<RuleOrigin>,
    /// Version of the configuration that the rule was loaded with.
    pub config_version: Arc<str>,
    /// The alert's labels.
    pub labels: Labels,
    /// Time of the first sample with which the expression held, in Unix milliseconds.
    pub first_bad_ms: i64,
    /// Evaluation with which the alert became active, in Unix milliseconds.
    pub pending_ms: i64,
    /// Evaluation with which it fired, in Unix milliseconds.
    pub fired_ms: i64,
    /// The sample of the expression's result that is this alert.
    pub sample: RuleSample,
    /// The result of the expression at `fired_ms`, its first samples: see [`Evidence::MAX_RESULT`].
    pub result: Arc<[RuleSample]>,
    /// What the expression read, narrowed to the alert's labels. Empty where more alerts of the rule
    /// fire than [`Evidence::MAX_DETAILED`].
    pub selectors: Vec<SelectorEvidence>,
}

impl Evidence {
    /// Most samples of the result that are kept.
    pub const MAX_RESULT: usize = 20;
    /// Most series of a selector that are kept.
    pub const MAX_SERIES: usize = 5;
    /// Most samples of a series that are kept: the newest.
    pub const MAX_SAMPLES: usize = 20;
    /// Most lines of a selector that are kept: the newest.
    pub const MAX_LINES: usize = 20;
    /// Longest part of a line that is kept, in bytes.
    pub const MAX_LINE_BYTES: usize = 2048;
    /// Most alerts of a rule that keep raw samples or lines.
    pub const MAX_DETAILED: usize = 100;
}

/// The newest raw samples or lines that a selector of the expression matched.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SelectorEvidence {
    /// The selector as written; of LogQL with its pipeline.
    pub selector: String,
    /// Its first series; none of LogQL.
    pub series: Vec<SeriesEvidence>,
    /// Its newest lines, oldest first; none of PromQL.
    pub lines: Vec<LineEvidence>,
}

/// A log line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineEvidence {
    /// Its time in Unix nanoseconds.
    pub timestamp_ns: i64,
    /// Its labels, as the pipeline left them.
    pub labels: Labels,
    /// Its text, as the pipeline left it, cut at [`Evidence::MAX_LINE_BYTES`].
    pub line: String,
}

/// The newest samples of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesEvidence {
    /// The series.
    pub labels: Labels,
    /// Time in Unix milliseconds and value, oldest first, staleness markers included.
    pub samples: Vec<(i64, MetricValue)>,
}

/// How an alert moved on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransitionKind {
    /// It became active and waits for its `for`.
    Pending,
    /// It fires.
    Firing,
    /// It fired and is over.
    Resolved,
    /// It was pending and is over without having fired.
    Cancelled,
}

impl TransitionKind {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Resolved => "resolved",
            Self::Cancelled => "cancelled",
        }
    }
}

impl TransitionKind {
    /// Why an alert that moved on by itself is over.
    pub(crate) const fn end_reason(self) -> Option<EndReason> {
        match self {
            Self::Pending | Self::Firing => None,
            Self::Resolved | Self::Cancelled => Some(EndReason::ConditionOver),
        }
    }
}

/// Why an alert is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// The condition does not hold any more.
    ConditionOver,
    /// The rule has more alerts than the `limit` of its group: all of them are dropped.
    LimitExceeded,
    /// The rule is not in the configuration any more.
    RuleRemoved,
}

impl EndReason {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConditionOver => "conditionOver",
            Self::LimitExceeded => "limitExceeded",
            Self::RuleRemoved => "ruleRemoved",
        }
    }
}

/// An alert moved on.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// What happened.
    pub kind: TransitionKind,
    /// The evaluation with which it happened, in Unix milliseconds.
    pub at_ms: i64,
    /// The alert's labels, `alertname` included.
    pub labels: Labels,
    /// Time of the first sample with which the expression held, in Unix milliseconds.
    pub first_bad_ms: i64,
    /// Evaluation with which the alert became active, in Unix milliseconds.
    pub pending_ms: i64,
    /// The rule.
    pub rule: Arc<RuleOrigin>,
    /// What decided it, once it fired.
    pub evidence: Option<Arc<Evidence>>,
    /// Why it is over, if it is.
    pub end: Option<EndReason>,
}
