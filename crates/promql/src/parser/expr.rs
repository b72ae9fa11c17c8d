//! Expressions: operators by precedence, calls, aggregations, literals.

use super::{MAX_TREE_DEPTH, Parsed, Parser};
use crate::ast::{
    AggregateExpr, AggregateOp, BinaryExpr, BinaryOp, Call, Cardinality, Expr, NumberLiteral, ParenExpr, StringLiteral,
    UnaryExpr, UnaryOp, ValueType, VectorMatching,
};
use crate::duration::parse_duration;
use crate::parser::{Feature, parse_number};
use crate::position::PosRange;
use crate::quote::{quote, unquote};
use crate::signature::Function;
use crate::token::{Keyword, Token, TokenKind};

const LABEL_LIST: &str = "grouping opts";

impl Parser<'_> {
    pub(super) fn expr(&mut self) -> Parsed<Expr> {
        self.nested(|parser| parser.binary(0))
    }

    /// An expression of operators that bind tighter than `floor`.
    fn binary(&mut self, floor: u8) -> Parsed<Expr> {
        let mut lhs = self.unary()?;
        let mut chained = 0;
        while let TokenKind::Operator(op) = *self.kind() {
            let precedence = op.precedence();
            if precedence <= floor {
                break;
            }
            chained += 1;
            let operator = self.advance();
            if chained + self.nesting > MAX_TREE_DEPTH {
                return self.abort(
                    operator.pos,
                    format!("expression has more than {MAX_TREE_DEPTH} operators in a row"),
                );
            }
            let (return_bool, matching) = self.binary_modifiers()?;
            // `^` alone associates to the right.
            let rhs_floor = if op == BinaryOp::Pow {
                precedence - 1
            } else {
                precedence
            };
            let rhs = self.nested(|parser| parser.binary(rhs_floor))?;
            lhs = self.new_binary(op, lhs, rhs, return_bool, matching);
        }
        Ok(lhs)
    }

    fn new_binary(
        &mut self,
        op: BinaryOp,
        lhs: Expr,
        rhs: Expr,
        return_bool: bool,
        mut matching: VectorMatching,
    ) -> Expr {
        let filled = matching.fill_left.is_some() || matching.fill_right.is_some();
        if filled && self.options.fill_modifiers == Feature::Disabled {
            let pos = lhs.pos().cover(rhs.pos());
            self.fault(pos, "binop fill modifiers are experimental and not enabled");
        }
        let mut explicit = Some(matching.clone());
        if op.is_set() && matching.cardinality == Cardinality::OneToOne {
            matching.cardinality = Cardinality::ManyToMany;
            explicit = Some(matching);
        }
        let both_vectors = lhs.value_type() == ValueType::Vector && rhs.value_type() == ValueType::Vector;
        if !both_vectors {
            let pos = lhs.pos().cover(rhs.pos());
            self.check_scalar_matching(explicit.as_ref(), pos);
            explicit = None;
        }
        Expr::Binary(Box::new(BinaryExpr {
            op,
            lhs,
            rhs,
            matching: explicit,
            return_bool,
        }))
    }

    fn binary_modifiers(&mut self) -> Parsed<(bool, VectorMatching)> {
        let return_bool = self.next_if(&TokenKind::Keyword(Keyword::Bool)).is_some();
        let mut matching = VectorMatching::default();
        if let TokenKind::Keyword(keyword @ (Keyword::On | Keyword::Ignoring)) = *self.kind() {
            self.advance();
            matching.on = keyword == Keyword::On;
            matching.labels = self.grouping_labels()?;
            if let TokenKind::Keyword(keyword @ (Keyword::GroupLeft | Keyword::GroupRight)) = *self.kind() {
                self.advance();
                matching.cardinality = if keyword == Keyword::GroupLeft {
                    Cardinality::ManyToOne
                } else {
                    Cardinality::OneToMany
                };
                if *self.kind() == TokenKind::LeftParen {
                    matching.include = self.grouping_labels()?;
                }
            }
        }
        self.fill_modifiers(&mut matching)?;
        Ok((return_bool, matching))
    }

    fn fill_modifiers(&mut self, matching: &mut VectorMatching) -> Parsed<()> {
        if self.next_if(&TokenKind::Keyword(Keyword::Fill)).is_some() {
            let value = self.fill_value()?;
            (matching.fill_left, matching.fill_right) = (Some(value), Some(value));
            return Ok(());
        }
        loop {
            let slot = match self.kind() {
                TokenKind::Keyword(Keyword::FillLeft) if matching.fill_left.is_none() => &mut matching.fill_left,
                TokenKind::Keyword(Keyword::FillRight) if matching.fill_right.is_none() => &mut matching.fill_right,
                _ => return Ok(()),
            };
            self.advance();
            *slot = Some(self.fill_value()?);
        }
    }

    fn fill_value(&mut self) -> Parsed<f64> {
        const CONTEXT: &str = "fill modifier";
        self.expect(&TokenKind::LeftParen, CONTEXT, "\"(\"")?;
        let value = self.signed_number(CONTEXT, "number")?;
        self.expect(&TokenKind::RightParen, CONTEXT, "\")\"")?;
        Ok(value)
    }

    pub(super) fn signed_number(&mut self, context: &str, expected: &str) -> Parsed<f64> {
        let negative = match *self.kind() {
            TokenKind::Operator(op @ (BinaryOp::Add | BinaryOp::Sub)) => {
                self.advance();
                op == BinaryOp::Sub
            }
            _ => false,
        };
        let Some(literal) = self.number_literal() else {
            return self.unexpected(context, expected);
        };
        Ok(if negative { -literal.value } else { literal.value })
    }

    fn unary(&mut self) -> Parsed<Expr> {
        let op = match *self.kind() {
            TokenKind::Operator(BinaryOp::Add) => UnaryOp::Plus,
            TokenKind::Operator(BinaryOp::Sub) => UnaryOp::Minus,
            _ => return self.postfix(),
        };
        let start = self.advance().pos.start;
        let operand = self.nested(|parser| parser.binary(BinaryOp::Mul.precedence()))?;
        Ok(match operand {
            Expr::Number(mut number) => {
                if op == UnaryOp::Minus {
                    number.value = -number.value;
                }
                number.pos.start = start;
                Expr::Number(number)
            }
            other => Expr::Unary(UnaryExpr {
                op,
                expr: Box::new(other),
                start,
            }),
        })
    }

    fn primary(&mut self) -> Parsed<Expr> {
        let call_follows = self.peek_second().kind == TokenKind::LeftParen;
        match self.kind().clone() {
            TokenKind::Number | TokenKind::Duration => {
                let literal = self.number_literal().map(Expr::Number);
                literal.map_or_else(|| self.unexpected("", ""), Ok)
            }
            TokenKind::String => self.string_literal(),
            TokenKind::LeftParen => self.paren(),
            TokenKind::Aggregate(op) if self.starts_aggregation() => self.aggregation(op),
            TokenKind::Identifier | TokenKind::Preprocessor(_) if call_follows => self.call(),
            _ => match self.vector_selector()? {
                Some(selector) => Ok(Expr::Vector(selector)),
                None => self.unexpected("", ""),
            },
        }
    }

    pub(super) fn primary_expr(&mut self) -> Parsed<Expr> {
        self.primary()
    }

    fn starts_aggregation(&self) -> bool {
        matches!(
            self.peek_second().kind,
            TokenKind::LeftParen | TokenKind::Keyword(Keyword::By | Keyword::Without)
        )
    }

    fn paren(&mut self) -> Parsed<Expr> {
        let start = self.advance().pos.start;
        let expr = self.expr()?;
        let end = self.expect(&TokenKind::RightParen, "", "")?.pos.end;
        Ok(Expr::Paren(ParenExpr {
            expr: Box::new(expr),
            pos: PosRange::new(start, end),
        }))
    }

    #[expect(clippy::unnecessary_wraps, reason = "every production gives a Parsed")]
    fn string_literal(&mut self) -> Parsed<Expr> {
        let token = self.advance();
        let value = self.unquoted(&token);
        Ok(Expr::String(StringLiteral { value, pos: token.pos }))
    }

    pub(super) fn unquoted(&mut self, token: &Token) -> String {
        let literal = self.text(token.pos);
        unquote(literal).unwrap_or_else(|reason| {
            self.fault(
                token.pos,
                format!("error unquoting string {}: {reason}", quote(literal)),
            );
            String::new()
        })
    }

    /// The number or duration at the cursor, if there is one. A faulty one counts as zero.
    pub(super) fn number_literal(&mut self) -> Option<NumberLiteral> {
        let is_duration = match self.kind() {
            TokenKind::Number => false,
            TokenKind::Duration => true,
            _ => return None,
        };
        let pos = self.advance().pos;
        let text = self.text(pos);
        let parsed = if is_duration {
            parse_duration(text)
                .map(|ms| ms as f64 / 1000.0)
                .map_err(|error| error.to_string())
        } else {
            parse_number(text).map_err(|error| format!("error parsing number: {error}"))
        };
        let value = parsed.unwrap_or_else(|message| {
            self.fault(pos, message);
            0.0
        });
        Some(NumberLiteral {
            value,
            is_duration,
            pos,
        })
    }

    fn call(&mut self) -> Parsed<Expr> {
        let name_pos = self.advance().pos;
        let name = self.text(name_pos);
        let args = self.call_args()?;
        let pos = PosRange::new(name_pos.start, self.previous_end());
        let Some(function) = Function::by_name(name) else {
            return self.abort(name_pos, format!("unknown function with name {}", quote(name)));
        };
        if function.experimental && self.options.experimental_functions == Feature::Disabled {
            self.fault(name_pos, format!("function {} is not enabled", quote(name)));
        }
        Ok(Expr::Call(Call { function, args, pos }))
    }

    fn call_args(&mut self) -> Parsed<Vec<Expr>> {
        self.expect(&TokenKind::LeftParen, "", "")?;
        let mut args = Vec::new();
        if self.next_if(&TokenKind::RightParen).is_some() {
            return Ok(args);
        }
        loop {
            args.push(self.expr()?);
            let Some(comma) = self.next_if(&TokenKind::Comma) else {
                break;
            };
            if *self.kind() == TokenKind::RightParen {
                self.fault(comma.pos, "trailing commas not allowed in function call args");
                break;
            }
        }
        self.expect(&TokenKind::RightParen, "", "")?;
        Ok(args)
    }

    fn aggregation(&mut self, op: AggregateOp) -> Parsed<Expr> {
        let start = self.advance().pos.start;
        let mut modifier = self.aggregate_modifier()?;
        let args = self.call_args()?;
        if modifier.is_none() {
            modifier = self.aggregate_modifier()?;
        }
        let pos = PosRange::new(start, self.previous_end());
        let (without, grouping) = modifier.unwrap_or_default();
        let (param, expr) = self.aggregate_args(op, args, pos)?;
        Ok(Expr::Aggregate(Box::new(AggregateExpr {
            op,
            expr,
            param,
            grouping,
            without,
            pos,
        })))
    }

    fn aggregate_args(&mut self, op: AggregateOp, args: Vec<Expr>, pos: PosRange) -> Parsed<(Option<Expr>, Expr)> {
        let given = args.len();
        if given == 0 {
            return self.abort(pos, "no arguments for aggregate expression provided");
        }
        if op.is_experimental() && self.options.experimental_functions == Feature::Disabled {
            let flag = "--enable-feature=promql-experimental-functions";
            return self.abort(pos, format!("{op}() is experimental and must be enabled with {flag}"));
        }
        let wanted = if op.has_param() { 2 } else { 1 };
        let mut args = args.into_iter();
        let param = if op.has_param() { args.next() } else { None };
        match (args.next(), args.next()) {
            (Some(expr), None) => Ok((param, expr)),
            _ => self.abort(
                pos,
                format!("wrong number of arguments for aggregate expression provided, expected {wanted}, got {given}"),
            ),
        }
    }

    fn aggregate_modifier(&mut self) -> Parsed<Option<(bool, Vec<String>)>> {
        let without = match *self.kind() {
            TokenKind::Keyword(Keyword::By) => false,
            TokenKind::Keyword(Keyword::Without) => true,
            _ => return Ok(None),
        };
        self.advance();
        let labels = self.grouping_labels()?;
        Ok(Some((without, labels)))
    }

    fn grouping_labels(&mut self) -> Parsed<Vec<String>> {
        self.expect(&TokenKind::LeftParen, LABEL_LIST, "\"(\"")?;
        let mut labels = Vec::new();
        if self.next_if(&TokenKind::RightParen).is_some() {
            return Ok(labels);
        }
        loop {
            labels.push(self.grouping_label()?);
            let comma = self.next_if(&TokenKind::Comma);
            if self.next_if(&TokenKind::RightParen).is_some() {
                return Ok(labels);
            }
            if comma.is_none() {
                return self.unexpected(LABEL_LIST, "\",\" or \")\"");
            }
        }
    }

    fn grouping_label(&mut self) -> Parsed<String> {
        match self.kind() {
            TokenKind::Identifier
            | TokenKind::Aggregate(_)
            | TokenKind::Keyword(_)
            | TokenKind::Preprocessor(_)
            | TokenKind::Operator(BinaryOp::And | BinaryOp::Or | BinaryOp::Unless | BinaryOp::Atan2) => {
                let pos = self.advance().pos;
                Ok(self.text(pos).to_owned())
            }
            TokenKind::String => {
                let token = self.advance();
                let label = self.unquoted(&token);
                if label.is_empty() {
                    return self.abort(
                        token.pos,
                        format!("unexpected string {} in {LABEL_LIST}, expected label", quote("\"\"")),
                    );
                }
                Ok(label)
            }
            _ => self.unexpected(LABEL_LIST, "label"),
        }
    }
}
