//! `count_values`: how many series of a group have each value, the value as a label.

use hashbrown::HashMap;
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

pub(super) fn count_values(aggregate: &AggregateExpr, columns: &[Column], steps: usize) -> EvalResult<Vec<Column>> {
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
        let mut position_of = |value: &str| {
            let labels = value_labels(aggregate, &column.labels, label, value);
            *positions.entry(labels).or_insert_with_key(|labels| {
                counts.push(Column::empty(labels.clone(), steps));
                counts.len() - 1
            })
        };
        let mut found: Vec<Option<usize>> = vec![None; steps];
        for (step, slot) in found.iter_mut().enumerate() {
            *slot = match (column.histogram(step), column.float(step)) {
                (Some(histogram), _) => Some(position_of(&to_text(histogram))),
                (None, Some(value)) => {
                    let position = known.entry(value.to_bits());
                    Some(*position.or_insert_with(|| position_of(&format_plain(value))))
                }
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
