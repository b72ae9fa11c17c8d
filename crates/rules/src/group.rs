//! One group of rules: evaluates its rules in order, keeps their state, marks vanished series.

use parking_lot::Mutex;
use skopos_core::metric::{MetricBatch, SeriesBatch};
use skopos_core::sample::STALE_NAN;
use skopos_core::{Labels, TimeRange};

use crate::alerting::{EvaluationTimes, RestoreTimes, matchers};
use crate::file::GroupSpec;
use crate::groups::RuleOptions;
use crate::io::RuleIo;
use crate::pass::{Evaluation, Pass};
use crate::plan::{Reads, Runner, stages};
use crate::rule::{Rule, RuleBody, float_series};
use crate::schedule::{Due, Schedule};
use crate::telemetry;
use crate::view::{GroupView, RuleView, RuleViewKind};

/// Evaluations before `for` state is restored: recording rules that alerts depend on must have
/// run first.
const EVALUATIONS_BEFORE_RESTORE: u64 = 2;

/// A group with its state.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) file: String,
    pub(crate) spec: GroupSpec,
    pub(crate) schedule: Schedule,
    interval_ms: i64,
    query_offset_ms: i64,
    rules: Vec<Rule>,
    /// Numbers of rules that may be evaluated side by side, stage after stage.
    stages: Vec<Vec<usize>>,
    last_evaluation_ms: Option<i64>,
    evaluation_ns: i64,
    iterations: u64,
    missed_iterations: u64,
    wants_restoration: bool,
    /// Series of rules that are gone; marked with the next evaluation.
    orphans: Vec<Labels>,
}

impl Group {
    /// A group that was never evaluated. With `restore` it reads back alert state after two
    /// evaluations.
    pub(crate) fn new(file: &str, spec: GroupSpec, options: &RuleOptions, now_ms: i64, restore: bool) -> Self {
        let interval_ms = spec.interval_ms.unwrap_or(options.interval_ms).max(1);
        let place = (file, spec.name.as_str());
        let specs = spec.rules.iter();
        let rules: Vec<Rule> = specs
            .map(|rule| Rule::new(place, rule.clone(), options.syntax, !restore))
            .collect();
        let reads = rules
            .iter()
            .map(|rule| (&rule.spec, Reads::of(rule.query.as_ref().ok(), &rule.spec)));
        let stages = stages(&reads.collect::<Vec<_>>());
        Self {
            file: file.to_owned(),
            schedule: Schedule::new(file, &spec.name, interval_ms, now_ms),
            query_offset_ms: spec.query_offset_ms.unwrap_or(options.query_offset_ms),
            spec,
            interval_ms,
            rules,
            stages,
            last_evaluation_ms: None,
            evaluation_ns: 0,
            iterations: 0,
            missed_iterations: 0,
            wants_restoration: restore,
            orphans: Vec::new(),
        }
    }

    /// Takes over what an older version of the group knows (`Group.CopyState`); gives the rules that it
    /// had and this one has not.
    pub(crate) fn inherit(&mut self, older: &mut Self) -> Vec<Rule> {
        if self.interval_ms == older.interval_ms {
            self.schedule = older.schedule.clone();
        }
        self.wants_restoration = older.wants_restoration;
        self.iterations = older.iterations;
        self.missed_iterations = older.missed_iterations;
        self.last_evaluation_ms = older.last_evaluation_ms;
        self.orphans = std::mem::take(&mut older.orphans);
        let mut older_rules: Vec<Option<Rule>> = older.rules.drain(..).map(Some).collect();
        for rule in &mut self.rules {
            let matching = older_rules
                .iter_mut()
                .find(|slot| slot.as_ref().is_some_and(|old| old.same_identity(&rule.spec)));
            let Some(mut old) = matching.and_then(Option::take) else {
                continue;
            };
            rule.series = std::mem::take(&mut old.series);
            if let (RuleBody::Alerting(new), RuleBody::Alerting(old)) = (&mut rule.body, &mut old.body) {
                new.take_state(old);
            }
        }
        let mut gone: Vec<Rule> = older_rules.into_iter().flatten().collect();
        self.orphans
            .extend(gone.iter_mut().flat_map(|rule| rule.series.drain()));
        gone
    }

    /// Ends the group: gives its rules and every series that they made and did not end yet. Evaluated
    /// once more, by a thread that came late, it does nothing.
    pub(crate) fn retire(&mut self) -> (Vec<Rule>, Vec<Labels>) {
        self.stages.clear();
        self.wants_restoration = false;
        let mut rules = std::mem::take(&mut self.rules);
        let mut series = std::mem::take(&mut self.orphans);
        series.extend(rules.iter_mut().flat_map(|rule| rule.series.drain()));
        (rules, series)
    }

    /// Whether one of its rules makes the same series or alerts.
    pub(crate) fn has_rule(&self, rule: &Rule) -> bool {
        self.rules.iter().any(|own| own.same_identity(&rule.spec))
    }

