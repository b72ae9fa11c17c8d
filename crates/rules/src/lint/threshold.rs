//! Alerts whose expression does not depend on the value, and `absent` over aggregations.

use skopos_promql::Expr;
use skopos_promql::ast::{AggregateOp, BinaryExpr, BinaryOp, UnaryOp};

use super::{Check, Lint};
use crate::file::RuleKind;

/// Functions whose results are never below zero.
const NOT_NEGATIVE: [&str; 16] = [
    "abs",
    "absent",
    "absent_over_time",
    "changes",
    "count_over_time",
    "exp",
    "histogram_count",
    "increase",
    "irate",
    "present_over_time",
    "rate",
    "resets",
    "sqrt",
    "stddev_over_time",
    "stdvar_over_time",
    "time",
];

impl Check<'_> {
    pub(super) fn thresholds(&mut self, expr: &Expr) {
        self.comparisons(expr);
        if self.spec.kind != RuleKind::Alerting {
            return;
        }
        let body = expr.unwrap_parens();
        match body {
            Expr::Binary(binary) if binary.op.is_comparison() && binary.return_bool => {
                let message = "`bool` gives 0 or 1 and filters nothing: the alert fires whatever the value is; \
                               leave `bool` out";
                self.add_at(Lint::NoThreshold, body, message);
            }
            Expr::Binary(_) | Expr::Aggregate(_) | Expr::Call(_) | Expr::Unary(_) if !filters(body) && reads(body) => {
                let message = "nothing here filters: the alert fires for every series there is, whatever its value; \
                               compare it with a threshold";
                self.add_at(Lint::NoThreshold, body, message);
            }
            _ => {}
        }
    }

    fn comparisons(&mut self, expr: &Expr) {
        if let Expr::Binary(binary) = expr
            && let Some(always) = verdict(binary)
        {
            let consequence = if always {
                "holds for every value: it filters nothing"
            } else {
                "holds for no value: it never gives a result"
            };
            let message = format!(
                "`{}` {consequence}, as the left side is never below 0",
                self.text_of(expr)
            );
            self.add_at(Lint::NoThreshold, expr, message);
        }
        if let Expr::Call(call) = expr
            && call.function.name == "absent"
            && let Some(Expr::Aggregate(aggregate)) = call.args.first().map(Expr::unwrap_parens)
        {
            let by = if aggregate.grouping.is_empty() {
                ""
            } else {
                " each of its groups, nor"
            };
            let message = format!(
                "absent() over {} does not tell of{by} the series' labels: it gives one result without labels, and only \
                 when all series are gone; name a selector in absent()",
                aggregate.op.as_str()
            );
            self.add_at(Lint::AbsentAggregated, expr, message);
        }
        for child in expr.children() {
            self.comparisons(child);
        }
    }
}

/// Whether a comparison with a number holds always or never, where that is sure.
fn verdict(binary: &BinaryExpr) -> Option<bool> {
    if !binary.op.is_comparison() || binary.return_bool || !is_not_negative(&binary.lhs) {
        return None;
    }
    let limit = number(&binary.rhs)?;
    match binary.op {
        BinaryOp::GreaterOrEqual if limit <= 0.0 => Some(true),
        BinaryOp::Greater if limit < 0.0 => Some(true),
        BinaryOp::NotEqual if limit < 0.0 => Some(true),
        BinaryOp::Less if limit <= 0.0 => Some(false),
        BinaryOp::LessOrEqual if limit < 0.0 => Some(false),
        BinaryOp::Equal if limit < 0.0 => Some(false),
        _ => None,
    }
}

fn number(expr: &Expr) -> Option<f64> {
    match expr.unwrap_parens() {
        Expr::Number(number) => Some(number.value),
        Expr::Unary(unary) if unary.op == UnaryOp::Minus => number(&unary.expr).map(|value| -value),
        _ => None,
    }
}

fn is_not_negative(expr: &Expr) -> bool {
    match expr.unwrap_parens() {
        Expr::Call(call) => NOT_NEGATIVE.contains(&call.function.name),
        Expr::Aggregate(aggregate) => match aggregate.op {
            AggregateOp::Count | AggregateOp::Stddev | AggregateOp::Stdvar | AggregateOp::Group => true,
            AggregateOp::Sum | AggregateOp::Avg | AggregateOp::Min | AggregateOp::Max => {
                is_not_negative(&aggregate.expr)
            }
            _ => false,
        },
        Expr::Number(number) => number.value >= 0.0,
        Expr::Binary(binary) => {
            matches!(binary.op, BinaryOp::Add | BinaryOp::Mul | BinaryOp::Div)
                && is_not_negative(&binary.lhs)
                && is_not_negative(&binary.rhs)
        }
        _ => false,
    }
}

/// Whether an expression keeps some series and drops others by anything but their labels.
fn filters(expr: &Expr) -> bool {
    match expr {
        Expr::Binary(binary) if binary.op.is_comparison() && !binary.return_bool => true,
        Expr::Binary(binary) if binary.op.is_set() && binary.op != BinaryOp::Or => true,
        Expr::Aggregate(aggregate)
            if matches!(
                aggregate.op,
                AggregateOp::TopK | AggregateOp::BottomK | AggregateOp::LimitK | AggregateOp::LimitRatio
            ) =>
        {
            true
        }
        Expr::Call(call) if call.function.name.starts_with("absent") => true,
        // Whether a series is there may be what a selector of states or of other alerts asks.
        Expr::Vector(selector) => selector.name.starts_with("ALERTS"),
        other => other.children().into_iter().any(filters),
    }
}

/// Whether an expression reads series at all.
fn reads(expr: &Expr) -> bool {
    let mut found = false;
    expr.for_each_selector(&mut |_| found = true);
    found
}
