//! Durations in `[]` and after `offset`: literals, or arithmetic over them.

use super::{Feature, Parsed, Parser};
use crate::ast::{BinaryOp, DurationArg, DurationExpr};
use crate::duration::milliseconds;
use crate::position::PosRange;
use crate::token::{Preprocessor, TokenKind};

const EXPECTED: &str = "number, duration, step(), or range()";

impl Parser<'_> {
    /// A duration that must be above zero where that is known already.
    pub(super) fn positive_duration(&mut self, context: &str, expected: &str) -> Parsed<DurationArg> {
        let expr = self.duration_expr(0, context, expected)?;
        let arg = self.duration_arg(expr);
        if let Some((ms, pos)) = arg.1.filter(|_| arg.0.expr.is_none()).map(|pos| (arg.0.ms, pos))
            && ms <= 0
        {
            self.fault(pos, "duration must be greater than 0");
        }
        Ok(arg.0)
    }

    /// The duration after `offset`: one term with signs, without operators.
    pub(super) fn offset_duration(&mut self) -> Parsed<DurationArg> {
        let expr = self.duration_term("offset", EXPECTED)?;
        Ok(self.duration_arg(expr).0)
    }

    /// A literal becomes milliseconds, anything else stays an expression.
    fn duration_arg(&mut self, expr: DurationExpr) -> (DurationArg, Option<PosRange>) {
        let pos = expr.pos();
        let (value, literal_pos) = match &expr {
            DurationExpr::Number(number) => (number.value, pos),
            DurationExpr::Negate(inner, _) => match &**inner {
                DurationExpr::Number(number) => (-number.value, pos),
                _ => return (self.expression_arg(expr), None),
            },
            _ => return (self.expression_arg(expr), None),
        };
        let Some(ms) = milliseconds(value) else {
            self.fault(literal_pos, "duration out of range");
            return (DurationArg::default(), Some(literal_pos));
        };
        let arg = DurationArg { ms, expr: None };
        (arg, Some(literal_pos))
    }

    fn expression_arg(&mut self, expr: DurationExpr) -> DurationArg {
        if self.options.duration_expressions == Feature::Disabled {
            self.fault(expr.pos(), "experimental duration expression is not enabled");
        }
        DurationArg {
            ms: 0,
            expr: Some(expr),
        }
    }

    fn duration_expr(&mut self, floor: u8, context: &str, expected: &str) -> Parsed<DurationExpr> {
        let mut lhs = self.duration_factor(context, expected)?;
        while let TokenKind::Operator(op) = *self.kind() {
            let arithmetic = matches!(
                op,
                BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod | BinaryOp::Pow
            );
            if !arithmetic || op.precedence() <= floor {
                break;
            }
            let op_pos = self.advance().pos;
            let rhs_floor = if op == BinaryOp::Pow {
                op.precedence() - 1
            } else {
                op.precedence()
            };
            let rhs = self.nested(|parser| parser.duration_expr(rhs_floor, context, expected))?;
            self.check_divisor(op, &rhs, op_pos);
            lhs = DurationExpr::Binary(op, Box::new(lhs), Box::new(rhs));
        }
        Ok(lhs)
    }

    fn check_divisor(&mut self, op: BinaryOp, rhs: &DurationExpr, op_pos: PosRange) {
        let is_zero = matches!(rhs, DurationExpr::Number(number) if number.value == 0.0);
        match op {
            BinaryOp::Div if is_zero => self.fault(op_pos, "division by zero"),
            BinaryOp::Mod if is_zero => self.fault(op_pos, "modulo by zero"),
            _ => {}
        }
    }

    /// A term in brackets, where a sign binds as in expressions.
    fn duration_factor(&mut self, context: &str, expected: &str) -> Parsed<DurationExpr> {
        let Some((negative, start)) = self.sign() else {
            return self.duration_term(context, expected);
        };
        let operand = self.nested(|parser| parser.duration_expr(BinaryOp::Mul.precedence(), context, expected))?;
        Ok(signed(operand, negative, start))
    }

    fn sign(&mut self) -> Option<(bool, usize)> {
        let negative = match *self.kind() {
            TokenKind::Operator(BinaryOp::Add) => false,
            TokenKind::Operator(BinaryOp::Sub) => true,
            _ => return None,
        };
        Some((negative, self.advance().pos.start))
    }

    fn duration_term(&mut self, context: &str, expected: &str) -> Parsed<DurationExpr> {
        if let Some((negative, start)) = self.sign() {
            let term = self.nested(|parser| parser.duration_term(context, expected))?;
            return Ok(signed(term, negative, start));
        }
        if let Some(literal) = self.number_literal() {
            return Ok(DurationExpr::Number(literal));
        }
        let start = self.peek().pos.start;
        match *self.kind() {
            TokenKind::LeftParen => {
                self.advance();
                let inner = self.nested(|parser| parser.duration_expr(0, context, expected))?;
                self.expect(&TokenKind::RightParen, context, expected)?;
                let pos = PosRange::new(start, self.previous_end());
                Ok(DurationExpr::Paren(Box::new(inner), pos))
            }
            TokenKind::Preprocessor(name @ (Preprocessor::Step | Preprocessor::Range)) => {
                self.advance();
                self.expect(&TokenKind::LeftParen, context, expected)?;
                self.expect(&TokenKind::RightParen, context, expected)?;
                let pos = PosRange::new(start, self.previous_end());
                Ok(match name {
                    Preprocessor::Step => DurationExpr::Step(pos),
                    _ => DurationExpr::Range(pos),
                })
            }
            TokenKind::Identifier => self.extremum(context, expected),
            _ => self.unexpected(context, expected),
        }
    }

    fn extremum(&mut self, context: &str, expected: &str) -> Parsed<DurationExpr> {
        let start = self.peek().pos;
        let is_max = match self.text(start).to_ascii_lowercase().as_str() {
            "max_of" => true,
            "min_of" => false,
            _ => return self.unexpected(context, expected),
        };
        self.advance();
        self.expect(&TokenKind::LeftParen, context, expected)?;
        let first = self.nested(|parser| parser.duration_expr(0, context, expected))?;
        self.expect(&TokenKind::Comma, context, expected)?;
        let second = self.nested(|parser| parser.duration_expr(0, context, expected))?;
        self.expect(&TokenKind::RightParen, context, expected)?;
        let pos = PosRange::new(start.start, self.previous_end());
        let (first, second) = (Box::new(first), Box::new(second));
        Ok(if is_max {
            DurationExpr::MaxOf(first, second, pos)
        } else {
            DurationExpr::MinOf(first, second, pos)
        })
    }
}

fn signed(expr: DurationExpr, negative: bool, start: usize) -> DurationExpr {
    match expr {
        DurationExpr::Number(mut number) => {
            if negative {
                number.value = -number.value;
            }
            number.pos.start = start;
            DurationExpr::Number(number)
        }
        other if negative => DurationExpr::Negate(Box::new(other), start),
        other => other,
    }
}
