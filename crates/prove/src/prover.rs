//! Proves the alerting rules of files that are loaded together, one by one. Rules are independent:
//! a caller with several threads proves several at once.

mod showing;
mod witness;

use skopos_core::Labels;
use skopos_promql::duration::format_duration;
use skopos_promql::{Engine, EngineOptions, Expr};
use skopos_rules::{RuleFile, RuleKind, RuleSpec};

use self::showing::{reads_itself, template_fault};
use self::witness::Witness;
use crate::faults;
use crate::inline::{Inliner, Recordings};
use crate::report::{Link, Report, RuleReport, Verdict};
use crate::search::Stuck;
use crate::timeline::Timeline;

/// Deepest expression that is looked at.
const MAX_DEPTH: usize = 100;

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
            Some(witness) => Self::proven(subject, expr, witness, report),
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

    fn proven(subject: &Subject, expr: &Expr, witness: Witness, mut report: RuleReport) -> RuleReport {
        Self::show(&witness, &mut report);
        let faulty = template_fault(&report.alerts);
        if report.witness.iter().any(|series| series.values.contains("{{")) {
            let note = "it is proven on native histograms: with classic buckets alone it has no result";
            report.notes.push(note.to_owned());
        }
        let resolved = witness.course.resolved_ms;
        report.verdict = Verdict::Proven;
        if let Some(fault) = faulty {
            return report.broken(Link::Template, fault);
        }
        if resolved.is_none() && witness.resolved_by.is_some() {
            let mut why = format!(
                "the alert goes on firing though {}",
                witness.resolved_by.unwrap_or_default()
            );
            if reads_itself(expr, &report.alerts) {
                why.push_str(": the expression reads the series of its own alert");
            }
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
                Self::show(&witness, &mut report);
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
}

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
