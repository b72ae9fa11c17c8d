//! Aggregations that take each series as the store lends it: `sum by (job) (rate(x[5m]))` holds the
//! groups and one series at a time.
//!
//! Only what needs no more than floats is done here. Whatever else comes up while series are read
//! (histograms, names that might collide, sums that overflow) gives nothing, and the parts are
//! evaluated one after the other.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use hashbrown::HashTable;
use rayon::prelude::*;
use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::{Lent, Selection, SeriesView, Share, Wanted};
use skopos_core::sample::is_stale;
use skopos_core::{Labels, MatchOp, ReadError, TimeRange};
use tracing::Span;
use xxhash_rust::xxh3::xxh3_64;

use super::column::{Column, METADATA_LABELS, NOTHING};
use super::computing::RangeFunction;
use super::fold::Fold;
use super::looked::Looked;
use super::parallel::{self, in_parallel};
use super::ranges::{RangeView, remove_stale_floats, windows_of};
use super::select::{CHECK_EVERY, LookAt, instant_range, newest_floats};
use super::window::{Sweep, drops_name};
use super::{EvalResult, Evaluator, Frame, STAGE};
use crate::ast::{AggregateExpr, Call, Expr, MatrixSelector, VectorSelector};
use crate::parser::Feature;
use crate::trace;

/// What is done with a series that is lent.
type Visit<'a> = dyn FnMut(&SeriesView<'_>) -> ControlFlow<()> + 'a;

/// Groups that grow with each series.
struct Groups<'a> {
    aggregate: &'a AggregateExpr,
    /// The name is no longer part of the labels.
    without_name: bool,
    /// The name is to be taken off the groups in the end.
    drop_name: bool,
    steps: usize,
    found: Vec<(Labels, Fold)>,
    by_labels: HashTable<(u64, usize)>,
    /// Labels of the group of one series, as [`Labels::encoded`] has them.
    key: String,
}

/// What was read for an aggregation.
#[derive(Default)]
struct Read {
    series: u64,
    samples: usize,
    /// Slots of series that were added, as if all were held.
    slots: usize,
}

/// What adds the series that one thread is lent.
trait Adder: Send {
    /// Adds a series; whether it could.
    fn add(&mut self, view: &SeriesView<'_>) -> EvalResult<bool>;
}

/// Adds the newest sample of each step.
struct AddNewest<'a> {
    evaluator: &'a Evaluator<'a>,
    groups: Groups<'a>,
    look_at: LookAt,
    floats: Vec<f64>,
    looked: Looked,
}

/// Adds what a function makes of the windows.
struct AddWindows<'a> {
    evaluator: &'a Evaluator<'a>,
    groups: Groups<'a>,
    sweep: Sweep<'a>,
    column: Column,
    /// Samples without staleness markers, where there were some.
    times: Vec<i64>,
    values: Vec<f64>,
}

impl Adder for AddNewest<'_> {
    fn add(&mut self, view: &SeriesView<'_>) -> EvalResult<bool> {
        if !view.histograms.is_empty() {
            return Ok(false);
        }
        self.floats.fill(NOTHING);
        newest_floats(view, self.look_at, self.evaluator.options.lookback_ms, &mut self.floats);
        for (step, _) in self.floats.iter().enumerate().filter(|(_, value)| !is_stale(**value)) {
            self.looked.add(step, 1);
        }
        self.groups.add(view.labels, &self.floats, self.evaluator)?;
        Ok(true)
    }
}

