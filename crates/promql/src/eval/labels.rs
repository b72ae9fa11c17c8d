//! Functions over label sets: `label_replace`, `label_join`, `sort_by_label`.

use std::cmp::Ordering;

use skopos_core::LabelsBuilder;
use skopos_core::labels::METRIC_NAME;
use skopos_core::matcher::anchored_regex;

use super::column::{self, Column};
use super::{EvalResult, Evaluated, Evaluator, Frame};
use crate::ast::{Call, Expr};
use crate::eval_error::EvalError;

/// Whether a text may name a label: any UTF-8 may. Unquoting leaves U+FFFD where a query's
/// escapes make no UTF-8.
pub(super) fn is_valid_label_name(name: &str) -> bool {
    !name.is_empty() && !name.contains('\u{fffd}')
}

impl Evaluator<'_> {
    pub(super) fn label_replace(&self, call: &Call, frame: Frame) -> EvalResult<Evaluated> {
        let text = |at: usize| self.eval_text(&call.args[at]);
        let (target, replacement, source, pattern) = (text(1)?, text(2)?, text(3)?, text(4)?);
        let regex = anchored_regex(&pattern)
            .map_err(|_| EvalError::execution(format!("invalid regular expression in label_replace(): {pattern}")))?;
        if !is_valid_label_name(&target) {
            let message = format!("invalid destination label name in label_replace(): {target}");
            return Err(EvalError::execution(message));
        }
        let mut columns = self.eval_vector(&call.args[0], frame)?;
        for column in &mut columns {
            if let Some(captures) = regex.captures(column.labels.get(&source)) {
                let mut value = String::new();
                captures.expand(&replacement, &mut value);
                set_label(column, &target, &value);
            }
        }
        Ok(Evaluated::Vector(column::merge_same(columns)?))
    }

    pub(super) fn label_join(&self, call: &Call, frame: Frame) -> EvalResult<Evaluated> {
        let target = self.eval_text(&call.args[1])?;
        let separator = self.eval_text(&call.args[2])?;
        let sources = self.texts(&call.args[3..])?;
        if let Some(source) = sources.iter().find(|source| !is_valid_label_name(source)) {
            let message = format!("invalid source label name in label_join(): {source}");
            return Err(EvalError::execution(message));
        }
        if !is_valid_label_name(&target) {
            let message = format!("invalid destination label name in label_join(): {target}");
            return Err(EvalError::execution(message));
        }
        let mut columns = self.eval_vector(&call.args[0], frame)?;
        for column in &mut columns {
            let values: Vec<&str> = sources.iter().map(|source| column.labels.get(source)).collect();
            let value = values.join(&separator);
            set_label(column, &target, &value);
        }
        Ok(Evaluated::Vector(column::merge_same(columns)?))
    }

    pub(super) fn sort_by_label(&self, call: &Call, frame: Frame) -> EvalResult<Evaluated> {
        let labels = self.texts(&call.args[1..])?;
        let mut columns = self.eval_vector(&call.args[0], frame)?;
        columns.sort_by(|a, b| {
            let mut names = labels.iter();
            let by_name = names.find_map(|name| {
                let order = natural_order(a.labels.get(name), b.labels.get(name));
                Some(order).filter(|order| order.is_ne())
            });
            by_name.unwrap_or_else(|| a.labels.cmp(&b.labels))
        });
        if call.function.name == "sort_by_label_desc" {
            columns.reverse();
        }
        Ok(Evaluated::Vector(columns))
    }

    fn texts(&self, args: &[Expr]) -> EvalResult<Vec<String>> {
        args.iter().map(|arg| self.eval_text(arg)).collect()
    }
}

fn set_label(column: &mut Column, name: &str, value: &str) {
    column.labels = LabelsBuilder::from_labels(&column.labels).set(name, value).build();
    if name == METRIC_NAME {
        column.drop_name = false;
    }
}

/// Runs of digits compare as numbers, everything else as text.
fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut a_rest, mut b_rest) = (a, b);
    while !a_rest.is_empty() && !b_rest.is_empty() {
        let (a_chunk, b_chunk);
        (a_chunk, a_rest) = split_chunk(a_rest);
        (b_chunk, b_rest) = split_chunk(b_rest);
        let order = match (a_chunk.parse::<u64>(), b_chunk.parse::<u64>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            _ => a_chunk.cmp(b_chunk),
        };
        if order.is_ne() {
            return order;
        }
    }
    a_rest.len().cmp(&b_rest.len()).then_with(|| a.cmp(b))
}

/// The run of digits, or of other characters, at the start of a text that is not empty.
fn split_chunk(text: &str) -> (&str, &str) {
    let digits = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_texts_are_numbers() {
        for (less, more) in [("cpu2", "cpu10"), ("a", "a1"), ("1.9", "1.10"), ("b", "c"), ("", "a")] {
            assert_eq!(natural_order(less, more), Ordering::Less, "{less} {more}");
            assert_eq!(natural_order(more, less), Ordering::Greater, "{more} {less}");
        }
        assert_eq!(natural_order("x1y", "x1y"), Ordering::Equal);
    }
}
