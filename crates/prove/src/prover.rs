//! Proves the alerting rules of files that are loaded together, one by one. Rules are independent:
//! a caller with several threads proves several at once.

use std::collections::BTreeMap;

use skopos_core::Labels;
use skopos_promql::duration::format_duration;
use skopos_promql::{Engine, EngineOptions, Expr};
use skopos_rules::{AlertView, RuleFile, RuleKind, RuleSpec};

use crate::drive::{Course, Road};
use crate::faults;
use crate::heal::Cure;
use crate::inline::{Inliner, Recordings};
use crate::report::{FiredAlert, Link, Moments, Report, RuleReport, Verdict, WitnessSeries};
use crate::search::{Context, Halt, Search, Strategy, Stuck, unwanted};
use crate::start::starts_ms;
use crate::timeline::{Pace, Timeline};
use crate::universe::Universe;
use crate::values;

/// Deepest expression that is looked at.
const MAX_DEPTH: usize = 100;
/// What Prometheus writes where a template fails.
const TEMPLATE_ERROR: &str = "<error expanding template";

/// How rules are proven.
#[derive(Debug, Clone)]
pub struct ProveOptions {
    /// The interval of groups that name none.
    pub interval_ms: i64,
    /// Labels of the server, for templates.
    pub external_labels: Labels,
    /// Where the server is reached, for templates.
    pub external_url: String,
    /// How long samples are kept; rules that look further back or wait longer are broken.
    pub retention_ms: Option<i64>,
    /// Evaluations of parts of an expression that one search may spend.
    pub max_evaluations: usize,
}

impl Default for ProveOptions {
    fn default() -> Self {
        Self {
            interval_ms: 60_000,
            external_labels: Labels::empty(),
            external_url: String::new(),
            retention_ms: None,
            max_evaluations: 1_500,
        }
    }
}

/// An alerting rule and where it stands.
#[derive(Debug, Clone)]
struct Subject {
    file: String,
    group: String,
    interval_ms: i64,
    spec: RuleSpec,
}

/// The alerting rules of files that are loaded together.
#[derive(Debug)]
pub struct Prover {
    subjects: Vec<Subject>,
    recordings: Recordings,
    options: ProveOptions,
    engine: Engine,
}

/// A witness with what it led to.
#[derive(Debug)]
struct Witness {
    course: Course,
    times: Timeline,
    series: Vec<WitnessSeries>,
    step_ms: i64,
    resolved_by: Option<String>,
    driven: Vec<RuleSpec>,
}

impl Prover {
    /// The rules of these files.
    pub fn new(files: &[RuleFile], options: ProveOptions) -> Self {
        let mut subjects = Vec::new();
        for file in files {
            for group in &file.groups {
                let alerts = group.rules.iter().filter(|rule| rule.kind == RuleKind::Alerting);
                subjects.extend(alerts.map(|spec| Subject {
                    file: file.path.clone(),
                    group: group.name.clone(),
                    interval_ms: group.interval_ms.unwrap_or(options.interval_ms).max(1),
                    spec: spec.clone(),
                }));
            }
        }
        Self {
            subjects,
            recordings: Recordings::new(files),
            engine: Engine::new(EngineOptions::default()),
            options,
        }
    }

    /// Number of alerting rules.
    pub fn len(&self) -> usize {
        self.subjects.len()
    }

    /// Whether there is no alerting rule.
    pub fn is_empty(&self) -> bool {
        self.subjects.is_empty()
    }

    /// Proves all rules, one after the other; `progress` is told the number of rules done.
    pub fn prove(&self, progress: &mut dyn FnMut(usize)) -> Report {
        let mut rules = Vec::with_capacity(self.len());
        for index in 0..self.len() {
            rules.extend(self.prove_rule(index));
            progress(index + 1);
        }
        Report::new(rules)
    }

    /// Proves one rule; `None` if there are not so many.
    pub fn prove_rule(&self, index: usize) -> Option<RuleReport> {
        let subject = self.subjects.get(index)?;
        let report = self.blank(subject);
        let expr = match skopos_promql::parse(&subject.spec.expr) {
            Ok(expr) => expr,
            Err(error) => return Some(report.broken(Link::Expression, error.to_string())),
        };
        if depth(&expr) > MAX_DEPTH {
            return Some(not_provable(report, "the expression is nested too deeply"));
        }
        Some(self.judge(subject, &expr, report))
    }

