//! When each alerting rule would have fired on stored history.
//!
//! ```text
//!   expression ─▶ threshold (left side of a sweep) ─▶ history (range queries, in chunks) ─▶ a vector a step
//!        ▲                                                                                       │
//!   overlay (recording rules that nothing was stored of)            replay (crate rules' own state machine)
//!                                                                                                ▼
//!                         firings ─▶ night, incidents ─▶ RuleBacktest, SweepRow
//! ```
//!
//! The result is that of evaluating the rules step by step: range queries only save the work of steps at which
//! nothing holds, and what a range query cannot answer is asked step by step.

mod history;
mod incidents;
mod night;
mod overlay;
mod replay;
mod report;
mod tested;
mod threshold;

use skopos_core::metric::MetricSource;
use skopos_core::{BudgetError, ErrorKind, Kinded, Labels, QueryBudget, ReadError};
use skopos_promql::{Engine, EvalError};
use skopos_rules::RuleFile;

use history::History;
use overlay::Overlay;
use tested::tested;

pub use incidents::{IncidentMatch, KnownIncident};
pub use night::{NightError, NightHours};
pub use report::{BacktestReport, Firing, RuleBacktest, SweepRow};

/// Most values of a sweep, of thresholds and of `for`.
const MAX_SWEEP: usize = 100;
const STAGE: &str = "backtest";

/// What is tested on which history.
#[derive(Debug, Clone, Copy)]
pub struct BacktestInput<'a> {
    /// The rule files. Their recording rules stand in for series that were never stored.
    pub rules: &'a [RuleFile],
    /// Only the alerting rules of this name.
    pub only: Option<&'a str>,
    /// The history.
    pub source: &'a dyn MetricSource,
    /// Evaluates expressions.
    pub engine: &'a Engine,
    /// Incidents on record.
    pub incidents: &'a [KnownIncident],
}

/// Over which time, and what else is asked.
#[derive(Debug, Clone)]
pub struct BacktestOptions {
    /// First evaluation, Unix milliseconds.
    pub from_ms: i64,
    /// End of the range, Unix milliseconds.
    pub to_ms: i64,
    /// Time between evaluations; the group's interval where `None`.
    pub step_ms: Option<i64>,
    /// Interval of groups that name none, in milliseconds.
    pub interval_ms: i64,
    /// Offset of queries of groups that name none, in milliseconds.
    pub query_offset_ms: i64,
    /// Labels of the server, for templates of labels.
    pub external_labels: Labels,
    /// Where the server is reached, for templates of labels.
    pub external_url: String,
    /// When it is night.
    pub night: NightHours,
    /// Other values to try.
    pub sweep: Sweep,
    /// Most firings that are listed of a rule; all are counted.
    pub max_firings: usize,
}

impl BacktestOptions {
    /// The usual options for a range.
    pub fn new(from_ms: i64, to_ms: i64) -> Self {
        Self {
            from_ms,
            to_ms,
            step_ms: None,
            interval_ms: 60_000,
            query_offset_ms: 0,
            external_labels: Labels::empty(),
            external_url: String::new(),
            night: NightHours::default(),
            sweep: Sweep::default(),
            max_firings: 1_000,
        }
    }
}

/// Other values to try in place of those of the rule.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sweep {
    /// Numbers in place of the one that the expression is compared with.
    pub thresholds: Vec<f64>,
    /// Durations in place of `for`, in milliseconds.
    pub for_ms: Vec<i64>,
}

/// How far a backtest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The rule that is evaluated.
    pub rule: &'a str,
    /// Steps done, of all rules.
    pub done: u64,
    /// Steps in all.
    pub total: u64,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum BacktestError {
    /// The range, step or sweep makes no sense, or is too large.
    #[error("{0}")]
    Options(String),
    /// The hours of the night cannot be told.
    #[error(transparent)]
    Night(#[from] NightError),
    /// No alerting rule is there to be tested.
    #[error("no alerting rule {}to test; name one that the rules hold", .0.as_ref().map(|name| format!("is named {name:?} ")).unwrap_or_default())]
    NoRule(Option<String>),
    /// Time or room ran out, or the caller asked to stop.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// The history could not be read.
    #[error("failed to read the history: {0}")]
    Read(#[from] ReadError),
    /// A query could not be evaluated.
    #[error(transparent)]
    Query(#[from] EvalError),
    /// The rule was refused.
    #[error("failed to set up rule {rule:?}: {reason}")]
    Rule {
        /// The rule.
        rule: String,
        /// Why.
        reason: String,
    },
}

impl Kinded for BacktestError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Options(_) | Self::Night(_) | Self::Rule { .. } => ErrorKind::BadRequest,
            Self::NoRule(_) => ErrorKind::NotFound,
            Self::Budget(error) => error.kind(),
            Self::Read(error) => error.kind(),
            Self::Query(error) => error.kind(),
        }
    }
}

/// Replays the alerting rules over the range. `budget` bounds each query, and ends the whole when its deadline passes
/// or its flag is set; `progress` is called after each chunk.
pub fn backtest(
    input: &BacktestInput<'_>,
    options: &BacktestOptions,
    budget: &QueryBudget,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<BacktestReport, BacktestError> {
    check(options)?;
    let night = night::Night::new(&options.night)?;
    let tested = tested(input, options)?;
    let total = tested.iter().map(|tested| tested.steps.count()).sum();
    let mut overlay = Overlay::new(input, options);
    let mut report = BacktestReport::new(options);
    let mut done = 0;
    for tested in &tested {
        overlay.prepare(&tested.spec.expr, tested.steps, input.engine, budget)?;
        let history = History {
            engine: input.engine,
            source: &overlay,
            budget,
        };
        let mut tick = |steps: u64| {
            done += steps;
            let rule = tested.spec.name.as_str();
            progress(Progress { rule, done, total });
        };
        let variants = tested.replay(&history, options, &mut tick)?;
        report.add(tested, variants, input.incidents, &night);
    }
    report.notes.extend(overlay.notes());
    Ok(report)
}

fn check(options: &BacktestOptions) -> Result<(), BacktestError> {
    let fail = |text: &str| Err(BacktestError::Options(text.to_owned()));
    if options.to_ms < options.from_ms {
        return fail("the end of the range must not be before its start");
    }
    if options.step_ms.is_some_and(|step_ms| step_ms <= 0) {
        return fail("the step must be positive");
    }
    if options.sweep.thresholds.len() > MAX_SWEEP || options.sweep.for_ms.len() > MAX_SWEEP {
        return fail("too many values to sweep, at most 100 are tried");
    }
    if options.sweep.thresholds.iter().any(|value| !value.is_finite()) || options.sweep.for_ms.iter().any(|ms| *ms < 0)
    {
        return fail("values to sweep must be finite numbers, and durations not negative");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
