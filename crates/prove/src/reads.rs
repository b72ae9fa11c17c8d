//! What an expression reads: its selectors, how far back each looks, and what it means to the result.

use serde::{Deserialize, Serialize};
use skopos_promql::Expr;
use skopos_promql::ast::{BinaryExpr, BinaryOp, DurationArg, VectorSelector};

/// What a selector without series does to its expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Without it there is no result.
    Needed,
    /// Something else stands in for it: a side of `or`, a filled side.
    Alternative,
    /// It takes away from the result: right of `unless`.
    Exclusion,
    /// Its absence is what is asked for: inside `absent`.
    Absence,
}

/// A selector of an expression.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Read<'a> {
    pub(crate) selector: &'a VectorSelector,
    /// How far back from the time of evaluation it looks.
    pub(crate) reach_ms: i64,
    pub(crate) role: Role,
}

/// Where a walk is.
#[derive(Debug, Clone, Copy)]
struct Place {
    role: Role,
    reach_ms: i64,
    lookback_ms: i64,
}

/// The selectors of an expression in the order they are written. Instant selectors look back `lookback_ms`.
pub(crate) fn reads(expr: &Expr, lookback_ms: i64) -> Vec<Read<'_>> {
    let mut found = Vec::new();
    let place = Place {
        role: Role::Needed,
        reach_ms: 0,
        lookback_ms,
    };
    walk(expr, place, &mut found);
    found
}

fn walk<'a>(expr: &'a Expr, place: Place, found: &mut Vec<Read<'a>>) {
    match expr {
        Expr::Vector(selector) => found.push(read(selector, place, place.lookback_ms)),
        Expr::Matrix(matrix) => found.push(read(&matrix.selector, place, matrix.range.ms)),
        Expr::Subquery(subquery) => {
            let back_ms = subquery.range.ms.saturating_add(back(&subquery.offset));
            let reach_ms = place.reach_ms.saturating_add(back_ms);
            walk(&subquery.expr, Place { reach_ms, ..place }, found);
        }
        Expr::Binary(binary) => {
            for (side, role) in [&binary.lhs, &binary.rhs].into_iter().zip(roles(binary, place.role)) {
                walk(side, Place { role, ..place }, found);
            }
        }
        Expr::Call(call) if is_absence(call.function.name) => {
            let role = Role::Absence;
            call.args
                .iter()
                .for_each(|arg| walk(arg, Place { role, ..place }, found));
        }
        other => other.children().into_iter().for_each(|child| walk(child, place, found)),
    }
}

fn read(selector: &VectorSelector, place: Place, range_ms: i64) -> Read<'_> {
    let own_ms = range_ms.max(place.lookback_ms).saturating_add(back(&selector.offset));
    Read {
        selector,
        reach_ms: place.reach_ms.saturating_add(own_ms),
        role: place.role,
    }
}

/// Roles of the two sides of an operation whose result has `role`.
fn roles(binary: &BinaryExpr, role: Role) -> [Role; 2] {
    if role != Role::Needed {
        return [role; 2];
    }
    let matching = binary.matching.as_ref();
    let filled = |fill: Option<f64>| if fill.is_some() { Role::Alternative } else { role };
    match binary.op {
        BinaryOp::Or => [Role::Alternative; 2],
        BinaryOp::Unless => [role, Role::Exclusion],
        _ => [
            filled(matching.and_then(|matching| matching.fill_left)),
            filled(matching.and_then(|matching| matching.fill_right)),
        ],
    }
}

/// Whether a function yields something because its argument has no series.
pub(crate) fn is_absence(function: &str) -> bool {
    matches!(function, "absent" | "absent_over_time")
}

fn back(offset: &DurationArg) -> i64 {
    offset.ms.max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expr: &str, expect: &[(&str, i64, Role)]) {
        let parsed = skopos_promql::parse(expr).expect("the query parses");
        let found = reads(&parsed, 300_000);
        let found: Vec<_> = found
            .iter()
            .map(|read| (read.selector.name.as_str(), read.reach_ms / 60_000, read.role))
            .collect();
        assert_eq!(found, expect, "{expr}");
    }

    #[test]
    fn reach_and_role() {
        check("a", &[("a", 5, Role::Needed)]);
        check("rate(a[1m])", &[("a", 5, Role::Needed)]);
        check("a offset 1h", &[("a", 65, Role::Needed)]);
        check("a offset -1h", &[("a", 5, Role::Needed)]);
        check("max_over_time(rate(a[10m])[1h:] offset 5m)", &[("a", 75, Role::Needed)]);
        check("a or b", &[("a", 5, Role::Alternative), ("b", 5, Role::Alternative)]);
        check(
            "a unless (b or absent(c))",
            &[
                ("a", 5, Role::Needed),
                ("b", 5, Role::Exclusion),
                ("c", 5, Role::Absence),
            ],
        );
        check(
            "sum(a) / on () b > 1",
            &[("a", 5, Role::Needed), ("b", 5, Role::Needed)],
        );
    }
}
