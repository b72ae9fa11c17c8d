//! `count_values`: how many series of a group have each value, the value as a label.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use skopos_core::labels::METRIC_NAME;
use skopos_core::{Labels, LabelsBuilder};

use super::EvalResult;
use super::column::Column;
use super::labels::is_valid_label_name;
use crate::ast::{AggregateExpr, Expr};
use crate::eval_error::EvalError;
use crate::histogram::to_text;
use crate::number::format_plain;
use crate::quote::quote;

/// `check_room` is asked before each column, with the number that there will be: values may be
/// many more than series.
pub(super) fn count_values(
    aggregate: &AggregateExpr,
    columns: &[Column],
    steps: usize,
    check_room: impl Fn(usize) -> EvalResult<()>,
) -> EvalResult<Vec<Column>> {
    let label = match aggregate.param.as_ref().map(Expr::unwrap_parens) {
        Some(Expr::String(string)) => string.value.as_str(),
        _ => "",
    };
    if !is_valid_label_name(label) {
        return Err(EvalError::execution(format!("invalid label name {}", quote(label))));
    }
    let mut counts: Vec<Column> = Vec::new();
    let mut positions: HashMap<Labels, usize> = HashMap::new();
    for column in columns {
        // Values repeat, and making texts and label sets of them is what costs.
        let mut known: HashMap<u64, usize> = HashMap::new();
        let mut position_of = |value: &str| -> EvalResult<usize> {
            let labels = value_labels(aggregate, &column.labels, label, value);
            if let Some(position) = positions.get(&labels) {
                return Ok(*position);
            }
            check_room(counts.len() + 1)?;
            counts.push(Column::empty(labels.clone(), steps));
            positions.insert(labels, counts.len() - 1);
            Ok(counts.len() - 1)
        };
        let mut found: Vec<Option<usize>> = vec![None; steps];
        for (step, slot) in found.iter_mut().enumerate() {
            *slot = match (column.histogram(step), column.float(step)) {
                (Some(histogram), _) => Some(position_of(&to_text(histogram))?),
                (None, Some(value)) => Some(match known.entry(value.to_bits()) {
                    Entry::Occupied(entry) => *entry.get(),
                    Entry::Vacant(entry) => *entry.insert(position_of(&format_plain(value))?),
                }),
                (None, None) => None,
            };
        }
        for (step, position) in found.into_iter().enumerate() {
            if let Some(position) = position {
                let count = &mut counts[position];
                count.floats[step] = count.float(step).unwrap_or(0.0) + 1.0;
            }
        }
    }
    counts.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok(counts)
}

fn value_labels(aggregate: &AggregateExpr, labels: &Labels, label: &str, value: &str) -> Labels {
    let named = |name: &str| aggregate.grouping.iter().any(|grouped| grouped == name);
    let mut builder = LabelsBuilder::from_labels(labels);
    builder.set(label, value);
    if aggregate.without {
        builder.retain(|name| name != METRIC_NAME && !named(name));
    } else {
        builder.retain(|name| name == label || named(name));
    }
    builder.build()
}
