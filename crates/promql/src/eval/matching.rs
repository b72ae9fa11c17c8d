//! Vector matching: series of both sides find each other once by signature, then steps combine.

use hashbrown::HashMap;
use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::MetricValue;
use skopos_core::sample::is_stale;
use skopos_core::{Labels, LabelsBuilder};

use super::binary::{changes_schema, is_plain, outcome, plain};
use super::column::{Column, without_metadata};
use super::{EvalResult, Evaluator, float};
use crate::ast::{BinaryExpr, Cardinality, VectorMatching};
use crate::eval_error::EvalError;
use crate::position::PosRange;

/// The labels by which a series finds its counterpart.
pub(super) fn signature(labels: &Labels, matching: &VectorMatching) -> Labels {
    if matching.on {
        return labels.only(&matching.labels);
    }
    labels.filtered(|name| name != METRIC_NAME && !matching.labels.iter().any(|label| label == name))
}

/// Series of one signature, as positions in their sides.
#[derive(Default)]
struct Group {
    signature: Labels,
    many: Vec<usize>,
    one: Vec<usize>,
}

/// A binary operation between two vectors under way.
struct Match<'a> {
    evaluator: &'a Evaluator<'a>,
    binary: &'a BinaryExpr,
    matching: &'a VectorMatching,
    pos: PosRange,
    many: &'a [Column],
    one: &'a [Column],
    /// Whether the "one" side is the left.
    swapped: bool,
    steps: usize,
    results: Vec<Column>,
    by_labels: HashMap<Labels, usize>,
    /// Positions of results by those of their parts; `None` is a filled part.
    by_parts: HashMap<Parts, usize>,
}

/// The positions of the two series that make a result.
type Parts = (Option<usize>, Option<usize>);

impl Evaluator<'_> {
    pub(super) fn match_vectors(
        &self,
        binary: &BinaryExpr,
        left: &[Column],
        right: &[Column],
        matching: &VectorMatching,
        pos: PosRange,
    ) -> EvalResult<Vec<Column>> {
        let swapped = matching.cardinality == Cardinality::OneToMany;
        let (many, one) = if swapped { (right, left) } else { (left, right) };
        let steps = many.first().or(one.first()).map_or(0, |column| column.floats.len());
        let operation = Match {
            evaluator: self,
            binary,
            matching,
            pos,
            many,
            one,
            swapped,
            steps,
            results: Vec::new(),
            by_labels: HashMap::new(),
            by_parts: HashMap::new(),
        };
        operation.run()
    }
}