    /// Whether one rule can fire while another does not; both by their index.
    pub(crate) fn fires_without(&self, index: usize, other: usize) -> bool {
        let (Some(subject), Some(other)) = (self.subjects.get(index), self.subjects.get(other)) else {
            return true;
        };
        let text = format!("({}) unless on () ({})", subject.spec.expr, other.spec.expr);
        let parsed = [&subject.spec.expr, &other.spec.expr, &text].map(|text| skopos_promql::parse(text));
        let [Ok(own), Ok(other), Ok(alone)] = parsed else {
            return true;
        };
        if depth(&alone) > MAX_DEPTH || self.stays_below(subject, &own, &other) {
            return true;
        }
        let spec = RuleSpec {
            expr: text,
            ..subject.spec.clone()
        };
        let is_impossible = faults::fault(&spec.expr, &alone).is_some();
        !is_impossible && self.witness(subject, &alone, &spec, &mut None).is_some()
    }

    /// Whether input that barely satisfies one condition leaves the other alone.
    fn stays_below(&self, subject: &Subject, own: &Expr, other: &Expr) -> bool {
        let mut inliner = Inliner::new(&self.recordings, subject.interval_ms);
        let (own, other) = (inliner.inline(own), inliner.inline(other));
        let replaced = inliner.replaced;
        let universe = Universe::new(&own, template_labels(&subject.spec));
        let pace = self.pace(subject, &subject.spec);
        Timeline::reaches(&own, pace.interval_ms).iter().any(|reach| {
            let context = Context {
                engine: &self.engine,
                expr: &own,
                times: Timeline::new(&own, pace, *reach, 0),
                universe: &universe,
                replaced: &replaced,
                unwanted: unwanted(&own),
                strategy: Strategy {
                    is_tight: true,
                    ..Strategy::default()
                },
                max_evaluations: self.options.max_evaluations,
            };
            let mut search = Search::new(&context, context.times.sample_interval_ms(&own));
            search.run().is_ok() && search.leaves_alone(&other)
        })
    }

    fn pace(&self, subject: &Subject, spec: &RuleSpec) -> Pace {
        Pace {
            interval_ms: subject.interval_ms,
            hold_ms: spec.for_ms,
            lookback_ms: self.engine.options().lookback_ms,
        }
    }

    fn judge(&self, subject: &Subject, expr: &Expr, report: RuleReport) -> RuleReport {
        if let Some(fault) = self.fault(subject, expr) {
            let stuck = Stuck {
                pos: fault.pos,
                why: fault.why,
            };
            return report.broken(fault.link, located(&subject.spec.expr, &stuck));
        }
        if let Some(why) = self.outlives_data(&subject.spec, expr) {
            return report.broken(Link::For, why);
        }
        let mut stuck = None;
        match self.witness(subject, expr, &subject.spec, &mut stuck) {
            Some(witness) => self.proven(subject, witness, report),
            None => self.unproven(subject, expr, stuck, report),
        }
    }

    /// A fault that the expression shows by itself, or once recorded names are replaced.
    fn fault(&self, subject: &Subject, expr: &Expr) -> Option<faults::Fault> {
        faults::fault(&subject.spec.expr, expr).or_else(|| {
            let mut inliner = Inliner::new(&self.recordings, subject.interval_ms);
            let inlined = inliner.inline(expr);
            let fits = depth(&inlined) <= MAX_DEPTH;
            fits.then(|| faults::join_fault(&inlined, &inliner.replaced)).flatten()
        })
    }

    /// Whether samples are dropped before the rule has seen or waited enough.
    fn outlives_data(&self, spec: &RuleSpec, expr: &Expr) -> Option<String> {
        let retention_ms = self.options.retention_ms?;
        let reach_ms = Timeline::flush_of_ms(expr, self.options.interval_ms);
        if reach_ms <= retention_ms && spec.for_ms <= retention_ms {
            return None;
        }
        Some(format!(
            "the rule looks back {} and waits {}, but samples are kept for {} only",
            format_duration(reach_ms),
            format_duration(spec.for_ms),
            format_duration(retention_ms)
        ))
    }

    fn proven(&self, subject: &Subject, witness: Witness, mut report: RuleReport) -> RuleReport {
        self.show(&witness, &mut report);
        let faulty = template_fault(&report.alerts);
        let resolved = witness.course.resolved_ms;
        report.verdict = Verdict::Proven;
        if let Some(fault) = faulty {
            return report.broken(Link::Template, fault);
        }
        if resolved.is_none() && witness.resolved_by.is_some() {
            let why = format!(
                "the alert goes on firing though {}",
                witness.resolved_by.unwrap_or_default()
            );
            return report.broken(Link::Resolve, why);
        }
        if witness.resolved_by.is_none() {
            let note = format!(
                "{} always fires: it never resolves, as a dead man's switch",
                subject.spec.name
            );
            report.notes.push(note);
        }
        report
    }

