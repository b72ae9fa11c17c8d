//! The UTF-8 grammar: `{name op value, …}`, braces optional, names and values quoted or not.

mod lexer;
mod unquote;

use skopos_core::MatchOp;

use self::lexer::{Lexer, Token, TokenKind};
use super::{Matcher, MatcherError};

/// Reads matchers in their order.
pub(super) fn parse(input: &str) -> Result<Vec<Matcher>, MatcherError> {
    let mut parser = Parser {
        lexer: Lexer::new(input),
        matchers: Vec::new(),
    };
    parser.parse()?;
    Ok(parser.matchers)
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    matchers: Vec<Matcher>,
}

const OPERATORS: [TokenKind; 4] = [
    TokenKind::Op(MatchOp::Equal),
    TokenKind::Op(MatchOp::NotEqual),
    TokenKind::Op(MatchOp::Regex),
    TokenKind::Op(MatchOp::NotRegex),
];
const TEXTS: [TokenKind; 2] = [TokenKind::Quoted, TokenKind::Unquoted];

impl<'a> Parser<'a> {
    fn parse(&mut self) -> Result<(), MatcherError> {
        let Some(first) = self.lexer.peek()? else { return Ok(()) };
        let has_open_brace = first.kind == TokenKind::OpenBrace;
        if has_open_brace {
            self.lexer.next()?;
        }
        if self
            .lexer
            .peek()?
            .is_some_and(|token| token.kind != TokenKind::CloseBrace)
        {
            self.matchers()?;
        }
        self.close_brace(has_open_brace)?;
        match self
            .lexer
            .next()
            .map_err(|error| with_expectation(&error, "expected end of input"))?
        {
            None => Ok(()),
            Some(token) => Err(token.error(&format!("{}: expected end of input", token.text))),
        }
    }

    fn matchers(&mut self) -> Result<(), MatcherError> {
        loop {
            self.matcher()?;
            let expectation = "expected a comma or close brace";
            match self.peek_one_of(&[TokenKind::Comma, TokenKind::CloseBrace], expectation)? {
                Some(token) if token.kind == TokenKind::Comma => self.lexer.next()?,
                _ => return Ok(()),
            };
            let kinds = [TokenKind::CloseBrace, TokenKind::Unquoted, TokenKind::Quoted];
            match self.peek_one_of(&kinds, "expected a matcher or close brace after comma")? {
                Some(token) if token.kind != TokenKind::CloseBrace => {}
                _ => return Ok(()),
            }
        }
    }

    fn matcher(&mut self) -> Result<(), MatcherError> {
        let name = self.expect(&TEXTS, "expected label name")?.unquoted()?;
        let operator = self.expect(&OPERATORS, "expected an operator such as '=', '!=', '=~' or '!~'")?;
        let value = self.expect(&TEXTS, "expected label value")?.unquoted()?;
        if let TokenKind::Op(op) = operator.kind {
            let matcher = Matcher::new(op, name, value)
                .map_err(|error| MatcherError::Utf8(format!("failed to create matcher: {error}")))?;
            self.matchers.push(matcher);
        }
        Ok(())
    }

    fn close_brace(&mut self, has_open_brace: bool) -> Result<(), MatcherError> {
        let column = |parser: &Self| parser.lexer.column_end();
        let token = self.lexer.peek()?;
        let is_close_brace = token.as_ref().is_some_and(|token| token.kind == TokenKind::CloseBrace);
        if is_close_brace {
            self.lexer.next()?;
        }
        match (has_open_brace, is_close_brace) {
            (true, true) | (false, false) => Ok(()),
            (false, true) => Err(MatcherError::Utf8(format!(
                "0:{}: }}: expected opening brace",
                column(self)
            ))),
            (true, false) => {
                let found = token.map_or_else(
                    || "end of input".to_owned(),
                    |token| token.error(&format!("unexpected {}", token.text)).to_string(),
                );
                Err(MatcherError::Utf8(format!(
                    "0:{}: {found}: expected close brace",
                    column(self)
                )))
            }
        }
    }

    fn expect(&mut self, kinds: &[TokenKind], expectation: &str) -> Result<Token<'a>, MatcherError> {
        let token = self.peek_one_of(kinds, expectation)?;
        let token = token.ok_or_else(|| MatcherError::Utf8(format!("end of input: {expectation}")))?;
        self.lexer.next()?;
        Ok(token)
    }

    /// The next token if it is of these kinds; `None` at the end of the input.
    fn peek_one_of(&mut self, kinds: &[TokenKind], expectation: &str) -> Result<Option<Token<'a>>, MatcherError> {
        let token = self
            .lexer
            .peek()
            .map_err(|error| with_expectation(&error, expectation))?;
        match token {
            Some(token) if !kinds.contains(&token.kind) => {
                Err(token.error(&format!("unexpected {}: {expectation}", token.text)))
            }
            token => Ok(token),
        }
    }
}

fn with_expectation(error: &MatcherError, expectation: &str) -> MatcherError {
    MatcherError::Utf8(format!("{error}: {expectation}"))
}
