//! Operators whose sides can never match, by what is sure of their labels.

use std::collections::BTreeSet;

use skopos_promql::Expr;
use skopos_promql::ast::{BinaryExpr, BinaryOp};

use super::shape::{Shape, shape};
use super::{Check, Lint};

impl Check<'_> {
    pub(super) fn joins(&mut self, expr: &Expr) {
        if let Expr::Binary(binary) = expr
            && binary.op != BinaryOp::Or
            && let (Some(lhs), Some(rhs)) = (shape(&binary.lhs), shape(&binary.rhs))
            && let Some(reason) = clash(binary, &lhs, &rhs)
        {
            let op = binary.op.as_str();
            let consequence = match binary.op {
                BinaryOp::Unless => format!("`{op}` takes nothing away"),
                _ => format!("`{op}` never gives a result"),
            };
            let message = format!("{consequence}: {reason}");
            self.add_at(Lint::NeverJoins, expr, message);
        }
        for child in expr.children() {
            self.joins(child);
        }
    }
}

/// Why no series of one side matches one of the other.
fn clash(binary: &BinaryExpr, lhs: &Shape, rhs: &Shape) -> Option<String> {
    let matching = binary.matching.as_ref()?;
    if matching.fill_left.is_some() || matching.fill_right.is_some() {
        return None;
    }
    let labels: BTreeSet<&str> = if matching.on {
        matching.labels.iter().map(String::as_str).collect()
    } else {
        let known = [lhs, rhs].into_iter().flat_map(|side| {
            let only = side.only.iter().flatten();
            only.chain(side.fixed.keys()).map(String::as_str)
        });
        known
            .filter(|label| !matching.labels.iter().any(|other| other == label))
            .collect()
    };
    labels
        .into_iter()
        .find_map(|label| disagree(label, lhs, rhs, matching.on))
}

fn disagree(label: &str, lhs: &Shape, rhs: &Shape, is_on: bool) -> Option<String> {
    let advice = if is_on {
        "match on labels that both sides have"
    } else {
        "say on which labels they match with on(…) or ignoring(…)"
    };
    let (left, right) = (lhs.value(label), rhs.value(label));
    match (left, right) {
        (Some(left), Some(right)) if left != right => Some(match (left, right) {
            ("", value) => format!("the left side has no label {label:?}, the right side has {value:?}; {advice}"),
            (value, "") => format!("the right side has no label {label:?}, the left side has {value:?}; {advice}"),
            _ => format!("the left side has {label}={left:?}, the right side {label}={right:?}; {advice}"),
        }),
        (Some(""), None) if keeps(rhs, label) => Some(format!(
            "the right side keeps the label {label:?}, which the left side does not have; {advice}"
        )),
        (None, Some("")) if keeps(lhs, label) => Some(format!(
            "the left side keeps the label {label:?}, which the right side does not have; {advice}"
        )),
        _ => None,
    }
}

/// Whether an aggregation keeps the label on purpose.
fn keeps(side: &Shape, label: &str) -> bool {
    side.only.as_ref().is_some_and(|only| only.contains(label))
}
