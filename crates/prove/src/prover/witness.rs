//! The way from an expression to a witness: search, shrink, heal, drive.

use skopos_core::Labels;
use skopos_promql::Expr;
use skopos_rules::RuleSpec;

use super::{MAX_DEPTH, Prover, Subject, depth};
use crate::drive::{Course, Road};
use crate::faults;
use crate::heal::{Cure, Doctor};
use crate::inline::Inliner;
use crate::report::WitnessSeries;
use crate::search::{Context, Halt, Search, Strategy, Stuck, unwanted};
use crate::start::{asks_for_ages, starts_ms};
use crate::timeline::{Pace, Spare, Timeline};
use crate::universe::Universe;
use crate::values;

/// A witness with what it led to.
#[derive(Debug)]
pub(super) struct Witness {
    pub(super) course: Course,
    pub(super) times: Timeline,
    pub(super) series: Vec<WitnessSeries>,
    pub(super) step_ms: i64,
    pub(super) resolved_by: Option<String>,
    pub(super) driven: Vec<RuleSpec>,
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

impl Prover {
    /// Input that makes a rule fire, if a search finds some.
    pub(super) fn witness(
        &self,
        subject: &Subject,
        expr: &Expr,
        spec: &RuleSpec,
        stuck: &mut Option<Stuck>,
    ) -> Option<Witness> {
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
        let pace = self.pace(subject, spec);
        let witness = self.search_at(plan, pace, stuck);
        if witness.is_some() || !asks_for_ages(plan.expr) {
            return witness;
        }
        let spare = Spare::None;
        self.search_at(plan, Pace { spare, ..pace }, stuck)
    }

    fn search_at(&self, plan: &Plan<'_>, pace: Pace, stuck: &mut Option<Stuck>) -> Option<Witness> {
        let universe = Universe::new(plan.expr, template_labels(plan.driven.last()?));
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
        let witness = self.drive_with(search, plan, Doctor::Plain)?;
        if witness.course.resolved_ms.is_some() || witness.resolved_by.is_none() {
            return Some(witness);
        }
        // Series that the rule itself makes may count as well: then more of the cause must go.
        let thorough = self.drive_with(search, plan, Doctor::Thorough);
        thorough
            .filter(|thorough| thorough.course.resolved_ms.is_some())
            .or(Some(witness))
    }

    fn drive_with(&self, search: &mut Search<'_>, plan: &Plan<'_>, doctor: Doctor) -> Option<Witness> {
        let cure = search.heal(doctor);
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
        fires.then_some(Witness {
            course,
            times: road.times,
            series,
            step_ms: state.step_ms,
            resolved_by,
            driven: road.rules,
        })
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
            spare: Spare::Some,
        }
    }
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
