//! Binary operations on values, between vectors and scalars, and set operators.

use std::sync::Arc;

use hashbrown::HashMap;
use skopos_core::Labels;
use skopos_core::metric::MetricValue;
use skopos_core::sample::is_stale;

use super::column::{Column, NOTHING, merge_same};
use super::matching::signature;
use super::{EvalResult, Evaluated, Evaluator, Frame, float};
use crate::annotation::Annotation;
use crate::ast::{BinaryExpr, BinaryOp, VectorMatching};
use crate::eval_error::EvalError;
use crate::histogram::{Keep, Operation, combine, compacted, divided, equal, scaled, trimmed};
use crate::position::PosRange;

/// A value, or nothing because a comparison does not hold or the types do not fit.
pub(super) struct Element {
    pub(super) value: Option<MetricValue>,
    holds: bool,
}

impl Evaluator<'_> {
    pub(crate) fn binary(&self, binary: &BinaryExpr, pos: PosRange, frame: Frame) -> EvalResult<Evaluated> {
        let (lhs, rhs) = (self.eval(&binary.lhs, frame)?, self.eval(&binary.rhs, frame)?);
        let op = binary.op;
        match (lhs, rhs) {
            (Evaluated::Scalar(left), Evaluated::Scalar(right)) => {
                let values = left
                    .into_iter()
                    .zip(right)
                    .map(|(left, right)| scalars(op, left, right));
                Ok(Evaluated::Scalar(values.collect()))
            }
            (Evaluated::Vector(columns), Evaluated::Scalar(numbers)) => {
                self.with_scalar(binary, columns, &numbers, false, pos)
            }
            (Evaluated::Scalar(numbers), Evaluated::Vector(columns)) => {
                self.with_scalar(binary, columns, &numbers, true, pos)
            }
            (Evaluated::Vector(left), Evaluated::Vector(right)) => {
                let matching = binary.matching.clone().unwrap_or_default();
                if op.is_set() {
                    return Ok(Evaluated::Vector(merge_same(set_operation(
                        op, left, right, &matching,
                    ))?));
                }
                self.match_vectors(binary, &left, &right, &matching, pos)
                    .map(Evaluated::Vector)
            }
            _ => Err(EvalError::execution("binary operation between texts")),
        }
    }

    fn with_scalar(
        &self,
        binary: &BinaryExpr,
        mut columns: Vec<Column>,
        numbers: &[f64],
        swapped: bool,
        pos: PosRange,
    ) -> EvalResult<Evaluated> {
        let op = binary.op;
        for column in &mut columns {
            if is_plain(op, column) {
                let values = column
                    .floats
                    .iter_mut()
                    .zip(numbers)
                    .filter(|(value, _)| !is_stale(**value));
                for (value, number) in values {
                    let (left, right) = if swapped { (*number, *value) } else { (*value, *number) };
                    *value = plain(binary, left, right, *value);
                }
                if changes_schema(op) || binary.return_bool {
                    self.drop_name(column);
                }
                continue;
            }
            for (step, number) in numbers.iter().enumerate() {
                let Some(value) = column.value(step) else {
                    continue;
                };
                let number = float(*number);
                let (left, right) = if swapped { (&number, &value) } else { (&value, &number) };
                let mut element = self.element(op, left, right, pos);
                if op.is_comparison() && element.value.is_some() {
                    element.value = Some(value.clone());
                }
                column.clear(step);
                if let Some(value) = outcome(binary, element) {
                    column.set(step, value);
                }
            }
            if changes_schema(op) || binary.return_bool {
                self.drop_name(column);
            }
        }
        columns.retain(|column| !column.is_empty());
        self.checked(columns)
    }

    /// Combines two values.
    pub(super) fn element(&self, op: BinaryOp, left: &MetricValue, right: &MetricValue, pos: PosRange) -> Element {
        use MetricValue::{Float, Histogram};
        let some = |value: MetricValue| Element {
            value: Some(value),
            holds: true,
        };
        let compared = |holds: bool| Element {
            value: Some(left.clone()),
            holds,
        };
        match (left, right) {
            (Float(l), Float(r)) if !matches!(op, BinaryOp::TrimLower | BinaryOp::TrimUpper) => {
                if op.is_comparison() {
                    return compared(scalars(op, *l, *r) != 0.0);
                }
                some(float(scalars(op, *l, *r)))
            }
            (Float(l), Histogram(r)) if op == BinaryOp::Mul => some(Histogram(Arc::new(compacted(scaled(r, *l))))),
            (Histogram(l), Float(r)) if op == BinaryOp::Mul => some(Histogram(Arc::new(compacted(scaled(l, *r))))),
            (Histogram(l), Float(r)) if op == BinaryOp::Div => some(Histogram(Arc::new(compacted(divided(l, *r))))),
            (Histogram(l), Float(r)) if op == BinaryOp::TrimUpper => {
                some(Histogram(Arc::new(trimmed(l, *r, Keep::Below))))
            }
            (Histogram(l), Float(r)) if op == BinaryOp::TrimLower => {
                some(Histogram(Arc::new(trimmed(l, *r, Keep::Above))))
            }
            (Histogram(l), Histogram(r)) if op == BinaryOp::Equal => compared(equal(l, r)),
            (Histogram(l), Histogram(r)) if op == BinaryOp::NotEqual => compared(!equal(l, r)),
            (Histogram(l), Histogram(r)) if matches!(op, BinaryOp::Add | BinaryOp::Sub) => {
                let (operation, name) = match op {
                    BinaryOp::Add => (Operation::Add, "addition"),
                    _ => (Operation::Sub, "subtraction"),
                };
                let Ok(combined) = combine(l, r, operation) else {
                    self.note(Annotation::IncompatibleBucketLayout(op.as_str()), pos);
                    return Element {
                        value: None,
                        holds: false,
                    };
                };
                if combined.reset_collision {
                    self.note(Annotation::CounterResetCollision(name), pos);
                }
                if combined.bounds_reconciled {
                    self.note(Annotation::MismatchedCustomBuckets(name), pos);
                }
                let mut result = compacted(combined.histogram);
                if op == BinaryOp::Sub {
                    result.counter_reset_hint = skopos_core::histogram::CounterResetHint::Gauge;
                }
                some(Histogram(Arc::new(result)))
            }
            _ => {
                let kind = |value: &MetricValue| {
                    if matches!(value, Float(_)) {
                        "float"
                    } else {
                        "histogram"
                    }
                };
                let (left, right) = (kind(left), kind(right));
                let op = op.as_str();
                self.note(Annotation::IncompatibleTypes { left, op, right }, pos);
                Element {
                    value: None,
                    holds: false,
                }
            }
        }
    }
}

