//! The number that a rule's expression is compared with, and what the expression is with another one.

use skopos_core::metric::MetricValue;
use skopos_promql::ast::{BinaryExpr, BinaryOp, UnaryOp};
use skopos_promql::{Engine, EvalError, Expr, PosRange, ValueType};

/// A comparison of a vector with a number.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Threshold {
    query: String,
    number: f64,
    number_pos: PosRange,
    side_pos: PosRange,
    op: BinaryOp,
    is_number_first: bool,
    is_top: bool,
}

/// Lets the samples through for which a comparison holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Filter {
    op: BinaryOp,
    number: f64,
    is_number_first: bool,
}

impl Threshold {
    /// The comparison that decides whether a rule fires: the outermost one, or the first below set operators.
    pub(super) fn of(query: &str, engine: &Engine) -> Result<Option<Self>, EvalError> {
        let expr = engine.parse(query)?;
        Ok(find(query, &expr, true))
    }

    /// The number as it is.
    pub(super) fn number(&self) -> f64 {
        self.number
    }

    /// Whether the comparison is the whole expression: then its other side serves all numbers.
    pub(super) fn is_top(&self) -> bool {
        self.is_top
    }

    /// The side that is compared.
    pub(super) fn side(&self) -> &str {
        self.query
            .get(self.side_pos.start..self.side_pos.end)
            .unwrap_or(&self.query)
    }

    /// The expression with another number.
    pub(super) fn with_number(&self, number: f64) -> String {
        let mut query = self.query.clone();
        query.replace_range(self.number_pos.start..self.number_pos.end, &format!("({number})"));
        query
    }

    /// What the comparison with a number lets through.
    pub(super) fn filter(&self, number: Option<f64>) -> Option<Filter> {
        Some(Filter {
            op: self.op,
            number: number?,
            is_number_first: self.is_number_first,
        })
    }
}

fn find(query: &str, expr: &Expr, is_top: bool) -> Option<Threshold> {
    match expr.unwrap_parens() {
        Expr::Binary(binary) if binary.op.is_set() => {
            find(query, &binary.lhs, false).or_else(|| find(query, &binary.rhs, false))
        }
        Expr::Binary(binary) if binary.op.is_comparison() && !binary.return_bool => compared(query, binary, is_top),
        _ => None,
    }
}

fn compared(query: &str, binary: &BinaryExpr, is_top: bool) -> Option<Threshold> {
    let (number, number_side, side, is_number_first) = match (constant(&binary.lhs), constant(&binary.rhs)) {
        (None, Some(number)) => (number, &binary.rhs, &binary.lhs, false),
        (Some(number), None) => (number, &binary.lhs, &binary.rhs, true),
        _ => return None,
    };
    (side.value_type() == ValueType::Vector).then(|| Threshold {
        query: query.to_owned(),
        number,
        number_pos: number_side.pos(),
        side_pos: side.pos(),
        op: binary.op,
        is_number_first,
        is_top,
    })
}

/// The value of an expression made of numbers.
fn constant(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Number(number) => Some(number.value),
        Expr::Paren(paren) => constant(&paren.expr),
        Expr::Unary(unary) => {
            let value = constant(&unary.expr)?;
            Some(if unary.op == UnaryOp::Minus { -value } else { value })
        }
        Expr::Binary(binary) => {
            let (a, b) = (constant(&binary.lhs)?, constant(&binary.rhs)?);
            match binary.op {
                BinaryOp::Add => Some(a + b),
                BinaryOp::Sub => Some(a - b),
                BinaryOp::Mul => Some(a * b),
                BinaryOp::Div => Some(a / b),
                BinaryOp::Mod => Some(a % b),
                BinaryOp::Pow => Some(a.powf(b)),
                _ => None,
            }
        }
        _ => None,
    }
}

impl Filter {
    /// Whether a sample passes. Histograms are not compared with numbers: they fall out.
    pub(super) fn passes(&self, value: &MetricValue) -> bool {
        let MetricValue::Float(value) = *value else {
            return false;
        };
        let (a, b) = if self.is_number_first {
            (self.number, value)
        } else {
            (value, self.number)
        };
        match self.op {
            BinaryOp::Equal => a == b,
            BinaryOp::NotEqual => a != b,
            BinaryOp::Less => a < b,
            BinaryOp::LessOrEqual => a <= b,
            BinaryOp::Greater => a > b,
            BinaryOp::GreaterOrEqual => a >= b,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, expect: Option<(&str, f64, bool, &str)>) {
        let found = Threshold::of(query, &Engine::default()).expect("the query parses");
        let shown = found
            .as_ref()
            .map(|found| (found.side(), found.number(), found.is_top(), found.with_number(7.0)));
        let expect = expect.map(|(side, number, is_top, with)| (side, number, is_top, with.to_owned()));
        assert_eq!(shown, expect, "{query}");
    }

    #[test]
    fn the_deciding_comparison_is_found() {
        check("a > 5", Some(("a", 5.0, true, "a > (7)")));
        check(
            "(sum(a) by (x) >= 10 * 60)",
            Some(("sum(a) by (x)", 600.0, true, "(sum(a) by (x) >= (7))")),
        );
        check(
            "-1 < a offset 5m",
            Some(("a offset 5m", -1.0, true, "(7) < a offset 5m")),
        );
        check(
            "a / b > 0.5 and c > 1",
            Some(("a / b", 0.5, false, "a / b > (7) and c > 1")),
        );
        check("a unless b > 2", Some(("b", 2.0, false, "a unless b > (7)")));
        check("a > bool 5", None);
        check("a > b", None);
        check("absent(a)", None);
        check("a > 5m", Some(("a", 300.0, true, "a > (7)")));
    }
}
