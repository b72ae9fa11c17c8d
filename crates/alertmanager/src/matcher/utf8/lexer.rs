//! Tokens of the UTF-8 grammar, with their columns.

use skopos_core::MatchOp;

use super::unquote::unquote;
use crate::matcher::{MatcherError, is_reserved};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    OpenBrace,
    CloseBrace,
    Comma,
    Op(MatchOp),
    /// In double quotes, which are part of the text.
    Quoted,
    Unquoted,
}

/// A token and its columns, in characters from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind,
    pub(super) text: &'a str,
    start: usize,
    end: usize,
}

impl Token<'_> {
    pub(super) fn error(&self, message: &str) -> MatcherError {
        at(self.start, self.end, message)
    }

    /// The text without its quotes and escapes.
    pub(super) fn unquoted(&self) -> Result<String, MatcherError> {
        if self.kind == TokenKind::Unquoted {
            return Ok(self.text.to_owned());
        }
        unquote(self.text).ok_or_else(|| self.error(&format!("{}: invalid input", self.text)))
    }
}

fn at(start: usize, end: usize, message: &str) -> MatcherError {
    MatcherError::Utf8(format!("{start}:{end}: {message}"))
}

/// Gives the tokens one by one; after an error it gives that error for ever.
pub(super) struct Lexer<'a> {
    rest: &'a str,
    /// The column of `rest`.
    column: usize,
    peeked: Option<Result<Option<Token<'a>>, MatcherError>>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(input: &'a str) -> Self {
        Self {
            rest: input,
            column: 0,
            peeked: None,
        }
    }

    /// The next token, which stays the next.
    pub(super) fn peek(&mut self) -> Result<Option<Token<'a>>, MatcherError> {
        if self.peeked.is_none() {
            self.peeked = Some(self.scan());
        }
        self.peeked.clone().unwrap_or(Ok(None))
    }

    /// The next token.
    pub(super) fn next(&mut self) -> Result<Option<Token<'a>>, MatcherError> {
        let token = self.peek()?;
        self.peeked = None;
        Ok(token)
    }

    /// The column after all that was read.
    pub(super) fn column_end(&self) -> usize {
        self.column
    }

    fn scan(&mut self) -> Result<Option<Token<'a>>, MatcherError> {
        let space = self.rest.find(|c: char| !c.is_whitespace()).unwrap_or(self.rest.len());
        self.take(space);
        let Some(first) = self.rest.chars().next() else {
            return Ok(None);
        };
        let rest = self.rest;
        let (kind, length) = match first {
            '{' => (TokenKind::OpenBrace, 1),
            '}' => (TokenKind::CloseBrace, 1),
            ',' => (TokenKind::Comma, 1),
            '=' if rest.starts_with("=~") => (TokenKind::Op(MatchOp::Regex), 2),
            '=' => (TokenKind::Op(MatchOp::Equal), 1),
            '!' if rest.starts_with("!=") => (TokenKind::Op(MatchOp::NotEqual), 2),
            '!' if rest.starts_with("!~") => (TokenKind::Op(MatchOp::NotRegex), 2),
            '!' if rest.len() == 1 => {
                return Err(self.error(1, "unexpected end of input, expected one of '=~'"));
            }
            '!' => return Err(self.error(1, "!: expected one of '=~'")),
            '"' => (TokenKind::Quoted, self.quoted_length()?),
            c if is_reserved(c) => return Err(self.error(1, &format!("{c}: invalid input"))),
            _ => (TokenKind::Unquoted, rest.find(is_reserved).unwrap_or(rest.len())),
        };
        let start = self.column;
        let text = self.take(length);
        Ok(Some(Token {
            kind,
            text,
            start,
            end: self.column,
        }))
    }

    /// Bytes up to the closing quote, which is part of them.
    fn quoted_length(&self) -> Result<usize, MatcherError> {
        let mut is_escaped = false;
        for (offset, c) in self.rest.char_indices().skip(1) {
            match c {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '"' => return Ok(offset + 1),
                _ => {}
            }
        }
        let columns = self.rest.chars().count();
        Err(self.error(columns, &format!("{}: missing end \"", self.rest)))
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        self.column += taken.chars().count();
        taken
    }

    fn error(&self, columns: usize, message: &str) -> MatcherError {
        at(self.column, self.column + columns, message)
    }
}
