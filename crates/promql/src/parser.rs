//! Recursive descent from tokens to the tree; semantic faults are gathered, syntax faults end it.
//!
//! Split by concern: expressions, selectors, modifiers, durations, the type check. Nesting is
//! bounded, so that no query can exhaust the stack.

mod check;
mod duration;
mod expr;
mod number;
mod selector;

pub(crate) use number::parse_number;

use skopos_core::Matcher;

use crate::ast::Expr;
use crate::lexer::tokenize;
use crate::parse_error::{Fault, ParseError};
use crate::position::PosRange;
use crate::token::{Token, TokenKind};

/// Deepest nesting of parentheses, calls and signs.
const MAX_NESTING: usize = 128;
/// Deepest tree, which long chains of operators make too.
const MAX_TREE_DEPTH: usize = 512;
/// Longest query in bytes.
const MAX_QUERY_BYTES: usize = 1 << 20;

/// Parts of the language that Prometheus hides behind feature flags. All are on by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseOptions {
    /// `promql-experimental-functions`
    pub experimental_functions: Feature,
    /// `promql-duration-expr`
    pub duration_expressions: Feature,
    /// `promql-extended-range-selectors`
    pub extended_range_selectors: Feature,
    /// `promql-binop-fill-modifiers`
    pub fill_modifiers: Feature,
}

/// Whether a part of the language may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// It may.
    Enabled,
    /// It is an error.
    Disabled,
}

impl Default for ParseOptions {
    fn default() -> Self {
        Self::all(Feature::Enabled)
    }
}

impl ParseOptions {
    /// All flagged parts on, or all off as Prometheus is without flags.
    #[must_use]
    pub const fn all(feature: Feature) -> Self {
        Self {
            experimental_functions: feature,
            duration_expressions: feature,
            extended_range_selectors: feature,
            fill_modifiers: feature,
        }
    }
}

/// Parses an expression with all parts of the language on.
pub fn parse(query: &str) -> Result<Expr, ParseError> {
    parse_with(query, ParseOptions::default())
}

/// Parses an expression.
pub fn parse_with(query: &str, options: ParseOptions) -> Result<Expr, ParseError> {
    let mut parser = Parser::new(query, options)?;
    let parsed = parser.whole_expr();
    if let (Ok(expr), true) = (&parsed, parser.faults.is_empty()) {
        parser.check(expr);
    }
    parser.finish(parsed)
}

/// Parses a selector such as `up{job="a"}` to its conditions, as `match[]` parameters have it.
pub fn parse_metric_selector(text: &str) -> Result<Vec<Matcher>, ParseError> {
    let mut parser = Parser::new(text, ParseOptions::default())?;
    let parsed = parser.whole_selector();
    parser.finish(parsed)
}

struct Parser<'a> {
    input: &'a str,
    tokens: Vec<Token>,
    at: usize,
    options: ParseOptions,
    faults: Vec<Fault>,
    nesting: usize,
}

/// The parse cannot go on; the fault is recorded.
struct Abort;

type Parsed<T> = Result<T, Abort>;

impl<'a> Parser<'a> {
    fn new(input: &'a str, options: ParseOptions) -> Result<Self, ParseError> {
        if input.len() > MAX_QUERY_BYTES {
            let message = format!("query is longer than {MAX_QUERY_BYTES} bytes");
            let pos = PosRange::default();
            return Err(ParseError::new(&input[..0], vec![Fault { pos, message }]));
        }
        Ok(Self {
            input,
            tokens: tokenize(input),
            at: 0,
            options,
            faults: Vec::new(),
            nesting: 0,
        })
    }

    fn finish<T>(self, parsed: Parsed<T>) -> Result<T, ParseError> {
        match parsed {
            Ok(value) if self.faults.is_empty() => Ok(value),
            _ => Err(ParseError::new(self.input, self.faults)),
        }
    }

    fn peek(&self) -> &Token {
        // The last token is the end or an error, and nothing advances past it.
        &self.tokens[self.at]
    }

    fn peek_second(&self) -> &Token {
        self.tokens.get(self.at + 1).unwrap_or_else(|| self.peek())
    }

    fn kind(&self) -> &TokenKind {
        &self.peek().kind
    }

    fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        token
    }

    fn next_if(&mut self, kind: &TokenKind) -> Option<Token> {
        (self.kind() == kind).then(|| self.advance())
    }

    fn text(&self, pos: PosRange) -> &'a str {
        &self.input[pos.start..pos.end]
    }

    fn previous_end(&self) -> usize {
        self.at.checked_sub(1).map_or(0, |at| self.tokens[at].pos.end)
    }

    fn fault(&mut self, pos: PosRange, message: impl Into<String>) {
        let message = message.into();
        self.faults.push(Fault { pos, message });
    }

    fn abort<T>(&mut self, pos: PosRange, message: impl Into<String>) -> Parsed<T> {
        self.fault(pos, message);
        Err(Abort)
    }

    /// Ends the parse at the current token. An error of the lexer speaks for itself.
    fn unexpected<T>(&mut self, context: &str, expected: &str) -> Parsed<T> {
        let token = self.peek().clone();
        if let TokenKind::Error(message) = token.kind {
            return self.abort(token.pos, message);
        }
        let mut message = format!("unexpected {}", token.describe(self.input));
        if !context.is_empty() {
            message = format!("{message} in {context}");
        }
        if !expected.is_empty() {
            message = format!("{message}, expected {expected}");
        }
        self.abort(token.pos, message)
    }

    fn expect(&mut self, kind: &TokenKind, context: &str, expected: &str) -> Parsed<Token> {
        match self.next_if(kind) {
            Some(token) => Ok(token),
            None => self.unexpected(context, expected),
        }
    }

    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.nesting >= MAX_NESTING {
            let pos = self.peek().pos;
            return self.abort(pos, format!("expression is nested more than {MAX_NESTING} levels deep"));
        }
        self.nesting += 1;
        let parsed = parse(self);
        self.nesting -= 1;
        parsed
    }

    fn whole_expr(&mut self) -> Parsed<Expr> {
        if *self.kind() == TokenKind::Eof {
            return self.abort(PosRange::default(), "no expression found in input");
        }
        let expr = self.expr()?;
        self.end()?;
        Ok(expr)
    }

    fn whole_selector(&mut self) -> Parsed<Vec<Matcher>> {
        let Some(selector) = self.vector_selector()? else {
            return self.unexpected("", "");
        };
        self.end()?;
        self.check_selector(&selector, false);
        Ok(selector.matchers)
    }

    fn end(&mut self) -> Parsed<()> {
        if *self.kind() == TokenKind::Eof {
            return Ok(());
        }
        self.unexpected("", "")
    }
}