    /// Evaluates the group once: stage after stage, the rules of a stage by `runner`.
    pub(crate) fn evaluate(
        &mut self,
        due: Due,
        io: &dyn RuleIo,
        options: &RuleOptions,
        runner: &dyn Runner,
    ) -> Evaluation {
        let started_ns = options.clock.now_ns();
        let times = EvaluationTimes {
            now_ms: due.time_ms,
            sample_ms: due.time_ms - self.query_offset_ms,
            limit: self.spec.limit,
        };
        let pass = Pass {
            io,
            options,
            times,
            interval_ms: self.interval_ms,
        };
        let mut evaluation = Evaluation::default();
        for stage in &self.stages {
            for made in run_stage(&mut self.rules, stage, &pass, runner) {
                evaluation.extend(made);
            }
        }
        let ended = append_markers(io, self.orphans.drain(..), times.sample_ms);
        if let (Err(error), Some(first)) = (ended, self.rules.first_mut()) {
            first.last_error = error;
        }
        self.finish(due, options.clock.now_ns() - started_ns);
        if options.is_observed {
            telemetry::MISSED.inc_by(due.missed);
            telemetry::GROUP_SECONDS.observe(self.evaluation_ns as f64 / 1e9);
        }
        if self.wants_restoration && self.iterations >= EVALUATIONS_BEFORE_RESTORE {
            self.restore(due.time_ms, io, options);
        }
        evaluation
    }

    fn finish(&mut self, due: Due, evaluation_ns: i64) {
        self.iterations += 1;
        self.missed_iterations += due.missed;
        self.last_evaluation_ms = Some(due.time_ms);
        self.evaluation_ns = evaluation_ns;
    }

    fn restore(&mut self, now_ms: i64, io: &dyn RuleIo, options: &RuleOptions) {
        self.wants_restoration = false;
        let times = RestoreTimes {
            now_ms,
            grace_period_ms: options.for_grace_period_ms,
        };
        let range = TimeRange::new(now_ms - options.outage_tolerance_ms, now_ms);
        for rule in &mut self.rules {
            let RuleBody::Alerting(alerting) = &mut rule.body else {
                continue;
            };
            if alerting.wants_restoration(times.grace_period_ms) {
                match io.select(&matchers(&rule.spec.name), range) {
                    Ok(series) => alerting.restore(&series, times),
                    Err(error) => rule.last_error = format!("failed to restore `for` state: {error}"),
                }
            }
            alerting.is_restored = true;
        }
    }

    /// What the API shows of the group.
    pub(crate) fn view(&self) -> GroupView {
        GroupView {
            name: self.spec.name.clone(),
            file: self.file.clone(),
            interval_seconds: self.interval_ms as f64 / 1000.0,
            query_offset_seconds: self.query_offset_ms as f64 / 1000.0,
            limit: self.spec.limit,
            rules: self.rules.iter().map(rule_view).collect(),
            evaluation_seconds: self.evaluation_ns as f64 / 1e9,
            last_evaluation_ms: self.last_evaluation_ms,
            iterations: self.iterations,
            missed_iterations: self.missed_iterations,
        }
    }
}

/// Evaluates the rules of a stage; what they make is in the order of the rules.
fn run_stage(rules: &mut [Rule], stage: &[usize], pass: &Pass<'_>, runner: &dyn Runner) -> Vec<Evaluation> {
    let mut numbers = stage.iter().copied().peekable();
    let mut slots = Vec::with_capacity(stage.len());
    for (number, rule) in rules.iter_mut().enumerate() {
        if numbers.next_if_eq(&number).is_some() {
            slots.push(Mutex::new((rule, Evaluation::default())));
        }
    }
    runner.run(slots.len(), &|slot| {
        let (rule, made) = &mut *slots[slot].lock();
        *made = pass.evaluate(rule);
    });
    slots.into_iter().map(|slot| slot.into_inner().1).collect()
}

/// Marks series as ended. Refusals are expected where another rule still makes the series; a store
/// that takes nothing is an error.
pub(crate) fn append_markers(
    io: &dyn RuleIo,
    series: impl IntoIterator<Item = Labels>,
    timestamp_ms: i64,
) -> Result<(), String> {
    let series: Vec<SeriesBatch> = series
        .into_iter()
        .map(|labels| float_series(labels, timestamp_ms, STALE_NAN))
        .collect();
    if series.is_empty() {
        return Ok(());
    }
    let batch = MetricBatch {
        series,
        metadata: Vec::new(),
    };
    let written = io.append(batch);
    written
        .map(drop)
        .map_err(|error| format!("failed to mark series as ended: {error}"))
}

/// Appends the series; what the store refuses is counted and told.
pub(crate) fn append(io: &dyn RuleIo, series: Vec<SeriesBatch>) -> Result<(), String> {
    if series.is_empty() {
        return Ok(());
    }
    let report = io.append(MetricBatch {
        series,
        metadata: Vec::new(),
    });
    match report {
        Ok(report) => match report.refused.first() {
            None => Ok(()),
            Some(refusal) => {
                telemetry::SAMPLES_REFUSED.inc_by(report.refused_count());
                Err(format!(
                    "store refused {} samples of the result: {}: {}",
                    report.refused_count(),
                    refusal.reason,
                    refusal.example
                ))
            }
        },
        Err(error) => Err(format!("failed to append the result: {error}")),
    }
}

fn rule_view(rule: &Rule) -> RuleView {
    let kind = match &rule.body {
        RuleBody::Recording(_) => RuleViewKind::Recording,
        RuleBody::Alerting(alerting) => RuleViewKind::Alerting {
            state: alerting.state(),
            hold_seconds: rule.spec.for_ms as f64 / 1000.0,
            keep_firing_for_seconds: rule.spec.keep_firing_for_ms as f64 / 1000.0,
            annotations: rule.spec.annotations.clone(),
            alerts: alerting.views(),
        },
    };
    RuleView {
        name: rule.spec.name.clone(),
        query: rule.spec.expr.clone(),
        language: rule.spec.language,
        line: rule.spec.line,
        labels: rule.spec.labels.clone(),
        health: rule.health,
        last_error: rule.last_error.clone(),
        evaluation_seconds: rule.evaluation_ns as f64 / 1e9,
        last_evaluation_ms: rule.last_evaluation_ms,
        kind,
    }
}
