//! Selectors and what may follow an expression: ranges, subqueries, `offset`, `@`.

use skopos_core::labels::METRIC_NAME;
use skopos_core::{MatchOp, Matcher};

use super::{Feature, Parsed, Parser};
use crate::ast::{AtModifier, BinaryOp, DurationArg, Expr, MatrixSelector, SubqueryExpr, VectorSelector};
use crate::position::PosRange;
use crate::quote::quote;
use crate::token::{Keyword, Preprocessor, Token, TokenKind};

const MATCHING: &str = "label matching";

impl Parser<'_> {
    /// An expression with its range, `offset`, `@`, `anchored` and `smoothed`.
    pub(super) fn postfix(&mut self) -> Parsed<Expr> {
        let mut expr = self.primary_expr()?;
        loop {
            match self.kind() {
                TokenKind::LeftBracket => expr = self.range(expr)?,
                TokenKind::Keyword(Keyword::Offset) => self.offset(&mut expr)?,
                TokenKind::At => self.at_modifier(&mut expr)?,
                TokenKind::Keyword(keyword @ (Keyword::Anchored | Keyword::Smoothed)) => {
                    let keyword = *keyword;
                    self.advance();
                    self.extend_range(&mut expr, keyword);
                }
                _ => return Ok(expr),
            }
        }
    }

    /// The selector at the cursor, if one starts there.
    pub(super) fn vector_selector(&mut self) -> Parsed<Option<VectorSelector>> {
        let start = self.peek().pos.start;
        let mut selector = VectorSelector::default();
        if self.at_metric_identifier() {
            let pos = self.advance().pos;
            self.text(pos).clone_into(&mut selector.name);
        } else if *self.kind() != TokenKind::LeftBrace {
            return Ok(None);
        }
        if *self.kind() == TokenKind::LeftBrace {
            selector.matchers = self.label_matchers()?;
        }
        if !selector.name.is_empty() {
            selector
                .matchers
                .push(Matcher::equal(METRIC_NAME, selector.name.as_str()));
        }
        selector.pos = PosRange::new(start, self.previous_end());
        Ok(Some(selector))
    }

    fn at_metric_identifier(&self) -> bool {
        matches!(
            self.kind(),
            TokenKind::Identifier
                | TokenKind::MetricIdentifier
                | TokenKind::Aggregate(_)
                | TokenKind::Preprocessor(_)
                | TokenKind::Operator(BinaryOp::And | BinaryOp::Or | BinaryOp::Unless)
                | TokenKind::Keyword(
                    Keyword::By | Keyword::Offset | Keyword::Without | Keyword::Anchored | Keyword::Smoothed
                )
        )
    }

    fn label_matchers(&mut self) -> Parsed<Vec<Matcher>> {
        self.advance();
        let mut matchers = Vec::new();
        if self.next_if(&TokenKind::RightBrace).is_some() {
            return Ok(matchers);
        }
        loop {
            matchers.extend(self.label_matcher()?);
            let comma = self.next_if(&TokenKind::Comma);
            if self.next_if(&TokenKind::RightBrace).is_some() {
                return Ok(matchers);
            }
            if comma.is_none() {
                return self.unexpected(MATCHING, "\",\" or \"}\"");
            }
        }
    }

    /// One condition; `None` if its pattern is faulty.
    fn label_matcher(&mut self) -> Parsed<Option<Matcher>> {
        let token = self.peek().clone();
        let name = match token.kind {
            TokenKind::Identifier => {
                self.advance();
                self.text(token.pos).to_owned()
            }
            TokenKind::String => {
                self.advance();
                self.unquoted(&token)
            }
            _ => return self.unexpected(MATCHING, "identifier or \"}\""),
        };
        let op = match self.kind() {
            TokenKind::Equal => MatchOp::Equal,
            TokenKind::Operator(BinaryOp::NotEqual) => MatchOp::NotEqual,
            TokenKind::EqualRegex => MatchOp::Regex,
            TokenKind::NotEqualRegex => MatchOp::NotRegex,
            _ if token.kind == TokenKind::String => return Ok(Some(Matcher::equal(METRIC_NAME, name))),
            _ => return self.unexpected(MATCHING, "label matching operator"),
        };
        self.advance();
        if *self.kind() != TokenKind::String {
            return self.unexpected(MATCHING, "string");
        }
        let value_token = self.advance();
        Ok(self.new_matcher(op, name, &token, &value_token))
    }

    fn new_matcher(&mut self, op: MatchOp, name: String, from: &Token, to: &Token) -> Option<Matcher> {
        let value = self.unquoted(to);
        Matcher::new(op, name, value)
            .inspect_err(|error| self.fault(from.pos.cover(to.pos), error.to_string()))
            .ok()
    }

    fn range(&mut self, expr: Expr) -> Parsed<Expr> {
        const EXPECTED: &str = "number, duration, step(), or range()";
        let open = self.advance();
        let range = self.positive_duration("subquery or range selector", EXPECTED)?;
        if self.next_if(&TokenKind::Colon).is_some() {
            return self.subquery(expr, range);
        }
        let close = self.expect(&TokenKind::RightBracket, "subquery or range", "\":\" or \"]\"")?;
        let brackets = open.pos.cover(close.pos);
        let selector = match expr {
            Expr::Vector(selector) => selector,
            other => {
                self.fault(brackets, "ranges only allowed for vector selectors");
                // The fault fails the parse; the range only needs a place to stand.
                VectorSelector {
                    pos: other.pos(),
                    ..VectorSelector::default()
                }
            }
        };
        if !selector.offset.is_unset() {
            self.fault(brackets, "no offset modifiers allowed before range");
        } else if selector.at.is_some() {
            self.fault(brackets, "no @ modifiers allowed before range");
        }
        Ok(Expr::Matrix(MatrixSelector {
            selector,
            range,
            end: close.pos.end,
        }))
    }

    fn subquery(&mut self, expr: Expr, range: DurationArg) -> Parsed<Expr> {
        const CONTEXT: &str = "subquery selector";
        let step = if *self.kind() == TokenKind::RightBracket {
            None
        } else {
            let expected = "number, duration, step(), range(), or \"]\"";
            Some(self.positive_duration(CONTEXT, expected)?)
        };
        let end = self.expect(&TokenKind::RightBracket, CONTEXT, "\"]\"")?.pos.end;
        Ok(Expr::Subquery(Box::new(SubqueryExpr {
            expr,
            range,
            step,
            offset: DurationArg::default(),
            at: None,
            end,
        })))
    }

    fn offset(&mut self, expr: &mut Expr) -> Parsed<()> {
        self.advance();
        let offset = self.offset_duration()?;
        let end = self.previous_end();
        let pos = expr.pos();
        let (slot, end_slot) = match expr {
            Expr::Vector(selector) => (&mut selector.offset, &mut selector.pos.end),
            Expr::Matrix(matrix) => (&mut matrix.selector.offset, &mut matrix.end),
            Expr::Subquery(subquery) => (&mut subquery.offset, &mut subquery.end),
            _ => {
                let wanted = "an instant vector selector or range vector selector or a subquery";
                self.fault(pos, format!("offset modifier must be preceded by {wanted}"));
                return Ok(());
            }
        };
        if slot.is_unset() {
            *slot = offset;
            *end_slot = end;
        } else {
            self.fault(pos, "offset may not be set multiple times");
        }
        Ok(())
    }

    fn at_modifier(&mut self, expr: &mut Expr) -> Parsed<()> {
        self.advance();
        let pos = expr.pos();
        let at = match *self.kind() {
            TokenKind::Preprocessor(Preprocessor::Start) => self.at_boundary(AtModifier::Start)?,
            TokenKind::Preprocessor(Preprocessor::End) => self.at_boundary(AtModifier::End)?,
            _ => {
                let seconds = self.signed_number("@", "timestamp")?;
                self.at_timestamp(seconds, pos)
            }
        };
        let end = self.previous_end();
        let (slot, end_slot) = match expr {
            Expr::Vector(selector) => (&mut selector.at, &mut selector.pos.end),
            Expr::Matrix(matrix) => (&mut matrix.selector.at, &mut matrix.end),
            Expr::Subquery(subquery) => (&mut subquery.at, &mut subquery.end),
            _ => {
                let wanted = "an instant vector selector or range vector selector or a subquery";
                self.fault(pos, format!("@ modifier must be preceded by {wanted}"));
                return Ok(());
            }
        };
        if slot.is_none() {
            *slot = Some(at);
            *end_slot = end;
        } else {
            self.fault(pos, "@ <timestamp> may not be set multiple times");
        }
        Ok(())
    }

    fn at_boundary(&mut self, at: AtModifier) -> Parsed<AtModifier> {
        self.advance();
        self.expect(&TokenKind::LeftParen, "@", "timestamp")?;
        self.expect(&TokenKind::RightParen, "@", "timestamp")?;
        Ok(at)
    }

    fn at_timestamp(&mut self, seconds: f64, pos: PosRange) -> AtModifier {
        let in_bounds = seconds.is_finite() && seconds.abs() < i64::MAX as f64;
        if !in_bounds {
            let shown = crate::number::format_fixed(seconds);
            self.fault(pos, format!("timestamp out of bounds for @ modifier: {shown}"));
        }
        AtModifier::Timestamp((seconds * 1000.0).round() as i64)
    }

    fn extend_range(&mut self, expr: &mut Expr, keyword: Keyword) {
        let name = if keyword == Keyword::Anchored {
            "anchored"
        } else {
            "smoothed"
        };
        let pos = expr.pos();
        if self.options.extended_range_selectors == Feature::Disabled {
            return self.fault(pos, format!("{name} modifier is experimental and not enabled"));
        }
        let end = self.previous_end();
        let selector = match expr {
            Expr::Vector(selector) => {
                selector.pos.end = end;
                selector
            }
            Expr::Matrix(matrix) => {
                matrix.end = end;
                &mut matrix.selector
            }
            Expr::Subquery(_) => {
                return self.fault(pos, format!("{name} modifier is not supported for subqueries"));
            }
            _ => return self.fault(pos, format!("{name} modifier not implemented")),
        };
        if keyword == Keyword::Anchored {
            selector.anchored = true;
        } else {
            selector.smoothed = true;
        }
        if selector.anchored && selector.smoothed {
            self.fault(pos, "anchored and smoothed modifiers cannot be used together");
        }
    }

    pub(super) fn check_selector(&mut self, selector: &VectorSelector, may_be_empty: bool) {
        if !selector.name.is_empty() {
            let braced = &selector.matchers[..selector.matchers.len() - 1];
            let twice = braced.iter().find(|matcher| matcher.name() == METRIC_NAME);
            if let Some(matcher) = twice {
                let names = format!("{} or {}", quote(&selector.name), quote(matcher.value()));
                self.fault(selector.pos, format!("metric name must not be set twice: {names}"));
            }
            return;
        }
        if !may_be_empty && selector.matchers.iter().all(|matcher| matcher.matches("")) {
            self.fault(
                selector.pos,
                "vector selector must contain at least one non-empty matcher",
            );
        }
    }
}
