//! Recorded series that nothing was stored of, evaluated from the recording rules of the same files when an alerting
//! rule reads them, and laid over the store. Series that were stored, be it for a part of the range, are used as they
//! are.

mod source;

use std::collections::BTreeMap;

use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::{MetricSource, MetricValue, Series};
use skopos_core::sample::STALE_NAN;
use skopos_core::{Labels, LabelsBuilder, MatchOp, Matcher, QueryBudget, ReadError, TimeRange};
use skopos_promql::{Engine, Expr};
use skopos_rules::{QueryLanguage, RuleKind, RuleSpec};

use super::history::{History, StepVector, Steps};
use super::{BacktestError, BacktestInput, BacktestOptions};
use crate::reads::reads;

/// Recording rules that read one another.
const MAX_DEPTH: usize = 16;
/// Most samples that are held of recorded series.
const MAX_SAMPLES: usize = 20_000_000;

/// A recording rule and what it gave.
#[derive(Debug)]
struct Recorder<'a> {
    spec: &'a RuleSpec,
    step_ms: i64,
    offset_ms: i64,
    series: Vec<Series>,
    /// The range that is evaluated, none yet.
    done: Option<TimeRange>,
}

/// The store with recorded series laid over it.
#[derive(Debug)]
pub(super) struct Overlay<'a> {
    base: &'a dyn MetricSource,
    /// A time at which alerting rules are evaluated: recording rules keep to the same grid.
    anchor_ms: i64,
    recorders: BTreeMap<&'a str, Vec<Recorder<'a>>>,
    /// Whether nothing is stored under a recorded name.
    is_missing: BTreeMap<&'a str, bool>,
}

/// What [`Overlay::prepare`] works with.
#[derive(Clone, Copy)]
struct Means<'a> {
    engine: &'a Engine,
    budget: &'a QueryBudget,
}

impl<'a> Overlay<'a> {
    pub(super) fn new(input: &BacktestInput<'a>, options: &BacktestOptions) -> Self {
        let mut recorders: BTreeMap<&str, Vec<Recorder<'_>>> = BTreeMap::new();
        for group in input.rules.iter().flat_map(|file| &file.groups) {
            for spec in group.rules.iter().filter(|rule| is_ours(rule)) {
                recorders.entry(&spec.name).or_default().push(Recorder {
                    spec,
                    step_ms: options
                        .step_ms
                        .or(group.interval_ms)
                        .unwrap_or(options.interval_ms)
                        .max(1),
                    offset_ms: group.query_offset_ms.unwrap_or(options.query_offset_ms),
                    series: Vec::new(),
                    done: None,
                });
            }
        }
        Self {
            base: input.source,
            anchor_ms: options.from_ms,
            recorders,
            is_missing: BTreeMap::new(),
        }
    }

    /// Evaluates what an expression reads of recorded series that are not stored.
    pub(super) fn prepare(
        &mut self,
        query: &str,
        steps: Steps,
        engine: &Engine,
        budget: &QueryBudget,
    ) -> Result<(), BacktestError> {
        let range = TimeRange::new(steps.start_ms, steps.end_ms);
        self.prepare_below(query, range, Means { engine, budget }, 0)
    }

    fn prepare_below(
        &mut self,
        query: &str,
        range: TimeRange,
        means: Means<'_>,
        depth: usize,
    ) -> Result<(), BacktestError> {
        let expr: Expr = means.engine.parse(query)?;
        for read in reads(&expr, means.engine.options().lookback_ms) {
            let range = TimeRange::new(range.start_ms.saturating_sub(read.reach_ms), range.end_ms);
            for name in recorded_names(&read.selector.matchers, &self.recorders) {
                if depth < MAX_DEPTH && self.is_missing(name, range)? {
                    self.record(name, range, means, depth + 1)?;
                }
            }
        }
        Ok(())
    }

    fn is_missing(&mut self, name: &'a str, range: TimeRange) -> Result<bool, ReadError> {
        if let Some(known) = self.is_missing.get(name) {
            return Ok(*known);
        }
        let stored = self
            .base
            .label_values(METRIC_NAME, &[Matcher::equal(METRIC_NAME, name)], range)?;
        self.is_missing.insert(name, stored.is_empty());
        Ok(stored.is_empty())
    }

    /// Evaluates the rules of one name over a range, unless that was done.
    fn record(&mut self, name: &'a str, range: TimeRange, means: Means<'_>, depth: usize) -> Result<(), BacktestError> {
        // Taken out while they are evaluated, so that a rule that reads what it records ends the search.
        let Some(mut recorders) = self.recorders.remove(name) else {
            return Ok(());
        };
        let mut outcome = Ok(());
        for recorder in &mut recorders {
            outcome = self.evaluate(recorder, range, means, depth);
            if outcome.is_err() {
                break;
            }
        }
        self.recorders.insert(name, recorders);
        outcome
    }

