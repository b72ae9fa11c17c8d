//! Aggregations of plain floats, series by series: each is read once from end to end.

use skopos_core::sample::is_stale;
use skopos_core::sum::Sum;

use super::column::{Column, NOTHING};
use crate::ast::AggregateOp;

/// An aggregate at every step, as far as series were added.
pub(super) enum Fold {
    /// Of sums and means: the sum and how many values are in it.
    Sums {
        is_mean: bool,
        sums: Vec<(Sum, u32)>,
    },
    /// Of counts; a step without values has none.
    Counts(Vec<f64>),
    /// One where there is a value.
    Ones(Vec<f64>),
    Lowest(Vec<f64>),
    Highest(Vec<f64>),
}

impl Fold {
    /// An aggregate of nothing. `None` where the operator needs all values of a step together.
    pub(super) fn new(op: AggregateOp, steps: usize) -> Option<Self> {
        let nothing = || vec![NOTHING; steps];
        Some(match op {
            AggregateOp::Sum | AggregateOp::Avg => Self::Sums {
                is_mean: op == AggregateOp::Avg,
                sums: vec![(Sum::default(), 0); steps],
            },
            AggregateOp::Count => Self::Counts(nothing()),
            AggregateOp::Group => Self::Ones(nothing()),
            AggregateOp::Min => Self::Lowest(nothing()),
            AggregateOp::Max => Self::Highest(nothing()),
            _ => return None,
        })
    }

    /// Adds a series: a slot for each step, some of them filled.
    pub(super) fn add(&mut self, floats: &[f64]) {
        match self {
            Self::Sums { sums, .. } => {
                for ((sum, count), value) in sums.iter_mut().zip(floats) {
                    if !is_stale(*value) {
                        sum.add(*value);
                        *count += 1;
                    }
                }
            }
            Self::Counts(counts) => update(
                counts,
                floats,
                |count, _| if is_stale(count) { 1.0 } else { count + 1.0 },
            ),
            Self::Ones(ones) => update(ones, floats, |_, _| 1.0),
            // NaN stays only where there is nothing else.
            Self::Lowest(lowest) => update(
                lowest,
                floats,
                |best, value| {
                    if best.is_nan() || value < best { value } else { best }
                },
            ),
            Self::Highest(highest) => update(highest, floats, |best, value| {
                if best.is_nan() || value > best { value } else { best }
            }),
        }
    }

    /// Adds what was added to another one of the same operator.
    pub(super) fn add_fold(&mut self, other: &Self) {
        match (self, other) {
            (Self::Sums { sums, .. }, Self::Sums { sums: others, .. }) => {
                for ((sum, count), (of_other, more)) in sums.iter_mut().zip(others) {
                    sum.add_sum(*of_other);
                    *count += more;
                }
            }
            (Self::Counts(counts), Self::Counts(others)) => {
                update(
                    counts,
                    others,
                    |count, more| if is_stale(count) { more } else { count + more },
                );
            }
            (own, Self::Ones(others) | Self::Lowest(others) | Self::Highest(others)) => own.add(others),
            (_, Self::Sums { .. } | Self::Counts(_)) => debug_assert!(false, "folds of one operator"),
        }
    }

    /// The aggregate at every step. `None` where a sum overflows, so that the mean has to be found
    /// in another way.
    pub(super) fn finish(self) -> Option<Vec<f64>> {
        let (is_mean, sums) = match self {
            Self::Sums { is_mean, sums } => (is_mean, sums),
            Self::Counts(values) | Self::Ones(values) | Self::Lowest(values) | Self::Highest(values) => {
                return Some(values);
            }
        };
        if is_mean && sums.iter().any(|(sum, _)| !sum.sum.is_finite()) {
            return None;
        }
        let result = |(sum, count): &(Sum, u32)| match *count {
            0 => NOTHING,
            count if is_mean => sum.sum / f64::from(count) + sum.lost / f64::from(count),
            _ => sum.value(),
        };
        Some(sums.iter().map(result).collect())
    }
}

fn update(slots: &mut [f64], floats: &[f64], next: impl Fn(f64, f64) -> f64) {
    for (slot, value) in slots.iter_mut().zip(floats) {
        if !is_stale(*value) {
            *slot = next(*slot, *value);
        }
    }
}

/// The aggregate of the columns at every step. `None` where the operator needs all values of a
/// step together, where there are histograms, or where a sum overflows.
pub(super) fn fold_columns<'a>(
    op: AggregateOp,
    columns: impl Iterator<Item = &'a Column>,
    steps: usize,
) -> Option<Vec<f64>> {
    let mut fold = Fold::new(op, steps)?;
    for column in columns {
        if !column.histograms.is_empty() {
            return None;
        }
        fold.add(&column.floats);
    }
    fold.finish()
}
