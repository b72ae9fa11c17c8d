//! Aggregations: series are grouped once, then every step is folded.

use std::sync::Arc;

use hashbrown::HashMap;
use skopos_core::Labels;
use skopos_core::histogram::FloatHistogram;
use skopos_core::labels::METRIC_NAME;

use super::column::Column;
use super::count_values::count_values;
use super::fold::fold_columns;
use super::{EvalResult, Evaluator, Frame};
use crate::annotation::Annotation;
use crate::ast::{AggregateExpr, AggregateOp};
use crate::functions::over_time::{mean, quantile, sum, variance};
use crate::histogram::{compacted, is_custom, mean_of, sum_of};

/// Columns that are aggregated to one.
pub(super) struct Group {
    labels: Labels,
    pub(super) members: Vec<usize>,
}

impl Evaluator<'_> {
    pub(crate) fn aggregate(&self, aggregate: &AggregateExpr, frame: Frame) -> EvalResult<Vec<Column>> {
        let params = match &aggregate.param {
            Some(param) if aggregate.op.has_number_param() => self.eval_scalar(param, frame)?,
            _ => Vec::new(),
        };
        if let Some(columns) = self.fused(aggregate, frame)? {
            return Ok(columns);
        }
        let columns = self.eval_vector(&aggregate.expr, frame)?;
        let steps = frame.grid.len();
        match aggregate.op {
            AggregateOp::CountValues => {
                let check_room = |made: usize| self.check_room(made, steps);
                count_values(aggregate, &columns, steps, check_room)
            }
            AggregateOp::TopK | AggregateOp::BottomK | AggregateOp::LimitK | AggregateOp::LimitRatio => {
                self.choose(aggregate, columns, &params)
            }
            _ => {
                self.note_quantiles(aggregate, &params);
                let groups = group(aggregate, &columns);
                let fold = |group: &Group| self.fold(aggregate, &columns, group, &params, steps);
                let results = groups.iter().map(fold);
                Ok(results.filter(|column| !column.is_empty()).collect())
            }
        }
    }

    fn note_quantiles(&self, aggregate: &AggregateExpr, params: &[f64]) {
        let (AggregateOp::Quantile, Some(param)) = (aggregate.op, &aggregate.param) else {
            return;
        };
        let highest = params.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let lowest = params.iter().copied().fold(f64::INFINITY, f64::min);
        let has_nan = params.iter().any(|q| q.is_nan());
        let invalid = [(has_nan, f64::NAN), (highest > 1.0, highest), (lowest < 0.0, lowest)];
        for (_, q) in invalid.into_iter().filter(|(is_invalid, _)| *is_invalid) {
            self.note(Annotation::InvalidQuantile(q), param.pos());
        }
    }

    fn fold(
        &self,
        aggregate: &AggregateExpr,
        columns: &[Column],
        group: &Group,
        params: &[f64],
        steps: usize,
    ) -> Column {
        let mut result = Column::empty(group.labels.clone(), steps);
        result.drop_name = group.members.iter().any(|member| columns[*member].drop_name);
        let members = group.members.iter().map(|member| &columns[*member]);
        if let Some(floats) = fold_columns(aggregate.op, members, steps) {
            result.floats = floats;
            return result;
        }
        let mut floats = Vec::with_capacity(group.members.len());
        let mut histograms: Vec<(&Column, &FloatHistogram)> = Vec::new();
        for step in 0..steps {
            floats.clear();
            histograms.clear();
            for member in &group.members {
                let column = &columns[*member];
                match column.histogram(step) {
                    Some(histogram) => histograms.push((column, histogram)),
                    None => floats.extend(column.float(step)),
                }
            }
            let total = floats.len() + histograms.len();
            if total == 0 {
                continue;
            }
            let op = aggregate.op;
            let value = match op {
                AggregateOp::Count => total as f64,
                AggregateOp::Group => 1.0,
                AggregateOp::Sum | AggregateOp::Avg if !histograms.is_empty() => {
                    if let Some(histogram) = self.fold_histograms(aggregate, &floats, &histograms) {
                        result.set_histogram(step, Arc::new(histogram));
                    }
                    continue;
                }
                AggregateOp::Sum => sum(&floats),
                AggregateOp::Avg => mean(floats.iter().copied()),
                _ => {
                    if !histograms.is_empty() {
                        self.note(
                            Annotation::HistogramIgnoredInAggregation(op.as_str()),
                            aggregate.expr.pos(),
                        );
                    }
                    if floats.is_empty() {
                        continue;
                    }
                    fold_floats(op, &floats, params.get(step).copied())
                }
            };
            result.floats[step] = value;
        }
        result
    }

    fn fold_histograms(
        &self,
        aggregate: &AggregateExpr,
        floats: &[f64],
        histograms: &[(&Column, &FloatHistogram)],
    ) -> Option<FloatHistogram> {
        let pos = aggregate.expr.pos();
        if !floats.is_empty() {
            self.note(Annotation::MixedFloatsHistogramsAggregation, pos);
            return None;
        }
        let all = histograms.iter().map(|(_, histogram)| *histogram);
        let totalled = if aggregate.op == AggregateOp::Avg {
            mean_of(all)
        } else {
            sum_of(all)
        };
        let Ok(totalled) = totalled else {
            let other =
                |(_, histogram): &&(&Column, &FloatHistogram)| is_custom(histogram) != is_custom(histograms[0].1);
            let metric = histograms
                .iter()
                .find(other)
                .map(|(column, _)| column.labels.metric_name());
            self.note(
                Annotation::MixedExponentialCustom(metric.unwrap_or_default().to_owned()),
                pos,
            );
            return None;
        };
        let totalled = totalled?;
        if totalled.reset_collision {
            self.note(Annotation::CounterResetCollision("aggregation"), pos);
        }
        if totalled.bounds_reconciled {
            self.note(Annotation::MismatchedCustomBuckets("aggregation"), pos);
        }
        Some(compacted(totalled.histogram))
    }
}

fn fold_floats(op: AggregateOp, floats: &[f64], param: Option<f64>) -> f64 {
    let all = || floats.iter().copied();
    let pick = |better: fn(f64, f64) -> bool| {
        all().fold(f64::NAN, |best, value| {
            if best.is_nan() || better(value, best) {
                value
            } else {
                best
            }
        })
    };
    match op {
        AggregateOp::Min => pick(|value, best| value < best),
        AggregateOp::Max => pick(|value, best| value > best),
        AggregateOp::Stdvar => variance(all()),
        AggregateOp::Stddev => variance(all()).sqrt(),
        _ => quantile(param.unwrap_or(f64::NAN), floats.to_vec()),
    }
}

pub(super) fn group(aggregate: &AggregateExpr, columns: &[Column]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut positions: HashMap<Labels, usize> = HashMap::new();
    for (at, column) in columns.iter().enumerate() {
        let labels = group_labels(aggregate, &column.labels);
        let position = *positions.entry(labels).or_insert_with_key(|labels| {
            groups.push(Group {
                labels: labels.clone(),
                members: Vec::new(),
            });
            groups.len() - 1
        });
        groups[position].members.push(at);
    }
    groups
}

pub(super) fn group_labels(aggregate: &AggregateExpr, labels: &Labels) -> Labels {
    let named = |name: &str| aggregate.grouping.iter().any(|label| label == name);
    if aggregate.without {
        return labels.filtered(|name| name != METRIC_NAME && !named(name));
    }
    labels.filtered(named)
}
