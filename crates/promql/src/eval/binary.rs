//! Binary operations: series find each other once by signature, then steps are combined.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::MetricValue;
use skopos_core::{Labels, LabelsBuilder};

use super::column::{Column, merge_same, without_metadata};
use super::{EvalResult, Evaluated, Evaluator, Frame, float};
use crate::annotation::Annotation;
use crate::ast::{BinaryExpr, BinaryOp, Cardinality, VectorMatching};
use crate::eval_error::EvalError;
use crate::histogram::{Keep, Operation, combine, compacted, divided, equal, scaled, trimmed};
use crate::position::PosRange;

/// A value, or nothing because a comparison does not hold or the types do not fit.
struct Element {
    value: Option<MetricValue>,
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
                self.vectors(binary, &left, &right, &matching, pos)
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

    fn vectors(
        &self,
        binary: &BinaryExpr,
        left: &[Column],
        right: &[Column],
        matching: &VectorMatching,
        pos: PosRange,
    ) -> EvalResult<Vec<Column>> {
        let swapped = matching.cardinality == Cardinality::OneToMany;
        let (many, one) = if swapped { (right, left) } else { (left, right) };
        let (fill_many, fill_one) = if swapped {
            (matching.fill_right, matching.fill_left)
        } else {
            (matching.fill_left, matching.fill_right)
        };
        let steps = many.first().or(one.first()).map_or(0, |column| column.floats.len());
        let (mut groups, order) = grouped(many, one, matching);
        let mut results: HashMap<Labels, Column> = HashMap::new();
        let mut result_order = Vec::new();
        for key in order {
            let Some((many, one)) = groups.remove(&key) else {
                continue;
            };
            let fill_labels = if matching.on {
                key.clone()
            } else {
                key.without(&[METRIC_NAME])
            };
            let mut names: HashMap<(&Labels, &Labels), Labels> = HashMap::new();
            for step in 0..steps {
                let ones: Vec<&&Column> = one.iter().filter(|column| column.has(step)).collect();
                let manys: Vec<&&Column> = many.iter().filter(|column| column.has(step)).collect();
                if ones.len() > 1 && !many.is_empty() {
                    return Err(duplicate(&key, matching, &ones, swapped));
                }
                let mut pairs: Vec<(&Labels, MetricValue, &Labels, MetricValue)> = Vec::new();
                let one_value = ones
                    .first()
                    .and_then(|column| Some((&column.labels, column.value(step)?)));
                let one_side = one_value.or_else(|| Some((&fill_labels, float(fill_one?))));
                if let Some((labels, value)) = &one_side {
                    for column in &manys {
                        if let Some(many_value) = column.value(step) {
                            pairs.push((&column.labels, many_value, labels, value.clone()));
                        }
                    }
                }
                if let (true, Some(fill), Some(column)) = (manys.is_empty(), fill_many, ones.first())
                    && let Some(value) = column.value(step)
                {
                    pairs.push((&fill_labels, float(fill), &column.labels, value));
                }
                if pairs.len() > 1 && matching.cardinality == Cardinality::OneToOne {
                    let message =
                        "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)";
                    return Err(EvalError::execution(message));
                }
                let mut seen = HashSet::new();
                for (many_labels, many_value, one_labels, one_value) in pairs {
                    let (l, r) = if swapped {
                        (&one_value, &many_value)
                    } else {
                        (&many_value, &one_value)
                    };
                    let element = self.element(binary.op, l, r, pos);
                    if element.value.is_none() {
                        continue;
                    }
                    let name = names.entry((many_labels, one_labels)).or_insert_with(|| {
                        let labels = result_labels(many_labels, one_labels, binary.op, matching);
                        if binary.return_bool && !self.delays_names() {
                            without_metadata(&labels)
                        } else {
                            labels
                        }
                    });
                    if !seen.insert(name.clone()) {
                        let message = "multiple matches for labels: grouping labels must ensure unique matches";
                        return Err(EvalError::execution(message));
                    }
                    let Some(value) = outcome(binary, element) else {
                        continue;
                    };
                    let result = results.entry(name.clone()).or_insert_with(|| {
                        result_order.push(name.clone());
                        let mut column = Column::empty(name.clone(), steps);
                        column.drop_name = binary.return_bool;
                        column
                    });
                    if result.has(step) {
                        return Err(EvalError::execution(
                            "vector cannot contain metrics with the same labelset",
                        ));
                    }
                    result.set(step, value);
                }
            }
        }
        Ok(result_order
            .iter()
            .filter_map(|labels| results.remove(labels))
            .collect())
    }

    fn element(&self, op: BinaryOp, left: &MetricValue, right: &MetricValue, pos: PosRange) -> Element {
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

fn outcome(binary: &BinaryExpr, element: Element) -> Option<MetricValue> {
    let value = element.value?;
    if binary.return_bool {
        return Some(float(f64::from(u8::from(element.holds))));
    }
    element.holds.then_some(value)
}

fn changes_schema(op: BinaryOp) -> bool {
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

fn signature(labels: &Labels, matching: &VectorMatching) -> Labels {
    if matching.on {
        return labels.only(&matching.labels);
    }
    labels.filtered(|name| name != METRIC_NAME && !matching.labels.iter().any(|label| label == name))
}

fn result_labels(many: &Labels, one: &Labels, op: BinaryOp, matching: &VectorMatching) -> Labels {
    let many = if changes_schema(op) {
        without_metadata(many)
    } else {
        many.clone()
    };
    let kept = match (matching.cardinality, matching.on) {
        (Cardinality::OneToOne, true) => many.only(&matching.labels),
        (Cardinality::OneToOne, false) => many.without(&matching.labels),
        _ => many,
    };
    let mut builder = LabelsBuilder::from_labels(&kept);
    for name in &matching.include {
        builder.set(name, one.get(name));
    }
    builder.build()
}

fn duplicate(key: &Labels, matching: &VectorMatching, ones: &[&&Column], swapped: bool) -> EvalError {
    let side = if swapped { "left" } else { "right" };
    let shown = if matching.on {
        key.clone()
    } else {
        key.without(&[METRIC_NAME])
    };
    let (first, second) = (&ones[0].labels, &ones[1].labels);
    let (first, second) = (first.min(second), first.max(second));
    EvalError::execution(format!(
        "found duplicate series for the match group {shown} on the {side} hand-side of the operation: [{first}, {second}]\
         ;many-to-many matching not allowed: matching labels must be unique on one side"
    ))
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

/// Columns of both sides that share a signature: the many side, the one side.
type Group<'a> = (Vec<&'a Column>, Vec<&'a Column>);

/// Columns by signature, and the signatures in the order in which they appear.
fn grouped<'a>(
    many: &'a [Column],
    one: &'a [Column],
    matching: &VectorMatching,
) -> (HashMap<Labels, Group<'a>>, Vec<Labels>) {
    let mut groups: HashMap<Labels, Group<'a>> = HashMap::new();
    let mut order = Vec::new();
    for (columns, is_many) in [(many, true), (one, false)] {
        for column in columns {
            let signature = signature(&column.labels, matching);
            let group = groups.entry(signature.clone()).or_insert_with(|| {
                order.push(signature);
                Group::default()
            });
            if is_many {
                group.0.push(column);
            } else {
                group.1.push(column);
            }
        }
    }
    (groups, order)
}
