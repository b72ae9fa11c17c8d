//! Aggregations: series are grouped once, then every step is folded.

use std::sync::Arc;

use hashbrown::HashMap;
use skopos_core::histogram::FloatHistogram;
use skopos_core::labels::METRIC_NAME;
use skopos_core::{Labels, LabelsBuilder};

use super::column::{Column, merge_same};
use super::{EvalResult, Evaluator, Frame, STAGE};
use crate::annotation::Annotation;
use crate::ast::{AggregateExpr, AggregateOp};
use crate::eval_error::EvalError;
use crate::functions::over_time::{mean, quantile, sum, variance};
use crate::histogram::{Operation, combine, compacted, divided, to_text};
use crate::number::format_plain;

struct Group {
    labels: Labels,
    members: Vec<usize>,
}

impl Evaluator<'_> {
    pub(crate) fn aggregate(&self, aggregate: &AggregateExpr, frame: Frame) -> EvalResult<Vec<Column>> {
        let params = match &aggregate.param {
            Some(param) if aggregate.op.has_number_param() => self.eval_scalar(param, frame)?,
            _ => Vec::new(),
        };
        if aggregate.op == AggregateOp::Quantile
            && let (Some(q), Some(param)) = (params.iter().find(|q| !(0.0..=1.0).contains(*q)), &aggregate.param)
        {
            self.note(Annotation::InvalidQuantile(*q), param.pos());
        }
        let columns = self.eval_vector(&aggregate.expr, frame)?;
        if aggregate.op == AggregateOp::CountValues {
            return self.count_values(aggregate, &columns, frame);
        }
        let groups = group(aggregate, &columns);
        let steps = frame.grid.len();
        match aggregate.op {
            AggregateOp::TopK | AggregateOp::BottomK | AggregateOp::LimitK | AggregateOp::LimitRatio => {
                self.choose(aggregate, columns, &groups, &params)
            }
            _ => {
                let fold = |group: &Group| self.fold(aggregate, &columns, group, &params, steps);
                let results: Vec<Column> = groups.iter().map(fold).collect();
                self.budget.release(columns.len() * steps);
                self.budget.charge(results.len() * steps, STAGE)?;
                Ok(results.into_iter().filter(|column| !column.is_empty()).collect())
            }
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
        let mut floats = Vec::with_capacity(group.members.len());
        for step in 0..steps {
            floats.clear();
            let mut histograms: Vec<&Arc<FloatHistogram>> = Vec::new();
            for member in &group.members {
                let column = &columns[*member];
                match column.histogram(step) {
                    Some(histogram) => histograms.push(histogram),
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
        histograms: &[&Arc<FloatHistogram>],
    ) -> Option<FloatHistogram> {
        let pos = aggregate.expr.pos();
        if !floats.is_empty() {
            self.note(Annotation::MixedFloatsHistogramsAggregation, pos);
            return None;
        }
        let mut total = (**histograms[0]).clone();
        for histogram in &histograms[1..] {
            let Ok(combined) = combine(&total, histogram, Operation::Add) else {
                self.note(Annotation::MixedExponentialCustom(String::new()), pos);
                return None;
            };
            if combined.reset_collision {
                self.note(Annotation::CounterResetCollision("aggregation"), pos);
            }
            if combined.bounds_reconciled {
                self.note(Annotation::MismatchedCustomBuckets("aggregation"), pos);
            }
            total = combined.histogram;
        }
        if aggregate.op == AggregateOp::Avg {
            total = divided(&total, histograms.len() as f64);
        }
        Some(compacted(total))
    }

    fn count_values(&self, aggregate: &AggregateExpr, columns: &[Column], frame: Frame) -> EvalResult<Vec<Column>> {
        let label = match &aggregate.param {
            Some(param) => self.eval_text(param)?,
            None => String::new(),
        };
        if label.is_empty() {
            return Err(EvalError::execution("invalid label name "));
        }
        let steps = frame.grid.len();
        let mut counts: HashMap<Labels, Column> = HashMap::new();
        for column in columns {
            for step in 0..steps {
                let value = match (column.histogram(step), column.float(step)) {
                    (Some(histogram), _) => to_text(histogram),
                    (None, Some(value)) => format_plain(value),
                    (None, None) => continue,
                };
                let grouped = group_labels(aggregate, &column.labels);
                let labels = LabelsBuilder::from_labels(&grouped).set(&label, &value).build();
                let count = counts
                    .entry(labels.clone())
                    .or_insert_with(|| Column::empty(labels, steps));
                count.floats[step] = count.float(step).unwrap_or(0.0) + 1.0;
            }
        }
        merge_same(counts.into_values().collect())
    }

    fn choose(
        &self,
        aggregate: &AggregateExpr,
        mut columns: Vec<Column>,
        groups: &[Group],
        params: &[f64],
    ) -> EvalResult<Vec<Column>> {
        let by_value = matches!(aggregate.op, AggregateOp::TopK | AggregateOp::BottomK);
        if aggregate.op != AggregateOp::LimitRatio {
            if params.iter().any(|param| param.is_nan()) {
                return Err(EvalError::execution("Parameter value is NaN"));
            }
        } else if params.iter().any(|param| param.is_nan()) {
            return Err(EvalError::execution("Ratio value is NaN"));
        }
        let mut order = Vec::new();
        for group in groups {
            for (step, param) in params.iter().enumerate() {
                let mut present: Vec<usize> = group
                    .members
                    .iter()
                    .copied()
                    .filter(|at| columns[*at].has(step))
                    .collect();
                if by_value {
                    let before = present.len();
                    present.retain(|at| columns[*at].float(step).is_some());
                    if present.len() < before {
                        self.note(
                            Annotation::HistogramIgnoredInAggregation(aggregate.op.as_str()),
                            aggregate.pos,
                        );
                    }
                    present.sort_by(|a, b| {
                        let (a, b) = (columns[*a].floats[step], columns[*b].floats[step]);
                        let rising = a.total_cmp(&b);
                        let order = if aggregate.op == AggregateOp::TopK {
                            rising.reverse()
                        } else {
                            rising
                        };
                        a.is_nan().cmp(&b.is_nan()).then(order)
                    });
                }
                if aggregate.op == AggregateOp::LimitRatio {
                    let ratio = param.clamp(-1.0, 1.0);
                    present.retain(|at| in_ratio(&columns[*at].labels, ratio));
                } else {
                    present.truncate(param.max(0.0) as usize);
                }
                for member in group.members.iter().filter(|member| !present.contains(member)) {
                    columns[*member].clear(step);
                }
                if step == 0 {
                    order.extend(present);
                }
            }
        }
        let is_instant = params.len() == 1;
        let mut slots: Vec<Option<Column>> = columns.into_iter().map(Some).collect();
        let mut chosen: Vec<Column> = Vec::new();
        if is_instant {
            chosen.extend(order.into_iter().filter_map(|at| slots[at].take()));
        } else {
            chosen.extend(slots.into_iter().flatten().filter(|column| !column.is_empty()));
        }
        Ok(chosen)
    }
}

fn in_ratio(labels: &Labels, ratio: f64) -> bool {
    let offset = labels.fingerprint() as f64 / u64::MAX as f64;
    if ratio >= 0.0 {
        offset < ratio
    } else {
        offset >= 1.0 + ratio
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

fn group(aggregate: &AggregateExpr, columns: &[Column]) -> Vec<Group> {
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

fn group_labels(aggregate: &AggregateExpr, labels: &Labels) -> Labels {
    let named = |name: &str| aggregate.grouping.iter().any(|label| label == name);
    if aggregate.without {
        return labels.filtered(|name| name != METRIC_NAME && !named(name));
    }
    labels.filtered(named)
}