    fn unproven(&self, subject: &Subject, expr: &Expr, stuck: Option<Stuck>, report: RuleReport) -> RuleReport {
        if subject.spec.for_ms > 0 {
            let impatient = RuleSpec {
                for_ms: 0,
                ..subject.spec.clone()
            };
            if let Some(witness) = self.witness(subject, expr, &impatient, &mut None) {
                let mut report = report;
                self.show(&witness, &mut report);
                report.timeline.firing_ms = None;
                report.time_to_fire_ms = None;
                let why = "the condition was met, but not for as long as `for` asks: what it looks at is gone before";
                return report.broken(Link::For, why);
            }
        }
        let why = match stuck {
            Some(stuck) => located(&subject.spec.expr, &stuck),
            None => "no witness was found".to_owned(),
        };
        not_provable(report, &why)
    }

    /// Input that makes a rule fire, if a search finds some.
    fn witness(&self, subject: &Subject, expr: &Expr, spec: &RuleSpec, stuck: &mut Option<Stuck>) -> Option<Witness> {
        let mut inliner = Inliner::new(&self.recordings, subject.interval_ms);
        let inlined = inliner.inline(expr);
        let replaced = inliner.replaced;
        if !replaced.is_empty() && depth(&inlined) <= MAX_DEPTH {
            let mut names: Vec<String> = replaced.iter().map(|replaced| replaced.name.clone()).collect();
            names.sort();
            names.dedup();
            let mut driven = self.recordings.rules(&names);
            driven.push(spec.clone());
            let plan = Plan {
                expr: &inlined,
                driven,
                replaced: &replaced,
            };
            if let Some(witness) = self.search(subject, &plan, &mut None) {
                return Some(witness);
            }
        }
        let plan = Plan {
            expr,
            driven: vec![spec.clone()],
            replaced: &[],
        };
        self.search(subject, &plan, stuck)
    }

    fn search(&self, subject: &Subject, plan: &Plan<'_>, stuck: &mut Option<Stuck>) -> Option<Witness> {
        let spec = plan.driven.last()?;
        let universe = Universe::new(plan.expr, template_labels(spec));
        let pace = self.pace(subject, spec);
        for reach in Timeline::reaches(plan.expr, pace.interval_ms) {
            let from_epoch = Timeline::new(plan.expr, pace, *reach, 0);
            for start_ms in starts_ms(&self.engine, plan.expr, &from_epoch) {
                let times = Timeline::new(plan.expr, pace, *reach, start_ms);
                for strategy in STRATEGIES {
                    let context = Context {
                        engine: &self.engine,
                        expr: plan.expr,
                        times,
                        universe: &universe,
                        replaced: plan.replaced,
                        unwanted: unwanted(plan.expr),
                        strategy: *strategy,
                        max_evaluations: self.options.max_evaluations,
                    };
                    if let Some(witness) = self.attempt(&context, plan, stuck) {
                        return Some(witness);
                    }
                }
            }
        }
        None
    }

    /// One search with one strategy.
    fn attempt(&self, context: &Context<'_>, plan: &Plan<'_>, stuck: &mut Option<Stuck>) -> Option<Witness> {
        let mut search = Search::new(context, context.times.sample_interval_ms(plan.expr));
        match search.run() {
            Ok(()) => return self.confirm(&mut search, plan),
            Err(Halt::Spent) => {
                let why = format!("the budget of {} evaluations is spent", self.options.max_evaluations);
                stuck.get_or_insert(Stuck {
                    pos: plan.expr.pos(),
                    why,
                });
            }
            Err(Halt::Stuck) if stuck.is_none() => *stuck = search.stuck.take(),
            Err(Halt::Stuck) => {}
        }
        None
    }

    /// Shrinks what a search found, takes the cause away, and drives the rule through all of it.
    fn confirm(&self, search: &mut Search<'_>, plan: &Plan<'_>) -> Option<Witness> {
        let whole = search.state.clone();
        search.evaluations = 0;
        if search.shrink().is_ok()
            && let Some(witness) = self.drive(search, plan)
        {
            return Some(witness);
        }
        search.state = whole;
        self.drive(search, plan)
    }

    fn drive(&self, search: &mut Search<'_>, plan: &Plan<'_>) -> Option<Witness> {
        let cure = search.heal();
        let resolved_by = cure.as_ref().map(|cure| cure.text.clone());
        let state = cure.map_or_else(|| search.state.clone(), |cure: Cure| cure.state);
        let store = search.healed_store(&state);
        let series = store
            .series()
            .iter()
            .filter(|series| !series.is_empty())
            .map(|series| WitnessSeries {
                series: written(&series.labels),
                values: values::notation(series, state.step_ms),
            })
            .collect();
        let road = Road {
            engine: &self.engine,
            times: search.context.times,
            rules: plan.driven.clone(),
            external_labels: self.options.external_labels.clone(),
            external_url: self.options.external_url.clone(),
        };
        let course = road.drive(store);
        let fires = course.firing_ms.is_some() && !course.alerts.is_empty();
        fires.then(|| Witness {
            course,
            times: road.times,
            series,
            step_ms: state.step_ms,
            resolved_by,
            driven: road.rules,
        })
    }