impl Adder for AddWindows<'_> {
    fn add(&mut self, view: &SeriesView<'_>) -> EvalResult<bool> {
        let may_collide = !self.evaluator.delays_names();
        let names_more = may_collide && METADATA_LABELS[1..].iter().any(|name| view.labels.find(name).is_some());
        if names_more || !view.histograms.is_empty() {
            return Ok(false);
        }
        let mut view = *view;
        if view.values.iter().any(|value| is_stale(*value)) {
            remove_stale_floats(&view, &mut self.times, &mut self.values);
            (view.timestamps_ms, view.values) = (&self.times, &self.values);
        }
        let range_view = RangeView {
            series: view,
            float_starts: &[],
            histogram_starts: &[],
        };
        self.column.floats.fill(NOTHING);
        self.sweep.fill(range_view, &mut self.column)?;
        if !self.column.histograms.is_empty() {
            return Ok(false);
        }
        self.groups.add(view.labels, &self.column.floats, self.evaluator)?;
        Ok(true)
    }
}

impl Evaluator<'_> {
    /// The aggregate, where series can be added as they come.
    pub(super) fn fused(&self, aggregate: &AggregateExpr, frame: Frame) -> EvalResult<Option<Vec<Column>>> {
        if Fold::new(aggregate.op, 0).is_none() || self.shared.is_shared(&aggregate.expr) {
            return Ok(None);
        }
        match aggregate.expr.unwrap_parens() {
            Expr::Vector(selector) if is_plain(selector) => self.fused_selector(aggregate, selector, frame),
            Expr::Call(call) => match range_call(call) {
                Some((function, matrix_at, matrix)) => {
                    self.fused_call(aggregate, call, (function, matrix_at, matrix), frame)
                }
                None => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// Whether series stay apart without their names.
    fn keeps_apart(&self, matrix: &MatrixSelector) -> bool {
        let mut matchers = matrix.selector.matchers.iter();
        self.delays_names() || matchers.any(|of| of.name() == METRIC_NAME && of.op() == MatchOp::Equal)
    }

    fn fused_selector(
        &self,
        aggregate: &AggregateExpr,
        selector: &VectorSelector,
        frame: Frame,
    ) -> EvalResult<Option<Vec<Column>>> {
        let look_at = LookAt::new(selector, frame.grid);
        let wanted = if look_at.first() == look_at.last() {
            Wanted::Newest
        } else {
            Wanted::All
        };
        let range = instant_range(selector, frame.grid, self.options.lookback_ms);
        let adder = || AddNewest {
            evaluator: self,
            groups: Groups::new(aggregate, frame.grid.len(), false, self.delays_names()),
            look_at,
            floats: vec![NOTHING; frame.grid.len()],
            looked: self.looked(frame),
        };
        let Some(added) = self.fold_series(selector, (range, wanted, 0), frame, adder)? else {
            return Ok(None);
        };
        for adder in &added {
            self.count_looked(&adder.looked);
        }
        Groups::finish(added.into_iter().map(|adder| adder.groups), self)
    }

    fn fused_call(
        &self,
        aggregate: &AggregateExpr,
        call: &Call,
        (function, matrix_at, matrix): (RangeFunction, usize, &MatrixSelector),
        frame: Frame,
    ) -> EvalResult<Option<Vec<Column>>> {
        let drops_name = drops_name(call.function.name);
        if self.options.start_timestamps == Feature::Enabled || (drops_name && !self.keeps_apart(matrix)) {
            return Ok(None);
        }
        let steps = frame.grid.len();
        let params = self.scalar_params(call, matrix_at, frame)?;
        let ranges = windows_of(matrix, frame.grid, self.options.lookback_ms);
        let adder = || AddWindows {
            evaluator: self,
            groups: Groups::new(aggregate, steps, drops_name, self.delays_names()),
            sweep: Sweep::new(self, call, function, &ranges, &params, frame),
            column: Column::empty(Labels::empty(), steps),
            times: Vec::new(),
            values: Vec::new(),
        };
        let selection = (ranges.to_read(frame.grid), Wanted::All, matrix.range.ms);
        let Some(mut added) = self.fold_series(&matrix.selector, selection, frame, adder)? else {
            return Ok(None);
        };
        for adder in &mut added {
            adder.sweep.commit(self);
        }
        Groups::finish(added.into_iter().map(|adder| adder.groups), self)
    }

    /// Lends the series of a selector to as many adders as there are threads for, in the order of the series; `None` where
    /// one could not be added.
    fn fold_series<A: Adder>(
        &self,
        selector: &VectorSelector,
        (range, wanted, range_ms): (TimeRange, Wanted, i64),
        frame: Frame,
        adder: impl Fn() -> A,
    ) -> EvalResult<Option<Vec<A>>> {
        let selection = Selection {
            matchers: &selector.matchers,
            range,
            step_ms: frame.grid.spacing_ms(),
            resolution: self.options.source_resolution.limit(frame.grid.spacing_ms(), range_ms),
        };
        let steps = frame.grid.len();
        // Set where all is in vain.
        let stop = AtomicBool::new(false);
        let span = trace::select(selector);
        let _entered = span.enter();
        let Some(shares) = self.source.shares(&selection, wanted, parallel::shares()) else {
            let lend = |visit: &mut Visit<'_>| self.source.visit(&selection, wanted, self.budget, visit);
            let added = self.add_all(adder(), steps, &stop, lend)?;
            return Ok(added.map(|added| self.counted(&span, vec![added])));
        };
        let add = |(share, adder): (Box<dyn Share + '_>, A)| {
            self.add_all(adder, steps, &stop, |visit| share.visit(self.budget, visit))
        };
        let work: Vec<_> = shares.into_iter().map(|share| (share, adder())).collect();
        let added: Vec<Option<(A, Read)>> = if work.len() > 1 {
            in_parallel(|| work.into_par_iter().map(add).collect::<EvalResult<_>>())?
        } else {
            work.into_iter().map(add).collect::<EvalResult<_>>()?
        };
        let all: Option<Vec<(A, Read)>> = added.into_iter().collect();
        Ok(all.map(|all| self.counted(&span, all)))
    }

    /// Adds the series that `lend` lends; `None` where one could not be added, here or elsewhere.
    fn add_all<A: Adder>(
        &self,
        mut adder: A,
        steps: usize,
        stop: &AtomicBool,
        lend: impl FnOnce(&mut Visit<'_>) -> Result<Lent, ReadError>,
    ) -> EvalResult<Option<(A, Read)>> {
        let (mut read, mut outcome) = (Read::default(), Ok(true));
        let mut visit = |view: &SeriesView<'_>| {
            if stop.load(Ordering::Relaxed) {
                return ControlFlow::Break(());
            }
            outcome = self.add_series(&mut adder, steps, view, &mut read);
            if matches!(outcome, Ok(true)) {
                return ControlFlow::Continue(());
            }
            stop.store(true, Ordering::Relaxed);
            ControlFlow::Break(())
        };
        let lent = lend(&mut visit);
        self.budget.release(read.slots);
        if lent? == Lent::Nothing {
            stop.store(true, Ordering::Relaxed);
        }
        let is_done = outcome? && !stop.load(Ordering::Relaxed);
        Ok(is_done.then_some((adder, read)))
    }

    fn add_series(
        &self,
        adder: &mut impl Adder,
        steps: usize,
        view: &SeriesView<'_>,
        read: &mut Read,
    ) -> EvalResult<bool> {
        if read.series.is_multiple_of(CHECK_EVERY as u64) {
            self.budget.check(STAGE)?;
        }
        read.series += 1;
        read.samples += view.len();
        // The bound on samples means what it means where all series are held, as in Prometheus.
        read.slots += steps;
        self.budget.charge(steps, STAGE)?;
        adder.add(view)
    }

    /// Counts what was read.
    fn counted<A>(&self, span: &Span, added: Vec<(A, Read)>) -> Vec<A> {
        let total = |of: fn(&Read) -> usize| added.iter().map(|(_, read)| of(read)).sum();
        trace::selected(span, total(|read| read.series as usize), total(|read| read.samples));
        let count = |(adder, read): (A, Read)| {
            self.count_series(read.series, read.samples);
            adder
        };
        added.into_iter().map(count).collect()
    }
}

/// Whether only the samples themselves are asked for.
fn is_plain(selector: &VectorSelector) -> bool {
    !(selector.smoothed || selector.anchored || selector.histogram_stats)
}

/// A function of a plain range selector.
fn range_call(call: &Call) -> Option<(RangeFunction, usize, &MatrixSelector)> {
    let function = RangeFunction::by_name(call.function.name).filter(|_| call.function.name != "absent_over_time")?;
    let mut matrices = call.args.iter().enumerate();
    let (at, matrix) = matrices.find_map(|(at, arg)| match arg.unwrap_parens() {
        Expr::Matrix(matrix) => Some((at, matrix)),
        _ => None,
    })?;
    is_plain(&matrix.selector).then_some((function, at, matrix))
}

impl<'a> Groups<'a> {
    fn new(aggregate: &'a AggregateExpr, steps: usize, drops_name: bool, delays_names: bool) -> Self {
        Self {
            aggregate,
            without_name: drops_name && !delays_names,
            drop_name: drops_name,
            steps,
            found: Vec::new(),
            by_labels: HashTable::new(),
            key: String::new(),
        }
    }

    /// Adds a series to its group, if it has a value at all.
    fn add(&mut self, labels: &Labels, floats: &[f64], evaluator: &Evaluator<'_>) -> EvalResult<()> {
        if floats.iter().any(|value| !is_stale(*value)) {
            let at = self.group(labels, evaluator)?;
            self.found[at].1.add(floats);
        }
        Ok(())
    }

    /// Adds groups that were found elsewhere.
    fn add_groups(&mut self, others: Self, evaluator: &Evaluator<'_>) -> EvalResult<()> {
        for (labels, fold) in others.found {
            let at = self.group(&labels, evaluator)?;
            self.found[at].1.add_fold(&fold);
        }
        Ok(())
    }

    /// The group of a series, made where there is none.
    fn group(&mut self, labels: &Labels, evaluator: &Evaluator<'_>) -> EvalResult<usize> {
        let Self {
            aggregate,
            without_name,
            steps,
            found,
            by_labels,
            key,
            ..
        } = self;
        let named = |name: &str| aggregate.grouping.iter().any(|label| label == name);
        let keeps = |name: &str| {
            if aggregate.without {
                name != METRIC_NAME && !named(name)
            } else {
                named(name)
            }
        };
        key.clear();
        labels.encode_filtered(key, |name| {
            keeps(name) && !(*without_name && METADATA_LABELS.contains(&name))
        });
        let hash = xxh3_64(key.as_bytes());
        let is_it = |(of, at): &(u64, usize)| *of == hash && found[*at].0.encoded() == key;
        if let Some((_, at)) = by_labels.find(hash, is_it) {
            return Ok(*at);
        }
        evaluator.check_room(found.len() + 1, *steps)?;
        let (Some(group), Some(fold)) = (Labels::from_encoded(key), Fold::new(aggregate.op, *steps)) else {
            return Err(crate::eval_error::EvalError::execution(
                "labels of a group are not labels",
            ));
        };
        found.push((group, fold));
        by_labels.insert_unique(hash, (hash, found.len() - 1), |(hash, _)| *hash);
        Ok(found.len() - 1)
    }

    /// The groups of all as columns, in the order in which they were found; `None` where a sum overflows.
    fn finish(mut all: impl Iterator<Item = Self>, evaluator: &Evaluator<'_>) -> EvalResult<Option<Vec<Column>>> {
        let Some(mut groups) = all.next() else {
            return Ok(Some(Vec::new()));
        };
        for others in all {
            groups.add_groups(others, evaluator)?;
        }
        let column = |(labels, fold): (Labels, Fold)| {
            let mut column = Column::new(labels, fold.finish()?);
            column.drop_name = groups.drop_name;
            Some(column)
        };
        Ok(groups.found.into_iter().map(column).collect())
    }
}
