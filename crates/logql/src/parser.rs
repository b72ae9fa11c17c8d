//! Recursive-descent parser of LogQL. Refuses what cannot be evaluated, with Loki's texts.

mod log;
mod metric;
mod validate;

use skopos_core::Matcher;

use crate::ParseError;
use crate::ast::{Expr, LogExpr};
use crate::lexer::{Kind, Token, tokenize};

/// Deepest nesting of parentheses and operators.
const MAX_DEPTH: usize = 96;

/// Parses and checks a query.
pub fn parse(query: &str) -> Result<Expr, ParseError> {
    let mut parser = Parser::new(query)?;
    let expr = parser.expr(0)?;
    parser.end()?;
    validate::check(&expr)?;
    Ok(expr)
}

/// Parses a query that must select log lines.
pub fn parse_log(query: &str) -> Result<LogExpr, ParseError> {
    match parse(query)? {
        Expr::Log(log) => Ok(log),
        Expr::Metric(_) => Err(ParseError::whole("only log selector is supported")),
    }
}

/// Parses a stream selector such as `{app="a", level=~"warn|error"}`; `{}` selects all.
pub fn parse_matchers(selector: &str) -> Result<Vec<Matcher>, ParseError> {
    let mut parser = Parser::new(selector)?;
    let matchers = parser.selector()?;
    parser.end()?;
    Ok(matchers)
}

pub(crate) struct Parser {
    tokens: Vec<Token>,
    position: usize,
    depth: usize,
}

impl Parser {
    fn new(query: &str) -> Result<Self, ParseError> {
        Ok(Self {
            tokens: tokenize(query)?,
            position: 0,
            depth: 0,
        })
    }

    fn token(&self) -> &Token {
        // The last token is the end, and `advance` never steps over it.
        &self.tokens[self.position]
    }

    fn kind(&self) -> &Kind {
        &self.token().kind
    }

    fn symbol(&self) -> &'static str {
        match self.kind() {
            Kind::Symbol(text) => text,
            _ => "",
        }
    }

    fn symbol_after(&self, offset: usize) -> &'static str {
        match self.tokens.get(self.position + offset).map(|token| &token.kind) {
            Some(Kind::Symbol(text)) => text,
            _ => "",
        }
    }

    fn advance(&mut self) {
        if self.position + 1 < self.tokens.len() {
            self.position += 1;
        }
    }

    fn eat(&mut self, symbol: &str) -> bool {
        let found = self.symbol() == symbol;
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, symbol: &'static str) -> Result<(), ParseError> {
        if self.eat(symbol) {
            return Ok(());
        }
        Err(self.unexpected(&[symbol]))
    }

    fn end(&self) -> Result<(), ParseError> {
        match self.kind() {
            Kind::End => Ok(()),
            _ => Err(self.unexpected(&[])),
        }
    }

    fn unexpected(&self, expected: &[&str]) -> ParseError {
        let token = self.token();
        let mut message = format!("syntax error: unexpected {}", token.kind.describe());
        if !expected.is_empty() {
            message.push_str(", expecting ");
            message.push_str(&expected.join(" or "));
        }
        ParseError {
            message,
            line: token.line,
            column: token.column,
        }
    }

    fn identifier(&mut self) -> Result<String, ParseError> {
        let Kind::Identifier(name) = self.kind() else {
            return Err(self.unexpected(&["IDENTIFIER"]));
        };
        let name = name.clone();
        self.advance();
        Ok(name)
    }

    fn text(&mut self) -> Result<String, ParseError> {
        let Kind::Text(text) = self.kind() else {
            return Err(self.unexpected(&["STRING"]));
        };
        let text = text.clone();
        self.advance();
        Ok(text)
    }

    /// Enters a level of nesting; every call is paired with one of [`Parser::leave`].
    fn enter(&mut self) -> Result<(), ParseError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message = format!("expression is nested too deeply (more than {MAX_DEPTH} levels)");
            return Err(ParseError::whole(message));
        }
        Ok(())
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }
}