impl Match<'_> {
    fn run(mut self) -> EvalResult<Vec<Column>> {
        let is_filled = self.matching.fill_left.is_some() || self.matching.fill_right.is_some();
        let (many, one) = (present(self.many, self.steps), present(self.one, self.steps));
        let active: Vec<usize> = (0..self.steps)
            .filter(|step| is_filled || (many[*step] && one[*step]))
            .collect();
        for group in self.groups() {
            self.by_parts.clear();
            if let (false, Some(pairs)) = (is_filled, self.plain_pairs(&group)) {
                self.combine_plain(&group, &pairs);
                continue;
            }
            for step in &active {
                self.combine_step(&group, *step)?;
            }
        }
        self.results.retain(|column| !column.is_empty());
        Ok(self.results)
    }

    /// Groups in the order in which their signatures appear.
    fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        let mut positions: HashMap<Labels, usize> = HashMap::new();
        for (columns, is_many) in [(self.many, true), (self.one, false)] {
            for (at, column) in columns.iter().enumerate() {
                let signature = signature(&column.labels, self.matching);
                let position = *positions.entry(signature).or_insert_with_key(|signature| {
                    groups.push(Group {
                        signature: signature.clone(),
                        ..Group::default()
                    });
                    groups.len() - 1
                });
                if is_many {
                    groups[position].many.push(at);
                } else {
                    groups[position].one.push(at);
                }
            }
        }
        groups
    }

    /// The new result of each of the "many" side of a group of plain floats with a single "one".
    /// `None` where series may meet in a way that is an error, which has to be seen step by step.
    fn plain_pairs(&mut self, group: &Group) -> Option<Vec<usize>> {
        let [one] = *group.one.as_slice() else { return None };
        let is_single = group.many.len() == 1 || self.matching.cardinality != Cardinality::OneToOne;
        let op = self.binary.op;
        let is_plain = is_plain(op, &self.one[one]) && group.many.iter().all(|at| is_plain(op, &self.many[*at]));
        if !is_single || !is_plain {
            return None;
        }
        let mut positions = Vec::with_capacity(group.many.len());
        for at in &group.many {
            let made = self.results.len();
            if self.result(group, (Some(*at), Some(one))) != made {
                return None;
            }
            positions.push(made);
        }
        Some(positions)
    }

    fn combine_plain(&mut self, group: &Group, positions: &[usize]) {
        let one = &self.one[group.one[0]].floats;
        for (at, position) in group.many.iter().zip(positions) {
            let results = &mut self.results[*position].floats;
            for ((result, many), one) in results.iter_mut().zip(&self.many[*at].floats).zip(one) {
                if !is_stale(*many) && !is_stale(*one) {
                    let (left, right) = if self.swapped { (*one, *many) } else { (*many, *one) };
                    *result = plain(self.binary, left, right, left);
                }
            }
        }
    }

    fn combine_step(&mut self, group: &Group, step: usize) -> EvalResult<()> {
        let mut ones = group.one.iter().copied().filter(|at| self.one[*at].has(step));
        let one = ones.next();
        if let (Some(first), Some(second)) = (one, ones.next()) {
            return Err(self.duplicate(group, first, second));
        }
        let one_value = one.and_then(|at| self.one[at].value(step));
        // As in Prometheus, the fill values do not change sides with `group_right`.
        let one_value = one_value.or_else(|| self.matching.fill_right.map(float));
        let mut made = Vec::new();
        let mut is_matched = false;
        for at in &group.many {
            let (Some(many_value), Some(one_value)) = (self.many[*at].value(step), &one_value) else {
                continue;
            };
            is_matched = true;
            self.combine(group, (Some(*at), one), (&many_value, one_value), step, &mut made)?;
        }
        if let (false, Some(fill), Some(one), Some(one_value)) = (is_matched, self.matching.fill_left, one, &one_value)
        {
            self.combine(group, (None, Some(one)), (&float(fill), one_value), step, &mut made)?;
        }
        Ok(())
    }

    /// Combines a pair of values; `made` are the results that the group has at this step.
    fn combine(
        &mut self,
        group: &Group,
        parts: Parts,
        (many, one): (&MetricValue, &MetricValue),
        step: usize,
        made: &mut Vec<usize>,
    ) -> EvalResult<()> {
        let (left, right) = if self.swapped { (one, many) } else { (many, one) };
        let element = self.evaluator.element(self.binary.op, left, right, self.pos);
        if element.value.is_none() {
            return Ok(());
        }
        let position = self.result(group, parts);
        if self.matching.cardinality == Cardinality::OneToOne && !made.is_empty() {
            let message = "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)";
            return Err(EvalError::execution(message));
        }
        if made.contains(&position) {
            let message = "multiple matches for labels: grouping labels must ensure unique matches";
            return Err(EvalError::execution(message));
        }
        made.push(position);
        let Some(value) = outcome(self.binary, element) else {
            return Ok(());
        };
        let result = &mut self.results[position];
        if result.has(step) {
            let message = "vector cannot contain metrics with the same labelset";
            return Err(EvalError::execution(message));
        }
        result.set(step, value);
        Ok(())
    }

    /// The position of the result that two series make.
    fn result(&mut self, group: &Group, parts: Parts) -> usize {
        if let Some(position) = self.by_parts.get(&parts) {
            return *position;
        }
        let many = parts.0.map_or(&group.signature, |at| &self.many[at].labels);
        let one = parts.1.map_or(&group.signature, |at| &self.one[at].labels);
        let labels = self.result_labels(many, one);
        let drop_name = self.binary.return_bool || parts.0.is_some_and(|at| self.many[at].drop_name);
        let position = *self.by_labels.entry(labels).or_insert_with_key(|labels| {
            let mut column = Column::empty(labels.clone(), self.steps);
            column.drop_name = drop_name;
            self.results.push(column);
            self.results.len() - 1
        });
        self.by_parts.insert(parts, position);
        position
    }

    fn result_labels(&self, many: &Labels, one: &Labels) -> Labels {
        let matching = self.matching;
        let drops_name = changes_schema(self.binary.op) || (self.binary.return_bool && !self.evaluator.delays_names());
        let many = if drops_name {
            without_metadata(many)
        } else {
            many.clone()
        };
        let kept = match (matching.cardinality, matching.on) {
            (Cardinality::OneToOne, true) => many.only(&matching.labels),
            (Cardinality::OneToOne, false) => many.without(&matching.labels),
            _ => many,
        };
        if matching.include.is_empty() {
            return kept;
        }
        let mut builder = LabelsBuilder::from_labels(&kept);
        for name in &matching.include {
            builder.set(name, one.get(name));
        }
        builder.build()
    }

    fn duplicate(&self, group: &Group, first: usize, second: usize) -> EvalError {
        let side = if self.swapped { "left" } else { "right" };
        let (first, second) = (&self.one[first].labels, &self.one[second].labels);
        let (first, second) = (first.min(second), first.max(second));
        EvalError::execution(format!(
            "found duplicate series for the match group {} on the {side} hand-side of the operation: \
             [{first}, {second}];many-to-many matching not allowed: matching labels must be unique on one side",
            group.signature
        ))
    }
}

/// Whether any column has a sample, for each step.
fn present(columns: &[Column], steps: usize) -> Vec<bool> {
    let mut present = vec![false; steps];
    for column in columns {
        for (step, slot) in present.iter_mut().enumerate() {
            *slot |= column.has(step);
        }
    }
    present
}