    fn evaluate(
        &mut self,
        recorder: &mut Recorder<'a>,
        range: TimeRange,
        means: Means<'_>,
        depth: usize,
    ) -> Result<(), BacktestError> {
        let done = recorder.done;
        if done.is_some_and(|done| done.start_ms <= range.start_ms && done.end_ms >= range.end_ms) {
            return Ok(());
        }
        let start_ms = done.map_or(range.start_ms, |done| done.start_ms.min(range.start_ms));
        let end_ms = done.map_or(range.end_ms, |done| done.end_ms.max(range.end_ms));
        let before_ms = self.anchor_ms.saturating_sub(start_ms);
        let steps = Steps {
            start_ms: self.anchor_ms - before_ms.div_euclid(recorder.step_ms) * recorder.step_ms,
            end_ms,
            step_ms: recorder.step_ms,
        };
        self.prepare_below(&recorder.spec.expr, TimeRange::new(start_ms, end_ms), means, depth)?;
        let held: usize = self.held();
        let history = History {
            engine: means.engine,
            source: &*self,
            budget: means.budget,
        };
        let mut series = BTreeMap::new();
        let mut taken = 0;
        let spec = recorder.spec;
        history.for_each_chunk(&spec.expr, steps, recorder.offset_ms, &mut |start_ms, vectors| {
            for (step, vector) in vectors.iter().enumerate() {
                let at_ms = start_ms + step as i64 * recorder.step_ms;
                if held + taken <= MAX_SAMPLES {
                    taken += take(spec, vector, at_ms, &mut series);
                }
            }
        })?;
        if held + taken > MAX_SAMPLES {
            return Err(BacktestError::Options(format!(
                "recording rule {:?} has no stored series and would make more than {MAX_SAMPLES} samples; \
                 choose a shorter range",
                spec.name
            )));
        }
        recorder.series = series.into_values().collect();
        recorder.done = Some(TimeRange::new(start_ms, end_ms));
        Ok(())
    }

    fn held(&self) -> usize {
        let recorders = self.recorders.values().flatten();
        recorders.flat_map(|recorder| &recorder.series).map(Series::len).sum()
    }

    /// Which recording rules were evaluated here.
    pub(super) fn notes(&self) -> Vec<String> {
        let evaluated = self
            .recorders
            .iter()
            .filter(|(_, all)| all.iter().any(|one| one.done.is_some()));
        evaluated
            .map(|(name, _)| {
                format!("{name} has no stored series in the range: its recording rule was evaluated instead")
            })
            .collect()
    }
}

/// Whether a rule records what a PromQL expression gives.
fn is_ours(rule: &RuleSpec) -> bool {
    rule.kind == RuleKind::Recording && rule.language == QueryLanguage::PromQl
}

/// The recorded names that conditions allow.
fn recorded_names<'a>(matchers: &[Matcher], recorders: &BTreeMap<&'a str, Vec<Recorder<'a>>>) -> Vec<&'a str> {
    let names: Vec<&Matcher> = matchers
        .iter()
        .filter(|matcher| matcher.name() == METRIC_NAME)
        .collect();
    if let [name] = names.as_slice()
        && name.op() == MatchOp::Equal
    {
        return recorders
            .get_key_value(name.value())
            .map(|(name, _)| *name)
            .into_iter()
            .collect();
    }
    let accepted = recorders
        .keys()
        .filter(|name| names.iter().all(|matcher| matcher.matches(name)));
    accepted.copied().collect()
}

/// Adds what a recording rule gave at a step; series that vanish get a staleness marker. Gives how many samples that
/// were.
fn take(spec: &RuleSpec, vector: &StepVector, at_ms: i64, series: &mut BTreeMap<Labels, Series>) -> usize {
    let Ok(samples) = vector else {
        return 0;
    };
    let mut count = 0;
    for sample in samples {
        let mut builder = LabelsBuilder::from_labels(&sample.labels);
        builder.set(METRIC_NAME, &spec.name);
        for (name, value) in &spec.labels {
            builder.set(name, value);
        }
        let labels = builder.build();
        let one = series.entry(labels.clone()).or_insert_with(|| Series {
            labels,
            ..Series::default()
        });
        match &sample.value {
            MetricValue::Float(value) => push(one, at_ms, *value),
            MetricValue::Histogram(histogram) => {
                one.histogram_timestamps_ms.push(at_ms);
                one.histograms.push(std::sync::Arc::clone(histogram));
            }
        }
        count += 1;
    }
    for one in series.values_mut() {
        let last_ms = one
            .timestamps_ms
            .last()
            .max(one.histogram_timestamps_ms.last())
            .copied();
        let is_ended = one
            .values
            .last()
            .is_some_and(|value| skopos_core::sample::is_stale(*value))
            && one.timestamps_ms.last().copied() == last_ms;
        if last_ms != Some(at_ms) && !is_ended {
            push(one, at_ms, STALE_NAN);
            count += 1;
        }
    }
    count
}

fn push(series: &mut Series, at_ms: i64, value: f64) {
    series.timestamps_ms.push(at_ms);
    series.values.push(value);
}
