//! Aggregations that take each series as the store lends it: `sum by (job) (rate(x[5m]))` holds the
//! groups and one series at a time.
//!
//! Only what needs no more than floats is done here. Whatever else comes up while series are read
//! (histograms, names that might collide, sums that overflow) gives nothing, and the parts are
//! evaluated one after the other.

use std::ops::ControlFlow;

use hashbrown::HashTable;
use skopos_core::Labels;
use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::{Lent, Selection, SeriesView, Wanted};
use skopos_core::sample::is_stale;
use skopos_core::{MatchOp, TimeRange};
use xxhash_rust::xxh3::xxh3_64;

use super::column::{Column, METADATA_LABELS, NOTHING};
use super::computing::RangeFunction;
use super::fold::Fold;
use super::ranges::{RangeView, Ranges, remove_stale_floats, windows_of};
use super::select::{CHECK_EVERY, LookAt, instant_range, newest_floats};
use super::window::{Sweep, drops_name};
use super::{EvalResult, Evaluator, Frame, STAGE};
use crate::ast::{AggregateExpr, Call, Expr, MatrixSelector, VectorSelector};
use crate::parser::Feature;

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

impl Evaluator<'_> {
    /// The aggregate, where series can be added as they come.
    pub(super) fn fused(&self, aggregate: &AggregateExpr, frame: Frame) -> EvalResult<Option<Vec<Column>>> {
        let steps = frame.grid.len();
        if Fold::new(aggregate.op, 0).is_none() || self.shared.is_shared(&aggregate.expr) {
            return Ok(None);
        }
        match aggregate.expr.unwrap_parens() {
            Expr::Vector(selector) if is_plain(selector) => {
                let mut groups = Groups::new(aggregate, steps, false, self.delays_names());
                let columns = self.fused_selector(selector, &mut groups, frame)?;
                Ok(columns.then(|| groups.finish()).flatten())
            }
            Expr::Call(call) => {
                let Some((function, matrix_at, matrix)) = range_call(call) else {
                    return Ok(None);
                };
                let drops_name = drops_name(call.function.name);
                if self.options.start_timestamps == Feature::Enabled || (drops_name && !self.keeps_apart(matrix)) {
                    return Ok(None);
                }
                let mut groups = Groups::new(aggregate, steps, drops_name, self.delays_names());
                let params = self.scalar_params(call, matrix_at, frame)?;
                let ranges = windows_of(matrix, frame.grid, self.options.lookback_ms);
                let sweep = Sweep::new(self, call, function, &ranges, &params, frame);
                let is_done = self.fused_call(matrix, sweep, &ranges, &mut groups, frame)?;
                Ok(is_done.then(|| groups.finish()).flatten())
            }
            _ => Ok(None),
        }
    }

    /// Whether series stay apart without their names.
    fn keeps_apart(&self, matrix: &MatrixSelector) -> bool {
        let mut matchers = matrix.selector.matchers.iter();
        self.delays_names() || matchers.any(|of| of.name() == METRIC_NAME && of.op() == MatchOp::Equal)
    }

    /// Adds the newest sample of each step; whether all could be added.
    fn fused_selector(&self, selector: &VectorSelector, groups: &mut Groups<'_>, frame: Frame) -> EvalResult<bool> {
        let (look_at, lookback_ms) = (LookAt::new(selector, frame.grid), self.options.lookback_ms);
        let wanted = if look_at.first() == look_at.last() {
            Wanted::Newest
        } else {
            Wanted::All
        };
        let range = instant_range(selector, frame.grid, lookback_ms);
        let mut floats = Vec::new();
        let mut looked = self.looked(frame);
        let is_done = self.fold_series(selector, (range, wanted, 0), groups, frame, &mut |groups, view| {
            if !view.histograms.is_empty() {
                return Ok(false);
            }
            floats.clear();
            floats.resize(groups.steps, NOTHING);
            newest_floats(view, look_at, lookback_ms, &mut floats);
            for (step, _) in floats.iter().enumerate().filter(|(_, value)| !is_stale(**value)) {
                looked.add(step, 1);
            }
            groups.add(view.labels, &floats, self)
        })?;
        if is_done {
            self.count_looked(&looked);
        }
        Ok(is_done)
    }

    /// Adds what a function makes of the windows; whether all could be added.
    fn fused_call(
        &self,
        matrix: &MatrixSelector,
        mut sweep: Sweep<'_>,
        ranges: &Ranges,
        groups: &mut Groups<'_>,
        frame: Frame,
    ) -> EvalResult<bool> {
        let range = ranges.to_read(frame.grid);
        let mut column = Column::empty(Labels::empty(), groups.steps);
        let (mut times, mut values) = (Vec::new(), Vec::new());
        let may_collide = !self.delays_names();
        let selection = (range, Wanted::All, matrix.range.ms);
        let is_done = self.fold_series(&matrix.selector, selection, groups, frame, &mut |groups, view| {
            let names_more = may_collide && METADATA_LABELS[1..].iter().any(|name| view.labels.find(name).is_some());
            if names_more || !view.histograms.is_empty() {
                return Ok(false);
            }
            let mut view = *view;
            if view.values.iter().any(|value| is_stale(*value)) {
                remove_stale_floats(&view, &mut times, &mut values);
                (view.timestamps_ms, view.values) = (&times, &values);
            }
            let range_view = RangeView {
                series: view,
                float_starts: &[],
                histogram_starts: &[],
            };
            column.floats.fill(NOTHING);
            sweep.fill(range_view, &mut column)?;
            if !column.histograms.is_empty() {
                return Ok(false);
            }
            groups.add(view.labels, &column.floats, self)
        })?;
        if is_done {
            sweep.commit(self);
        }
        Ok(is_done)
    }

    /// Lends the series of a selector to `add`, which says whether it could add one; whether it could
    /// add all.
    fn fold_series(
        &self,
        selector: &VectorSelector,
        (range, wanted, range_ms): (TimeRange, Wanted, i64),
        groups: &mut Groups<'_>,
        frame: Frame,
        add: &mut dyn FnMut(&mut Groups<'_>, &SeriesView<'_>) -> EvalResult<bool>,
    ) -> EvalResult<bool> {
        let selection = Selection {
            matchers: &selector.matchers,
            range,
            step_ms: frame.grid.spacing_ms(),
            resolution: self.options.source_resolution.limit(frame.grid.spacing_ms(), range_ms),
        };
        let (mut read, mut outcome) = (Read::default(), Ok(true));
        let mut visit = |view: &SeriesView<'_>| {
            outcome = self.add_series(groups, view, &mut read, add);
            match outcome {
                Ok(true) => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        };
        let visited = self.source.visit(&selection, wanted, self.budget, &mut visit);
        self.budget.release(read.slots);
        if visited? == Lent::Nothing {
            return Ok(false);
        }
        if matches!(outcome, Ok(true)) {
            self.count_series(read.series, read.samples);
        }
        outcome
    }

    fn add_series(
        &self,
        groups: &mut Groups<'_>,
        view: &SeriesView<'_>,
        read: &mut Read,
        add: &mut dyn FnMut(&mut Groups<'_>, &SeriesView<'_>) -> EvalResult<bool>,
    ) -> EvalResult<bool> {
        if read.series.is_multiple_of(CHECK_EVERY as u64) {
            self.budget.check(STAGE)?;
        }
        read.series += 1;
        read.samples += view.len();
        // The bound on samples means what it means where all series are held, as in Prometheus.
        read.slots += groups.steps;
        self.budget.charge(groups.steps, STAGE)?;
        add(groups, view)
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
    fn add(&mut self, labels: &Labels, floats: &[f64], evaluator: &Evaluator<'_>) -> EvalResult<bool> {
        if floats.iter().any(|value| !is_stale(*value)) {
            let at = self.group(labels, evaluator)?;
            self.found[at].1.add(floats);
        }
        Ok(true)
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

    /// The groups as columns, in the order in which they were found.
    fn finish(self) -> Option<Vec<Column>> {
        let column = |(labels, fold): (Labels, Fold)| {
            let mut column = Column::new(labels, fold.finish()?);
            column.drop_name = self.drop_name;
            Some(column)
        };
        self.found.into_iter().map(column).collect()
    }
}