    fn blank(&self, subject: &Subject) -> RuleReport {
        let spec = &subject.spec;
        RuleReport {
            file: subject.file.clone(),
            group: subject.group.clone(),
            name: spec.name.clone(),
            line: spec.line,
            expr: spec.expr.clone(),
            for_ms: spec.for_ms,
            verdict: Verdict::NotProvable,
            link: None,
            why: None,
            notes: Vec::new(),
            time_to_fire_ms: None,
            receivers: Vec::new(),
            message: None,
            witness: Vec::new(),
            interval_ms: 0,
            evaluation_interval_ms: subject.interval_ms,
            timeline: Moments::default(),
            resolved_by: None,
            alerts: Vec::new(),
            driven: Vec::new(),
            shown_ms: 0,
            external_url: self.options.external_url.clone(),
            external_labels: pairs(&self.options.external_labels),
        }
    }

    fn show(&self, witness: &Witness, report: &mut RuleReport) {
        let start_ms = witness.times.start_ms;
        let course = &witness.course;
        report.time_to_fire_ms = course.firing_ms.map(|at_ms| at_ms - start_ms);
        report.witness.clone_from(&witness.series);
        report.interval_ms = witness.step_ms;
        report.evaluation_interval_ms = witness.times.interval_ms;
        report.resolved_by.clone_from(&witness.resolved_by);
        report.shown_ms = course.shown_ms;
        report.driven.clone_from(&witness.driven);
        report.alerts = course.alerts.iter().map(fired).collect();
        report.timeline = Moments {
            first_bad_ms: Some(start_ms),
            pending_ms: course.pending_ms,
            firing_ms: course.firing_ms,
            notified_ms: None,
            resolved_ms: course.resolved_ms,
        };
    }
}

/// What a search works on.
#[derive(Debug)]
struct Plan<'a> {
    /// The expression over raw series.
    expr: &'a Expr,
    /// Recording rules and, last, the alert.
    driven: Vec<RuleSpec>,
    replaced: &'a [crate::inline::Replaced],
}

const fn strategy(strength: u8, variant: usize) -> Strategy {
    Strategy {
        strength,
        variant,
        is_tight: false,
    }
}

/// Strategies in the order in which they are tried.
const STRATEGIES: &[Strategy] = &[
    strategy(0, 0),
    strategy(1, 0),
    strategy(0, 1),
    strategy(2, 0),
    strategy(1, 1),
];

fn not_provable(mut report: RuleReport, why: &str) -> RuleReport {
    report.verdict = Verdict::NotProvable;
    report.why = Some(why.to_owned());
    report
}

/// A reason with the part of the expression that it is about.
fn located(query: &str, stuck: &Stuck) -> String {
    match query.get(stuck.pos.start..stuck.pos.end) {
        Some(part) if !part.is_empty() => {
            let part: String = part.split_whitespace().collect::<Vec<_>>().join(" ");
            format!("{}: {} (`{part}`)", stuck.pos.line_column(query), stuck.why)
        }
        _ => stuck.why.clone(),
    }
}

fn depth(expr: &Expr) -> usize {
    1 + expr.children().into_iter().map(depth).max().unwrap_or(0)
}

fn fired(alert: &AlertView) -> FiredAlert {
    FiredAlert {
        labels: pairs(&alert.labels),
        annotations: alert.annotations.iter().cloned().collect(),
    }
}

fn pairs(labels: &Labels) -> BTreeMap<String, String> {
    labels
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The first label or annotation that did not expand.
fn template_fault(alerts: &[FiredAlert]) -> Option<String> {
    let texts = alerts
        .iter()
        .flat_map(|alert| alert.labels.iter().chain(&alert.annotations));
    let mut faults = texts.filter(|(_, text)| text.contains(TEMPLATE_ERROR));
    faults.next().map(|(name, text)| format!("{name}: {text}"))
}

/// Name and labels of a series as queries write them.
fn written(labels: &Labels) -> String {
    let name = labels.metric_name();
    let rest = labels.without(&[skopos_core::labels::METRIC_NAME]);
    if skopos_core::labels::is_legacy_metric_name(name) {
        if rest.is_empty() {
            return name.to_owned();
        }
        return format!("{name}{rest}");
    }
    labels.to_string()
}

/// Labels that the templates of a rule read.
fn template_labels(spec: &RuleSpec) -> Vec<String> {
    let mut names = Vec::new();
    for text in spec.labels.values().chain(spec.annotations.values()) {
        for start in ["$labels.", ".Labels."] {
            for rest in text.split(start).skip(1) {
                let name: String = rest
                    .chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                    .collect();
                if !name.is_empty() && !names.contains(&name) {
                    names.push(name);
                }
            }
        }
    }
    names
}
