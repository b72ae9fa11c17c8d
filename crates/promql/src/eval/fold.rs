//! Aggregations of plain floats, series by series: each column is read once from end to end.

use skopos_core::sample::is_stale;

use super::column::{Column, NOTHING};
use crate::ast::AggregateOp;
use skopos_core::sum::Sum;

/// The aggregate of the columns at every step. `None` where the operator needs all values of a
/// step together, where there are histograms, or where a sum overflows.
pub(super) fn fold_columns<'a>(
    op: AggregateOp,
    columns: impl Iterator<Item = &'a Column> + Clone,
    steps: usize,
) -> Option<Vec<f64>> {
    if columns.clone().any(|column| !column.histograms.is_empty()) {
        return None;
    }
    match op {
        AggregateOp::Sum | AggregateOp::Avg => sums(op, columns, steps),
        AggregateOp::Count => Some(fold(columns, steps, 1.0, |count, _| count + 1.0)),
        AggregateOp::Group => Some(fold(columns, steps, 1.0, |one, _| one)),
        AggregateOp::Min => Some(fold_values(columns, steps, |best, value| value < best)),
        AggregateOp::Max => Some(fold_values(columns, steps, |best, value| value > best)),
        _ => None,
    }
}

/// Folds values into one per step, which the first value makes `first`.
fn fold<'a>(
    columns: impl Iterator<Item = &'a Column>,
    steps: usize,
    first: f64,
    next: impl Fn(f64, f64) -> f64,
) -> Vec<f64> {
    let mut results = vec![NOTHING; steps];
    for column in columns {
        for (result, value) in results.iter_mut().zip(&column.floats) {
            if !is_stale(*value) {
                *result = if is_stale(*result) {
                    first
                } else {
                    next(*result, *value)
                };
            }
        }
    }
    results
}

/// The best value per step; NaN only where there is nothing else.
fn fold_values<'a>(
    columns: impl Iterator<Item = &'a Column>,
    steps: usize,
    is_better: impl Fn(f64, f64) -> bool,
) -> Vec<f64> {
    let mut results = vec![NOTHING; steps];
    for column in columns {
        for (best, value) in results.iter_mut().zip(&column.floats) {
            if !is_stale(*value) && (best.is_nan() || is_better(*best, *value)) {
                *best = *value;
            }
        }
    }
    results
}

fn sums<'a>(op: AggregateOp, columns: impl Iterator<Item = &'a Column>, steps: usize) -> Option<Vec<f64>> {
    let mut sums = vec![(Sum::default(), 0u32); steps];
    for column in columns {
        for ((sum, count), value) in sums.iter_mut().zip(&column.floats) {
            if !is_stale(*value) {
                sum.add(*value);
                *count += 1;
            }
        }
    }
    if op == AggregateOp::Avg && sums.iter().any(|(sum, _)| !sum.sum.is_finite()) {
        return None;
    }
    let result = |(sum, count): &(Sum, u32)| match (*count, op) {
        (0, _) => NOTHING,
        (count, AggregateOp::Avg) => sum.sum / f64::from(count) + sum.lost / f64::from(count),
        _ => sum.value(),
    };
    Some(sums.iter().map(result).collect())
}
