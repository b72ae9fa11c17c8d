//! Joins whose sides never meet, and quantiles of buckets that were merged.

use std::collections::BTreeSet;

use skopos_promql::Expr;
use skopos_promql::ast::{BinaryExpr, BinaryOp, VectorMatching};

use super::Fault;
use super::carries::{Carried, carried, spoken_of};
use crate::inline::{Replaced, metric_name};
use crate::report::Link;

/// Says why a part never joins.
pub(super) fn fault(expr: &Expr, replaced: &[Replaced]) -> Option<Fault> {
    match expr {
        Expr::Binary(binary) if binary.op != BinaryOp::Or => {
            let matching = binary.matching.as_ref()?;
            let why = conflict(binary, matching, replaced)?;
            let effect = if binary.op == BinaryOp::Unless {
                "`unless` never takes anything away"
            } else {
                "the two sides never match"
            };
            Some(Fault::new(Link::Join, expr, format!("{effect}: {why}")))
        }
        Expr::Call(call) if call.function.name == "histogram_quantile" => {
            let buckets = call.args.get(1)?;
            let mut is_classic = false;
            buckets.for_each_selector(&mut |selector| {
                is_classic |= metric_name(selector).is_some_and(|name| name.ends_with("_bucket"));
            });
            let is_merged = is_classic && carried(buckets, "le", replaced) == Carried::Never;
            is_merged.then(|| {
                let why = "the quantile needs the label le of the buckets, but the aggregation drops it";
                Fault::new(Link::Expression, expr, why.to_owned())
            })
        }
        _ => None,
    }
}

fn conflict(binary: &BinaryExpr, matching: &VectorMatching, replaced: &[Replaced]) -> Option<String> {
    let names: BTreeSet<String> = if matching.on {
        matching.labels.iter().cloned().collect()
    } else {
        let mut names = BTreeSet::new();
        spoken_of(&binary.lhs, &mut names);
        spoken_of(&binary.rhs, &mut names);
        names.retain(|name| !matching.labels.contains(name));
        names
    };
    let has_fill = matching.fill_left.is_some() || matching.fill_right.is_some();
    if has_fill {
        return None;
    }
    names.into_iter().find_map(|name| {
        let left = carried(&binary.lhs, &name, replaced);
        let right = carried(&binary.rhs, &name, replaced);
        clash(&name, &left, &right, matching.on)
    })
}

fn clash(name: &str, left: &Carried, right: &Carried, is_named: bool) -> Option<String> {
    use Carried::{Always, Never, OneOf, Unknown};
    match (left, right) {
        (Never, Never) if is_named => Some(format!("neither side carries the label {name} that `on` names")),
        (Always | OneOf(_), Never) => Some(format!(
            "the left side carries the label {name}, the right side does not"
        )),
        (Never, Always | OneOf(_)) => Some(format!(
            "the right side carries the label {name}, the left side does not"
        )),
        (Unknown, Never) if is_named => Some(format!(
            "`on` names the label {name}, which the right side never carries"
        )),
        (Never, Unknown) if is_named => Some(format!(
            "`on` names the label {name}, which the left side never carries"
        )),
        (OneOf(left), OneOf(right)) if left.is_disjoint(right) => {
            let words = |values: &BTreeSet<String>| {
                values
                    .iter()
                    .map(|value| format!("{value:?}"))
                    .collect::<Vec<_>>()
                    .join(" or ")
            };
            Some(format!(
                "the label {name} is {} on the left and {} on the right",
                words(left),
                words(right)
            ))
        }
        _ => None,
    }
}
