//! What a backtest found.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::BacktestOptions;
use super::incidents::{IncidentMatch, KnownIncident, compare};
use super::night::Night;
use super::replay::{Span, Variant};
use super::tested::Tested;

/// What a backtest found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BacktestReport {
    /// Start of the range, Unix milliseconds.
    pub from_ms: i64,
    /// End of the range, Unix milliseconds.
    pub to_ms: i64,
    /// Each alerting rule as it is.
    pub rules: Vec<RuleBacktest>,
    /// Each rule with each other value that was asked for.
    pub sweep: Vec<SweepRow>,
    /// What should be known of the result.
    pub notes: Vec<String>,
    #[serde(skip)]
    max_firings: usize,
}

/// What one rule would have done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleBacktest {
    /// Its file.
    pub file: String,
    /// Its group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// Its expression.
    pub expr: String,
    /// Its `for`, in milliseconds.
    pub for_ms: i64,
    /// Time between evaluations, in milliseconds.
    pub step_ms: i64,
    /// The number that it compares with, where there is one.
    pub threshold: Option<f64>,
    /// When it fired, by start; at most as many as asked for.
    pub firings: Vec<Firing>,
    /// How often it fired.
    pub count: usize,
    /// How long in total within the range, of all label sets, in milliseconds.
    pub total_ms: i64,
    /// How often it began to fire at night.
    pub night_count: usize,
    /// Beside the incidents on record.
    pub incidents: IncidentMatch,
    /// Evaluations that failed.
    pub failures: u64,
    /// Why the first of them failed.
    pub failure: Option<String>,
}

/// One alert that fires.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Firing {
    /// Its labels, `alertname` included.
    pub labels: BTreeMap<String, String>,
    /// When it began to fire, Unix milliseconds.
    pub start_ms: i64,
    /// When it no longer did; the end of the range if it went on.
    pub end_ms: i64,
    /// Whether it still fired at the end of the range.
    pub ongoing: bool,
    /// Whether it began at night.
    pub night: bool,
}

/// What a rule would have done with another value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SweepRow {
    /// The rule.
    pub rule: String,
    /// The number that it compares with, where there is one.
    pub threshold: Option<f64>,
    /// Its `for`, in milliseconds.
    pub for_ms: i64,
    /// How often it would have fired.
    pub count: usize,
    /// How long in total, in milliseconds.
    pub total_ms: i64,
    /// How often at night.
    pub night_count: usize,
    /// Beside the incidents on record.
    pub incidents: IncidentMatch,
}

impl BacktestReport {
    pub(super) fn new(options: &BacktestOptions) -> Self {
        Self {
            from_ms: options.from_ms,
            to_ms: options.to_ms,
            rules: Vec::new(),
            sweep: Vec::new(),
            notes: Vec::new(),
            max_firings: options.max_firings,
        }
    }

    /// Adds the rules of one test: the first variant is the rule as it is.
    pub(super) fn add(&mut self, tested: &Tested<'_>, variants: Vec<Variant>, known: &[KnownIncident], night: &Night) {
        for (at, mut variant) in variants.into_iter().enumerate() {
            let (for_ms, threshold, failures) = (variant.for_ms, variant.threshold, variant.failures);
            let failure = variant.first_failure.take();
            let spans = variant.into_spans();
            // State was built up from before the range: what ended before it began does not count.
            let counted: Vec<&Span> = spans
                .iter()
                .filter(|span| span.end_ms.is_none_or(|end_ms| end_ms > self.from_ms))
                .collect();
            let incidents = compare(tested.spec, &counted, known, [self.from_ms, self.to_ms]);
            let total_ms = counted.iter().map(|span| self.length_ms(span)).sum();
            let night_count = counted.iter().filter(|span| night.contains(span.start_ms)).count();
            if at > 0 {
                self.sweep.push(SweepRow {
                    rule: tested.spec.name.clone(),
                    threshold,
                    for_ms,
                    count: counted.len(),
                    total_ms,
                    night_count,
                    incidents,
                });
                continue;
            }
            let listed = counted.iter().take(self.max_firings);
            self.rules.push(RuleBacktest {
                file: tested.file.to_owned(),
                group: tested.group.name.clone(),
                name: tested.spec.name.clone(),
                expr: tested.spec.expr.clone(),
                for_ms,
                step_ms: tested.steps.step_ms,
                threshold,
                firings: listed.map(|span| self.firing(span, night)).collect(),
                count: counted.len(),
                total_ms,
                night_count,
                incidents,
                failures,
                failure,
            });
        }
    }

    fn length_ms(&self, span: &Span) -> i64 {
        span.end_ms.unwrap_or(self.to_ms).min(self.to_ms) - span.start_ms.max(self.from_ms)
    }

    fn firing(&self, span: &Span, night: &Night) -> Firing {
        Firing {
            labels: span
                .labels
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            start_ms: span.start_ms,
            end_ms: span.end_ms.unwrap_or(self.to_ms),
            ongoing: span.end_ms.is_none(),
            night: night.contains(span.start_ms),
        }
    }
}
