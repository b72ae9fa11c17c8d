//! `count_values`: how many series of a group have each value, the value as a label.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use skopos_core::labels::METRIC_NAME;
use skopos_core::{Labels, LabelsBuilder};

use super::EvalResult;
use super::column::{Column, merge_same};
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
    let mut counts: BTreeMap<Labels, Column> = BTreeMap::new();
    for column in columns {
        // Values repeat, and making label sets is what costs.
        let mut made: HashMap<String, Labels> = HashMap::new();
        for step in 0..steps {
            let value = match (column.histogram(step), column.float(step)) {
                (Some(histogram), _) => to_text(histogram),
                (None, Some(value)) => format_plain(value),
                (None, None) => continue,
            };
            let labels = made
                .entry_ref(&value)
                .or_insert_with(|| value_labels(aggregate, &column.labels, label, &value))
                .clone();
            let count = counts
                .entry(labels.clone())
                .or_insert_with(|| Column::empty(labels, steps));
            count.floats[step] = count.float(step).unwrap_or(0.0) + 1.0;
        }
    }
    merge_same(counts.into_values().collect())
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
