//! `topk`, `bottomk`, `limitk`, `limit_ratio`: some series of each group, at each step anew.

use std::cmp::Ordering;

use skopos_core::Labels;
use xxhash_rust::xxh64::Xxh64;

use super::aggregate::group;
use super::column::Column;
use super::{EvalResult, Evaluator};
use crate::annotation::Annotation;
use crate::ast::{AggregateExpr, AggregateOp};
use crate::eval_error::EvalError;
use crate::number::format_value;

impl Evaluator<'_> {
    pub(super) fn choose(
        &self,
        aggregate: &AggregateExpr,
        mut columns: Vec<Column>,
        params: &[f64],
    ) -> EvalResult<Vec<Column>> {
        if self.chooses_nothing(aggregate, params)? {
            return Ok(Vec::new());
        }
        let groups = group(aggregate, &columns);
        let offsets: Vec<f64> = match aggregate.op {
            AggregateOp::LimitRatio => columns.iter().map(|column| ratio_offset(&column.labels)).collect(),
            _ => Vec::new(),
        };
        let mut order = Vec::new();
        let mut kept = vec![false; columns.len()];
        for group in &groups {
            for (step, param) in params.iter().enumerate() {
                let present = group.members.iter().copied().filter(|at| columns[*at].has(step));
                let mut present: Vec<usize> = present.collect();
                if matches!(aggregate.op, AggregateOp::TopK | AggregateOp::BottomK) {
                    self.by_value(aggregate, &columns, &mut present, step);
                }
                if aggregate.op == AggregateOp::LimitRatio {
                    let ratio = param.clamp(-1.0, 1.0);
                    present.retain(|at| in_ratio(offsets[*at], ratio));
                } else {
                    present.truncate(param.max(0.0) as usize);
                }
                for at in &present {
                    kept[*at] = true;
                }
                for member in &group.members {
                    if !std::mem::take(&mut kept[*member]) {
                        columns[*member].clear(step);
                    }
                }
                if params.len() == 1 {
                    order.extend(present);
                }
            }
        }
        if params.len() == 1 {
            // The order of an instant query's result is that of the choice.
            let mut slots: Vec<Option<Column>> = columns.into_iter().map(Some).collect();
            return Ok(order.into_iter().filter_map(|at| slots[at].take()).collect());
        }
        columns.retain(|column| !column.is_empty());
        Ok(columns)
    }

    /// Whether the parameters leave nothing to choose; an error if they make no sense.
    fn chooses_nothing(&self, aggregate: &AggregateExpr, params: &[f64]) -> EvalResult<bool> {
        let has_nan = params.iter().any(|param| param.is_nan());
        let highest = params.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let lowest = params.iter().copied().fold(f64::INFINITY, f64::min);
        let fail = |message: String| Err(EvalError::execution(message));
        if aggregate.op != AggregateOp::LimitRatio {
            return match () {
                () if has_nan => fail("Parameter value is NaN".to_owned()),
                () if highest < 1.0 => Ok(true),
                () if lowest <= i64::MIN as f64 => {
                    fail(format!("Scalar value {} underflows int64", format_value(lowest)))
                }
                () if highest >= i64::MAX as f64 => {
                    fail(format!("Scalar value {} overflows int64", format_value(highest)))
                }
                () => Ok(false),
            };
        }
        if has_nan {
            return fail("Ratio value is NaN".to_owned());
        }
        let pos = aggregate.param.as_ref().map_or(aggregate.pos, crate::ast::Expr::pos);
        if highest > 1.0 {
            self.note(Annotation::InvalidRatio(highest, 1.0), pos);
        }
        if lowest < -1.0 {
            self.note(Annotation::InvalidRatio(lowest, -1.0), pos);
        }
        Ok(highest == 0.0 && lowest == 0.0)
    }

    /// Sorts by value, the best first, NaN last. Histograms have no order and are left out.
    fn by_value(&self, aggregate: &AggregateExpr, columns: &[Column], present: &mut Vec<usize>, step: usize) {
        let before = present.len();
        present.retain(|at| columns[*at].float(step).is_some());
        if present.len() < before {
            let note = Annotation::HistogramIgnoredInAggregation(aggregate.op.as_str());
            self.note(note, aggregate.pos);
        }
        let descending = aggregate.op == AggregateOp::TopK;
        present.sort_by(|a, b| by_value(columns[*a].floats[step], columns[*b].floats[step], descending));
    }
}

/// The order of `sort` and `topk`: by value, NaN last in both directions.
pub(super) fn by_value(a: f64, b: f64, descending: bool) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => {
            let rising = a.partial_cmp(&b).unwrap_or(Ordering::Equal);
            if descending { rising.reverse() } else { rising }
        }
    }
}

/// Where in `0..1` a series lies: Prometheus' hash of the labels, so that both choose the same.
fn ratio_offset(labels: &Labels) -> f64 {
    /// Lengths from here on take a marker and three bytes.
    const LONG: usize = 255;
    let mut hasher = Xxh64::new(0);
    for text in labels.iter().flat_map(|(name, value)| [name, value]) {
        let length = (text.len() as u32).to_le_bytes();
        if text.len() < LONG {
            hasher.update(&length[..1]);
        } else {
            hasher.update(&[LONG as u8]);
            hasher.update(&length[..3]);
        }
        hasher.update(text.as_bytes());
    }
    hasher.digest() as f64 / u64::MAX as f64
}

fn in_ratio(offset: f64, ratio: f64) -> bool {
    if ratio >= 0.0 {
        offset < ratio
    } else {
        offset >= 1.0 + ratio
    }
}
