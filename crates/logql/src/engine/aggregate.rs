//! Aggregations over series.

use hashbrown::HashMap;

use super::Evaluation;
use super::columns::Column;
use super::window::variance;
use crate::ast::{AggregateExpr, AggregateOp, Grouping, MetricExpr, RangeOp};
use crate::{EvalError, LabelSet};

impl Evaluation<'_> {
    pub(super) fn aggregate(&mut self, aggregate: &AggregateExpr) -> Result<Vec<Column>, EvalError> {
        let inner = match &aggregate.expr {
            MetricExpr::Range(range)
                if aggregate.op == AggregateOp::Sum && range.grouping.is_none() && sums(range.op) =>
            {
                // Summing at the source spares a series for each set of labels that the sum drops.
                let nothing = Grouping::default();
                self.range(range, Some(aggregate.grouping.as_ref().unwrap_or(&nothing)))?
            }
            expr => self.eval(expr)?,
        };
        if matches!(aggregate.op, AggregateOp::Sort | AggregateOp::SortDesc) {
            return Ok(sorted(inner, aggregate.op));
        }
        let groups = group(&inner, aggregate.grouping.as_ref());
        if let Some(count) = aggregate.param {
            return Ok(select(inner, groups, aggregate.op, count));
        }
        let steps = self.steps.count;
        let columns = groups.into_iter().map(|(labels, members)| Column {
            labels,
            points: (0..steps)
                .map(|step| reduce(aggregate.op, &inner, &members, step))
                .collect(),
        });
        Ok(columns.collect())
    }
}

/// Whether the sum over series of the function is the function over all lines.
fn sums(op: RangeOp) -> bool {
    matches!(
        op,
        RangeOp::CountOverTime | RangeOp::Rate | RangeOp::BytesOverTime | RangeOp::BytesRate | RangeOp::SumOverTime
    )
}

/// The columns of each group, groups in the order in which they appear.
fn group(columns: &[Column], grouping: Option<&Grouping>) -> Vec<(LabelSet, Vec<usize>)> {
    let mut groups: Vec<(LabelSet, Vec<usize>)> = Vec::new();
    let mut index: HashMap<LabelSet, usize> = HashMap::new();
    for (i, column) in columns.iter().enumerate() {
        let labels = grouped(&column.labels, grouping);
        let at = *index.entry(labels).or_insert_with_key(|labels| {
            groups.push((labels.clone(), Vec::new()));
            groups.len() - 1
        });
        groups[at].1.push(i);
    }
    groups
}

fn grouped(labels: &LabelSet, grouping: Option<&Grouping>) -> LabelSet {
    let Some(grouping) = grouping else {
        return LabelSet::empty();
    };
    labels.filtered(|name| grouping.labels.iter().any(|label| label == name) != grouping.without)
}

fn reduce(op: AggregateOp, columns: &[Column], members: &[usize], step: usize) -> Option<f64> {
    let values = || members.iter().filter_map(|&member| columns[member].points[step]);
    let pick = |better: fn(f64, f64) -> bool| {
        values().reduce(|old, new| if better(new, old) || old.is_nan() { new } else { old })
    };
    let first = values().next()?;
    match op {
        AggregateOp::Sum => Some(values().skip(1).fold(first, |sum, value| sum + value)),
        AggregateOp::Count => Some(values().count() as f64),
        AggregateOp::Max => pick(|new, old| new > old),
        AggregateOp::Min => pick(|new, old| new < old),
        AggregateOp::Avg => {
            let running = |(mean, count): (f64, f64), value: f64| (mean + (value - mean) / (count + 1.0), count + 1.0);
            Some(values().skip(1).fold((first, 1.0), running).0)
        }
        AggregateOp::Stdvar => Some(variance(values())),
        AggregateOp::Stddev => Some(variance(values()).sqrt()),
        _ => None,
    }
}

/// `topk`, `bottomk` and `approx_topk`: series keep their points where they are among the best.
fn select(mut columns: Vec<Column>, groups: Vec<(LabelSet, Vec<usize>)>, op: AggregateOp, count: usize) -> Vec<Column> {
    let steps = columns.first().map_or(0, |column| column.points.len());
    for (_, members) in groups {
        for step in 0..steps {
            let mut ranked: Vec<(usize, f64)> = members
                .iter()
                .filter_map(|&member| Some((member, columns[member].points[step]?)))
                .collect();
            ranked.sort_by(|left, right| compare(left.1, right.1, op == AggregateOp::Bottomk));
            for (member, _) in ranked.into_iter().skip(count) {
                columns[member].points[step] = None;
            }
        }
    }
    columns
}

/// Best first; NaN is worst.
fn compare(left: f64, right: f64, ascending: bool) -> std::cmp::Ordering {
    left.is_nan().cmp(&right.is_nan()).then_with(|| {
        let order = left.partial_cmp(&right).unwrap_or(std::cmp::Ordering::Equal);
        if ascending { order } else { order.reverse() }
    })
}

/// Orders series by their first point.
fn sorted(mut columns: Vec<Column>, op: AggregateOp) -> Vec<Column> {
    let key = |column: &Column| column.points.first().copied().flatten().unwrap_or(f64::NAN);
    columns.sort_by(|left, right| compare(key(left), key(right), op == AggregateOp::Sort));
    columns
}