/// Whether the operator meets only floats on this side.
pub(super) fn is_plain(op: BinaryOp, column: &Column) -> bool {
    column.histograms.is_empty() && !matches!(op, BinaryOp::TrimLower | BinaryOp::TrimUpper)
}

/// The result for two floats; [`NOTHING`] where a comparison does not hold, `kept` where it does.
pub(super) fn plain(binary: &BinaryExpr, left: f64, right: f64, kept: f64) -> f64 {
    let result = scalars(binary.op, left, right);
    if !binary.op.is_comparison() || binary.return_bool {
        result
    } else if result == 0.0 {
        NOTHING
    } else {
        kept
    }
}

pub(super) fn outcome(binary: &BinaryExpr, element: Element) -> Option<MetricValue> {
    let value = element.value?;
    if binary.return_bool {
        return Some(float(f64::from(u8::from(element.holds))));
    }
    element.holds.then_some(value)
}

/// Whether the result of the operator is no longer what its operands' names say.
pub(super) fn changes_schema(op: BinaryOp) -> bool {
    !op.is_comparison() && !op.is_set() && !matches!(op, BinaryOp::TrimLower | BinaryOp::TrimUpper)
}

fn scalars(op: BinaryOp, left: f64, right: f64) -> f64 {
    let truth = |holds: bool| f64::from(u8::from(holds));
    match op {
        BinaryOp::Add => left + right,
        BinaryOp::Sub => left - right,
        BinaryOp::Mul => left * right,
        BinaryOp::Div => left / right,
        BinaryOp::Mod => left % right,
        BinaryOp::Pow => left.powf(right),
        BinaryOp::Atan2 => left.atan2(right),
        BinaryOp::Equal => truth(left == right),
        BinaryOp::NotEqual => truth(left != right),
        BinaryOp::Less => truth(left < right),
        BinaryOp::LessOrEqual => truth(left <= right),
        BinaryOp::Greater => truth(left > right),
        BinaryOp::GreaterOrEqual => truth(left >= right),
        BinaryOp::TrimUpper | BinaryOp::TrimLower | BinaryOp::And | BinaryOp::Or | BinaryOp::Unless => f64::NAN,
    }
}

fn set_operation(op: BinaryOp, left: Vec<Column>, right: Vec<Column>, matching: &VectorMatching) -> Vec<Column> {
    let filter = |mut columns: Vec<Column>, others: &[Column], keep_matched: bool| {
        let mut present: HashMap<Labels, Vec<bool>> = HashMap::new();
        for other in others {
            let slots = present
                .entry(signature(&other.labels, matching))
                .or_insert_with(|| vec![false; other.floats.len()]);
            slots
                .iter_mut()
                .enumerate()
                .for_each(|(step, slot)| *slot |= other.has(step));
        }
        for column in &mut columns {
            let slots = present.get(&signature(&column.labels, matching));
            for step in 0..column.floats.len() {
                if slots.is_some_and(|slots| slots[step]) != keep_matched {
                    column.clear(step);
                }
            }
        }
        columns.retain(|column| !column.is_empty());
        columns
    };
    match op {
        BinaryOp::And => filter(left, &right, true),
        BinaryOp::Unless => filter(left, &right, false),
        _ => {
            let rest = filter(right, &left, false);
            left.into_iter().chain(rest).collect()
        }
    }
}
