//! The type check, run only on trees without syntax faults.

use super::Parser;
use crate::ast::{
    AggregateExpr, AggregateOp, BinaryExpr, Call, Cardinality, Expr, SubqueryExpr, ValueType, VectorMatching,
};
use crate::position::PosRange;
use crate::quote::quote;
use crate::signature::Variadic;

impl Parser<'_> {
    pub(super) fn check(&mut self, expr: &Expr) -> ValueType {
        match expr {
            Expr::Aggregate(aggregate) => self.check_aggregate(aggregate),
            Expr::Binary(binary) => self.check_binary(binary, expr.pos()),
            Expr::Call(call) => self.check_call(call),
            Expr::Paren(paren) => {
                self.check(&paren.expr);
            }
            Expr::Unary(unary) => {
                let operand = self.check(&unary.expr);
                if !is_number_like(operand) {
                    let got = quote(operand.documented());
                    let allowed = "expressions of type scalar or instant vector";
                    self.fault(
                        expr.pos(),
                        format!("unary expression only allowed on {allowed}, got {got}"),
                    );
                }
            }
            Expr::Subquery(subquery) => self.check_subquery(subquery, expr.pos()),
            Expr::Matrix(matrix) => self.check_selector(&matrix.selector, false),
            Expr::Vector(selector) => self.check_selector(selector, false),
            Expr::Number(_) | Expr::String(_) => {}
        }
        expr.value_type()
    }

    fn expect_type(&mut self, expr: &Expr, wanted: ValueType, context: &str) {
        let got = self.check(expr);
        if got != wanted {
            let (wanted, got) = (wanted.documented(), got.documented());
            self.fault(expr.pos(), format!("expected type {wanted} in {context}, got {got}"));
        }
    }

    fn check_aggregate(&mut self, aggregate: &AggregateExpr) {
        self.expect_type(&aggregate.expr, ValueType::Vector, "aggregation expression");
        let Some(param) = &aggregate.param else {
            return;
        };
        let wanted = if aggregate.op == AggregateOp::CountValues {
            ValueType::String
        } else {
            ValueType::Scalar
        };
        self.expect_type(param, wanted, "aggregation parameter");
    }

    fn check_subquery(&mut self, subquery: &SubqueryExpr, pos: PosRange) {
        let inner = self.check(&subquery.expr);
        if inner != ValueType::Vector {
            let got = inner.as_str();
            self.fault(
                pos,
                format!("subquery is only allowed on instant vector, got {got} instead"),
            );
        }
    }

    fn check_binary(&mut self, binary: &BinaryExpr, pos: PosRange) {
        let lhs = self.check(&binary.lhs);
        let rhs = self.check(&binary.rhs);
        let op = binary.op;
        if binary.return_bool && !op.is_comparison() {
            let pos = self.operator_range(binary);
            self.fault(pos, "bool modifier can only be used on comparison operators");
        }
        let both_scalar = lhs == ValueType::Scalar && rhs == ValueType::Scalar;
        if op.is_comparison() && !binary.return_bool && both_scalar {
            let pos = self.operator_range(binary);
            self.fault(pos, "comparisons between scalars must use BOOL modifier");
        }
        if let Some(matching) = &binary.matching {
            self.check_matching(binary, matching, pos);
        }
        for (side, side_type) in [(&binary.lhs, lhs), (&binary.rhs, rhs)] {
            if !is_number_like(side_type) {
                let message = "binary expression must contain only scalar and instant vector types";
                self.fault(side.pos(), message);
            }
        }
        if op.is_set() && (lhs == ValueType::Scalar || rhs == ValueType::Scalar) {
            let op = quote(op.as_str());
            self.fault(
                pos,
                format!("set operator {op} not allowed in binary scalar expression"),
            );
        }
    }

    fn check_matching(&mut self, binary: &BinaryExpr, matching: &VectorMatching, pos: PosRange) {
        let twice = matching.labels.iter().find(|label| matching.include.contains(label));
        if let Some(label) = twice.filter(|_| matching.on) {
            let pos = self.operator_range(binary);
            let label = quote(label);
            self.fault(
                pos,
                format!("label {label} must not occur in ON and GROUP clause at once"),
            );
        }
        if !binary.op.is_set() {
            return;
        }
        if matching.cardinality != Cardinality::ManyToMany {
            let op = quote(binary.op.as_str());
            self.fault(pos, format!("no grouping allowed for {op} operation"));
            self.fault(pos, "set operations must always be many-to-many");
        }
        if matching.fill_left.is_some() || matching.fill_right.is_some() {
            self.fault(pos, "filling in missing series not allowed for set operators");
        }
    }

    /// Modifiers that mean nothing unless both sides are vectors.
    pub(super) fn check_scalar_matching(&mut self, matching: Option<&VectorMatching>, pos: PosRange) {
        let Some(matching) = matching else {
            return;
        };
        if !matching.labels.is_empty() {
            self.fault(pos, "vector matching only allowed between instant vectors");
        }
        if matching.fill_left.is_some() || matching.fill_right.is_some() {
            self.fault(pos, "filling in missing series only allowed between instant vectors");
        }
    }

    /// The operator with its modifiers.
    fn operator_range(&self, binary: &BinaryExpr) -> PosRange {
        let (from, to) = (binary.lhs.pos().end, binary.rhs.pos().start);
        let between = self.input.get(from..to).unwrap_or_default();
        let start = from + (between.len() - between.trim_start().len());
        // Prometheus' range leaves out the last character of the operator.
        let last = from + between.trim_end().len();
        PosRange::new(start, last.saturating_sub(1).max(start))
    }

    fn check_call(&mut self, call: &Call) {
        self.check_arg_count(call);
        if call.function.name == "info" && call.args.len() > 1 {
            self.check_info_selector(call, &call.args[1]);
        }
        for (index, arg) in call.args.iter().enumerate() {
            let Some(wanted) = call.function.arg_type(index) else {
                break;
            };
            let got = match arg {
                Expr::Vector(selector) if call.function.name == "info" && index == 1 => {
                    self.check_selector(selector, true);
                    ValueType::Vector
                }
                other => self.check(other),
            };
            if got != wanted {
                let name = quote(call.function.name);
                let (wanted, got) = (wanted.documented(), got.documented());
                self.fault(
                    arg.pos(),
                    format!("expected type {wanted} in call to function {name}, got {got}"),
                );
            }
        }
    }

    fn check_arg_count(&mut self, call: &Call) {
        let (declared, given) = (call.function.args.len(), call.args.len());
        let name = quote(call.function.name);
        let message = match call.function.variadic {
            Variadic::No if given != declared => {
                format!("expected {declared} argument(s) in call to {name}, got {given}")
            }
            Variadic::UpTo(_) | Variadic::Any if given + 1 < declared => {
                format!(
                    "expected at least {} argument(s) in call to {name}, got {given}",
                    declared - 1
                )
            }
            Variadic::UpTo(extra) if given > declared - 1 + extra => {
                format!(
                    "expected at most {} argument(s) in call to {name}, got {given}",
                    declared - 1 + extra
                )
            }
            _ => return,
        };
        self.fault(call.pos, message);
    }

    fn check_info_selector(&mut self, call: &Call, arg: &Expr) {
        if arg.value_type() != ValueType::Vector {
            let got = arg.value_type().documented();
            self.fault(
                call.pos,
                format!("expected type instant vector in call to function \"info\", got {got}"),
            );
        }
        match arg {
            Expr::Vector(selector) if selector.name.is_empty() => {}
            Expr::Vector(_) => {
                self.fault(arg.pos(), "expected label selectors only, got vector selector instead");
            }
            _ => self.fault(arg.pos(), "expected label selectors only"),
        }
    }
}

fn is_number_like(value_type: ValueType) -> bool {
    matches!(value_type, ValueType::Scalar | ValueType::Vector)
}
