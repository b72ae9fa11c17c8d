//! Faults that an expression shows by itself: conditions that no value meets, sides whose labels
//! never meet, selectors that nothing satisfies. Each is an argument, not a failed search: what is
//! said here is so for all input, as long as labels of a grouping are there.

mod age;
mod carries;
mod contradiction;
mod domain;
mod join;
mod part;

use skopos_core::{MatchOp, Matcher};
use skopos_promql::ast::{BinaryOp, VectorSelector};
use skopos_promql::{Expr, PosRange, ValueType};

use crate::inline::{Replaced, metric_name};
use crate::report::Link;

/// A fault with the part of the expression that shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) link: Link,
    pub(crate) pos: PosRange,
    pub(crate) why: String,
}

impl Fault {
    fn new(link: Link, expr: &Expr, why: String) -> Self {
        Self {
            link,
            pos: expr.pos(),
            why,
        }
    }
}

/// The first fault for which the expression never has a result, or always. `query` is its text.
pub(crate) fn fault(query: &str, expr: &Expr) -> Option<Fault> {
    never(query, expr).or_else(|| always(expr))
}

/// The first fault of joins in an expression whose recorded names were replaced.
pub(crate) fn join_fault(expr: &Expr, replaced: &[Replaced]) -> Option<Fault> {
    required(expr, &mut |part| join::fault(part, replaced))
}

fn never(query: &str, expr: &Expr) -> Option<Fault> {
    required(expr, &mut |part| match part {
        Expr::Binary(binary) => {
            domain::fault(query, part, binary).or_else(|| contradiction::fault(query, part, binary))
        }
        Expr::Vector(selector) => selector_fault(part, selector),
        Expr::Matrix(matrix) => selector_fault(part, &matrix.selector),
        _ => None,
    })
}

/// Visits the parts without which an expression has no result, the outermost first.
fn required(expr: &Expr, visit: &mut dyn FnMut(&Expr) -> Option<Fault>) -> Option<Fault> {
    if let Some(fault) = visit(expr) {
        return Some(fault);
    }
    match expr {
        Expr::Binary(binary) if binary.op == BinaryOp::Or => {
            let left = required(&binary.lhs, visit)?;
            required(&binary.rhs, visit).map(|_| left)
        }
        Expr::Binary(binary) if binary.op == BinaryOp::Unless => required(&binary.lhs, visit),
        Expr::Call(call) if matches!(call.function.name, "absent" | "absent_over_time" | "scalar") => None,
        other => {
            let children = other.children().into_iter();
            let mut vectors =
                children.filter(|child| matches!(child.value_type(), ValueType::Vector | ValueType::Matrix));
            vectors.find_map(|child| required(child, visit))
        }
    }
}

/// What makes a rule fire without a cause.
fn always(expr: &Expr) -> Option<Fault> {
    if let Expr::Call(call) = expr {
        if matches!(call.function.name, "absent" | "absent_over_time") {
            let mut found = None;
            call.args[0].for_each_selector(&mut |selector| {
                let contradiction = contradiction_in(selector);
                found = found.take().or(contradiction);
            });
            if let Some(why) = found {
                return Some(Fault::new(Link::Expression, expr, format!("it always fires: {why}")));
            }
        }
        if call.function.name == "histogram_quantile"
            && let Some(quantile) = domain::number(&call.args[0])
            && !(0.0..=1.0).contains(&quantile)
        {
            let infinity = if quantile > 1.0 { "+Inf" } else { "-Inf" };
            let why = format!("a quantile lies between 0 and 1: that of {quantile} is always {infinity}");
            return Some(Fault::new(Link::Expression, expr, why));
        }
    }
    expr.children().into_iter().find_map(always)
}

fn selector_fault(expr: &Expr, selector: &VectorSelector) -> Option<Fault> {
    let why = contradiction_in(selector)?;
    Some(Fault::new(Link::Expression, expr, why))
}

/// Why no series satisfies a selector.
fn contradiction_in(selector: &VectorSelector) -> Option<String> {
    let name = metric_name(selector).unwrap_or("this selector");
    for matcher in &selector.matchers {
        let is_nothing = matcher.op() == MatchOp::NotRegex && matches!(matcher.value(), ".*" | "(.*)" | "^.*$");
        if is_nothing {
            return Some(format!(
                "no series of {name} satisfies {matcher}: the pattern matches every value"
            ));
        }
        let mut others = selector.matchers.iter().filter(|other| other.name() == matcher.name());
        let excludes = |value: &str, other: &Matcher| !other.matches(value);
        if matcher.op() == MatchOp::Equal
            && let Some(other) = others.find(|other| excludes(matcher.value(), other))
        {
            return Some(format!("no series of {name} satisfies both {matcher} and {other}"));
        }
    }
    None
}

/// The text of a part, its white space collapsed.
fn text_of(query: &str, expr: &Expr) -> String {
    let pos = expr.pos();
    let text = query.get(pos.start..pos.end).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
