//! Which selectors an expression needs, and which must find nothing.

use skopos_promql::Expr;
use skopos_promql::ast::VectorSelector;

/// Whether an expression reads no series.
pub(crate) fn is_constant(expr: &Expr) -> bool {
    let mut count = 0;
    expr.for_each_selector(&mut |_| count += 1);
    count == 0
}

/// The selectors that must find nothing for an expression to have a result.
pub(crate) fn unwanted(expr: &Expr) -> Vec<&VectorSelector> {
    let (mut found, mut needed) = (Vec::new(), Vec::new());
    collect_unwanted(expr, false, &mut found, &mut needed);
    found.retain(|selector| {
        !needed
            .iter()
            .any(|other: &&VectorSelector| other.matchers == selector.matchers)
    });
    found
}

fn collect_unwanted<'e>(
    expr: &'e Expr,
    is_unwanted: bool,
    found: &mut Vec<&'e VectorSelector>,
    needed: &mut Vec<&'e VectorSelector>,
) {
    match expr {
        Expr::Vector(selector) if is_unwanted => found.push(selector),
        Expr::Matrix(matrix) if is_unwanted => found.push(&matrix.selector),
        Expr::Vector(selector) => needed.push(selector),
        Expr::Matrix(matrix) => needed.push(&matrix.selector),
        Expr::Binary(binary) if binary.op == skopos_promql::ast::BinaryOp::Unless => {
            collect_unwanted(&binary.lhs, is_unwanted, found, needed);
            collect_unwanted(&binary.rhs, !is_unwanted, found, needed);
        }
        Expr::Call(call) if matches!(call.function.name, "absent" | "absent_over_time") => {
            collect_unwanted(&call.args[0], !is_unwanted, found, needed);
        }
        other => {
            for child in other.children() {
                collect_unwanted(child, is_unwanted, found, needed);
            }
        }
    }
}
