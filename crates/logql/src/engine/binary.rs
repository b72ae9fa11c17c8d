//! Operations between two expressions, step by step.

use hashbrown::HashMap;

use super::columns::Column;
use super::{Evaluation, STAGE};
use crate::ast::{BinaryExpr, BinaryOp, Cardinality, Matching, MetricExpr};
use crate::{EvalError, LabelSet};

const MANY_TO_ONE: &str = "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)";
const NOT_UNIQUE: &str = "multiple matches for labels: grouping labels must ensure unique matches";
const DUPLICATE_RIGHT: &str = "found duplicate series on the right hand-side;many-to-many matching not allowed: matching labels must be unique on one side";
const DUPLICATE_LEFT: &str = "found duplicate series on the left hand-side;many-to-many matching not allowed: matching labels must be unique on one side";

/// The value of an operation between two numbers. Comparisons give 1 or 0; division and modulo by
/// zero give NaN, as in Loki.
fn arithmetic(op: BinaryOp, left: f64, right: f64) -> f64 {
    let flag = |holds: bool| f64::from(u8::from(holds));
    match op {
        BinaryOp::Add => left + right,
        BinaryOp::Sub => left - right,
        BinaryOp::Mul => left * right,
        BinaryOp::Div if right == 0.0 => f64::NAN,
        BinaryOp::Div => left / right,
        BinaryOp::Mod if right == 0.0 => f64::NAN,
        BinaryOp::Mod => left % right,
        BinaryOp::Pow => left.powf(right),
        BinaryOp::Equal => flag(left == right),
        BinaryOp::NotEqual => flag(left != right),
        BinaryOp::Greater => flag(left > right),
        BinaryOp::GreaterEqual => flag(left >= right),
        BinaryOp::Less => flag(left < right),
        BinaryOp::LessEqual => flag(left <= right),
        BinaryOp::Or | BinaryOp::And | BinaryOp::Unless => f64::NAN,
    }
}

/// The value of an operation between two literals.
pub(crate) fn fold_literals(op: BinaryOp, left: f64, right: f64) -> f64 {
    arithmetic(op, left, right)
}

/// The point that an operation leaves. `kept` is what a comparison without `bool` shows.
fn merge(expr: &BinaryExpr, left: f64, right: f64, kept: f64) -> Option<f64> {
    let value = arithmetic(expr.op, left, right);
    if !expr.op.is_comparison() || expr.return_bool {
        return Some(value);
    }
    (value == 1.0).then_some(kept)
}

impl Evaluation<'_> {
    pub(super) fn binary(&mut self, expr: &BinaryExpr) -> Result<Vec<Column>, EvalError> {
        match (&expr.left, &expr.right) {
            (MetricExpr::Literal(number), series) => {
                let columns = self.eval(series)?;
                Ok(map(columns, |value| merge(expr, *number, value, value)))
            }
            (series, MetricExpr::Literal(number)) => {
                let columns = self.eval(series)?;
                Ok(map(columns, |value| merge(expr, value, *number, value)))
            }
            (left, right) => {
                let left = self.eval(left)?;
                let right = self.eval(right)?;
                self.budget.charge(left.len() + right.len(), STAGE)?;
                let pair = Pair::new(expr, left, right, self.steps.count);
                if expr.op.is_set() {
                    Ok(pair.set())
                } else {
                    pair.merged()
                }
            }
        }
    }
}

fn map(mut columns: Vec<Column>, change: impl Fn(f64) -> Option<f64>) -> Vec<Column> {
    for point in columns.iter_mut().flat_map(|column| &mut column.points) {
        *point = point.and_then(&change);
    }
    columns
}

/// Both sides with the number of each series' match group.
struct Pair<'q> {
    expr: &'q BinaryExpr,
    left: Vec<Column>,
    right: Vec<Column>,
    left_groups: Vec<usize>,
    right_groups: Vec<usize>,
    groups: usize,
    steps: usize,
}

impl<'q> Pair<'q> {
    fn new(expr: &'q BinaryExpr, left: Vec<Column>, right: Vec<Column>, steps: usize) -> Self {
        let mut index = HashMap::new();
        let left_groups = match_groups(&left, &expr.matching, &mut index);
        let right_groups = match_groups(&right, &expr.matching, &mut index);
        Self {
            expr,
            left,
            right,
            left_groups,
            right_groups,
            groups: index.len(),
            steps,
        }
    }

    /// `and`, `or`, `unless`.
    fn set(mut self) -> Vec<Column> {
        let present = |columns: &[Column], groups: &[usize], step: usize| {
            let mut found = vec![false; self.groups];
            for (column, &group) in columns.iter().zip(groups) {
                found[group] |= column.points[step].is_some();
            }
            found
        };
        for step in 0..self.steps {
            if self.expr.op == BinaryOp::Or {
                let found = present(&self.left, &self.left_groups, step);
                drop_points(&mut self.right, &self.right_groups, step, |group| found[group]);
            } else {
                let found = present(&self.right, &self.right_groups, step);
                let wanted = self.expr.op == BinaryOp::And;
                drop_points(&mut self.left, &self.left_groups, step, |group| found[group] != wanted);
            }
        }
        if self.expr.op != BinaryOp::Or {
            return self.left;
        }
        let mut union = Union::new(self.steps);
        for column in self.left.into_iter().chain(self.right) {
            let at = union.column(column.labels);
            for (slot, point) in union.columns[at].points.iter_mut().zip(column.points) {
                *slot = slot.or(point);
            }
        }
        union.columns
    }

