//! An alerting rule under test: its steps, and the passes over the history that its values need.

use std::sync::Arc;

use skopos_core::ManualClock;
use skopos_rules::{GroupSpec, QueryLanguage, RuleKind, RuleOptions, RuleSpec};

use super::history::{History, Steps};
use super::replay::Variant;
use super::threshold::{Filter, Threshold};
use super::{BacktestError, BacktestInput, BacktestOptions};

/// Most steps of one rule.
const MAX_STEPS: i64 = 2_000_000;
/// Longest time before the range for which state is built up.
const MAX_WARM_UP_MS: i64 = 86_400_000;

/// An alerting rule with the steps at which it is evaluated.
#[derive(Debug)]
pub(super) struct Tested<'a> {
    pub(super) file: &'a str,
    pub(super) group: &'a GroupSpec,
    pub(super) spec: &'a RuleSpec,
    pub(super) steps: Steps,
    pub(super) offset_ms: i64,
}

/// The alerting rules that are asked for.
pub(super) fn tested<'a>(
    input: &BacktestInput<'a>,
    options: &BacktestOptions,
) -> Result<Vec<Tested<'a>>, BacktestError> {
    let mut found = Vec::new();
    for file in input.rules {
        for group in &file.groups {
            for spec in &group.rules {
                let is_wanted = input.only.is_none_or(|only| only == spec.name);
                if spec.kind == RuleKind::Alerting && spec.language == QueryLanguage::PromQl && is_wanted {
                    found.push(Tested::new(&file.path, group, spec, options)?);
                }
            }
        }
    }
    if found.is_empty() {
        return Err(BacktestError::NoRule(input.only.map(str::to_owned)));
    }
    Ok(found)
}

impl<'a> Tested<'a> {
    fn new(
        file: &'a str,
        group: &'a GroupSpec,
        spec: &'a RuleSpec,
        options: &BacktestOptions,
    ) -> Result<Self, BacktestError> {
        let step_ms = options
            .step_ms
            .or(group.interval_ms)
            .unwrap_or(options.interval_ms)
            .max(1);
        let longest_for_ms = options.sweep.for_ms.iter().copied().fold(spec.for_ms, i64::max);
        let state_ms = longest_for_ms
            .saturating_add(spec.keep_firing_for_ms)
            .min(MAX_WARM_UP_MS);
        // State of before the range is built up first, from steps of the same grid.
        let warm_up = state_ms / step_ms + i64::from(state_ms % step_ms > 0);
        let steps = Steps {
            start_ms: options.from_ms.saturating_sub(warm_up * step_ms),
            end_ms: options.to_ms,
            step_ms,
        };
        if steps.count() > MAX_STEPS.unsigned_abs() {
            return Err(BacktestError::Options(format!(
                "rule {:?} would be evaluated {} times, at most {MAX_STEPS}; choose a shorter range or a longer step",
                spec.name,
                steps.count()
            )));
        }
        Ok(Self {
            file,
            group,
            spec,
            steps,
            offset_ms: group.query_offset_ms.unwrap_or(options.query_offset_ms),
        })
    }

    /// The rule as it is, then each value of the sweep.
    pub(super) fn replay(
        &self,
        history: &History<'_>,
        options: &BacktestOptions,
        tick: &mut dyn FnMut(u64),
    ) -> Result<Vec<Variant>, BacktestError> {
        let rule_options = RuleOptions {
            interval_ms: self.steps.step_ms,
            external_labels: options.external_labels.clone(),
            external_url: options.external_url.clone(),
            restores_state: false,
            keeps_evidence: false,
            is_observed: false,
            clock: Arc::new(ManualClock::default()),
            ..RuleOptions::default()
        };
        let threshold = Threshold::of(&self.spec.expr, history.engine)?;
        let sweep = &options.sweep;
        let mut same = vec![Variant::new(
            self,
            self.spec.for_ms,
            threshold.as_ref().map(Threshold::number),
            &rule_options,
        )?];
        for for_ms in &sweep.for_ms {
            same.push(Variant::new(
                self,
                *for_ms,
                threshold.as_ref().map(Threshold::number),
                &rule_options,
            )?);
        }
        let mut others = Vec::new();
        if threshold.is_some() {
            for value in &sweep.thresholds {
                others.push(Variant::new(self, self.spec.for_ms, Some(*value), &rule_options)?);
            }
        }
        match threshold {
            Some(threshold) if threshold.is_top() && !others.is_empty() => {
                // One pass over the compared side serves all numbers.
                same.append(&mut others);
                let filter = |number| threshold.filter(number);
                self.pass(history, threshold.side(), &mut same, &filter, tick)?;
            }
            threshold => {
                let everything = |_| None;
                self.pass(history, &self.spec.expr, &mut same, &everything, tick)?;
                for mut other in others {
                    if let (Some(threshold), Some(number)) = (&threshold, other.threshold) {
                        let expr = threshold.with_number(number);
                        self.pass(
                            history,
                            &expr,
                            std::slice::from_mut(&mut other),
                            &everything,
                            &mut |_| {},
                        )?;
                    }
                    same.push(other);
                }
            }
        }
        Ok(same)
    }

    /// Evaluates an expression over all steps and moves the variants on.
    fn pass(
        &self,
        history: &History<'_>,
        expr: &str,
        variants: &mut [Variant],
        filter_of: &dyn Fn(Option<f64>) -> Option<Filter>,
        tick: &mut dyn FnMut(u64),
    ) -> Result<(), BacktestError> {
        let filters: Vec<Option<Filter>> = variants.iter().map(|variant| filter_of(variant.threshold)).collect();
        history.for_each_chunk(expr, self.steps, self.offset_ms, &mut |start_ms, vectors| {
            for (step, vector) in vectors.iter().enumerate() {
                let now_ms = start_ms + step as i64 * self.steps.step_ms;
                for (variant, filter) in variants.iter_mut().zip(&filters) {
                    variant.step(now_ms, vector, filter.as_ref(), history);
                }
            }
            tick(vectors.len() as u64);
        })
    }
}