    fn merged(self) -> Result<Vec<Column>, EvalError> {
        let swapped = self.expr.matching.cardinality == Cardinality::OneToMany;
        let (many, one) = if swapped {
            (&self.right, &self.left)
        } else {
            (&self.left, &self.right)
        };
        let (many_groups, one_groups) = if swapped {
            (&self.right_groups, &self.left_groups)
        } else {
            (&self.left_groups, &self.right_groups)
        };
        let mut union = Union::new(self.steps);
        // Result column by pair of series, so that labels are made once and not at each step.
        let mut results: HashMap<(usize, usize), usize> = HashMap::new();
        for step in 0..self.steps {
            let singles = self.singles(one, one_groups, step, swapped)?;
            let mut taken = Taken::new(self.expr, self.groups);
            for (i, column) in many.iter().enumerate() {
                let (Some(value), Some((j, other))) = (column.points[step], singles[many_groups[i]]) else {
                    continue;
                };
                let at = *results.entry((i, j)).or_insert_with(|| {
                    union.column(result_labels(&column.labels, &one[j].labels, &self.expr.matching))
                });
                taken.note(many_groups[i], at)?;
                let (left, right) = if swapped { (other, value) } else { (value, other) };
                if let Some(point) = merge(self.expr, left, right, left) {
                    union.columns[at].points[step] = Some(point);
                }
            }
        }
        Ok(union.columns)
    }

    /// The one series of each group that has a point at the step.
    fn singles(
        &self,
        one: &[Column],
        groups: &[usize],
        step: usize,
        swapped: bool,
    ) -> Result<Vec<Option<(usize, f64)>>, EvalError> {
        let mut singles = vec![None; self.groups];
        for (i, column) in one.iter().enumerate() {
            let Some(value) = column.points[step] else { continue };
            if singles[groups[i]].replace((i, value)).is_some() {
                return Err(EvalError::Matching(if swapped {
                    DUPLICATE_LEFT
                } else {
                    DUPLICATE_RIGHT
                }));
            }
        }
        Ok(singles)
    }
}

fn drop_points(columns: &mut [Column], groups: &[usize], step: usize, drops: impl Fn(usize) -> bool) {
    for (column, &group) in columns.iter_mut().zip(groups) {
        if drops(group) {
            column.points[step] = None;
        }
    }
}

fn match_groups(columns: &[Column], matching: &Matching, index: &mut HashMap<LabelSet, usize>) -> Vec<usize> {
    let groups = columns.iter().map(|column| {
        let key = column
            .labels
            .filtered(|name| matching.labels.iter().any(|label| label == name) == matching.on);
        let next = index.len();
        *index.entry(key).or_insert(next)
    });
    groups.collect()
}

fn result_labels(many: &LabelSet, one: &LabelSet, matching: &Matching) -> LabelSet {
    let listed = |name: &str| matching.labels.iter().any(|label| label == name);
    let mut labels = match matching.cardinality {
        Cardinality::OneToOne if matching.on => many.filtered(listed),
        Cardinality::OneToOne => many.filtered(|name| !listed(name)),
        _ => many.clone(),
    };
    for name in &matching.include {
        labels = labels.with(name, one.find(name).unwrap_or(""));
    }
    labels
}

/// Which results a step has, to refuse ambiguous matches.
enum Taken {
    Groups(Vec<bool>),
    Results(Vec<usize>),
}

impl Taken {
    fn new(expr: &BinaryExpr, groups: usize) -> Self {
        match expr.matching.cardinality {
            Cardinality::OneToOne => Self::Groups(vec![false; groups]),
            _ => Self::Results(Vec::new()),
        }
    }

    fn note(&mut self, group: usize, result: usize) -> Result<(), EvalError> {
        match self {
            Self::Groups(taken) => {
                let again = std::mem::replace(&mut taken[group], true);
                if again {
                    Err(EvalError::Matching(MANY_TO_ONE))
                } else {
                    Ok(())
                }
            }
            Self::Results(taken) if taken.contains(&result) => Err(EvalError::Matching(NOT_UNIQUE)),
            Self::Results(taken) => {
                taken.push(result);
                Ok(())
            }
        }
    }
}

/// Columns by their labels.
struct Union {
    columns: Vec<Column>,
    index: HashMap<LabelSet, usize>,
    steps: usize,
}

impl Union {
    fn new(steps: usize) -> Self {
        Self {
            columns: Vec::new(),
            index: HashMap::new(),
            steps,
        }
    }

    fn column(&mut self, labels: LabelSet) -> usize {
        *self.index.entry(labels).or_insert_with_key(|labels| {
            self.columns.push(Column::empty(labels.clone(), self.steps));
            self.columns.len() - 1
        })
    }
}
