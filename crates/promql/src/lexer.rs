//! Splits a query into tokens, with the messages and positions of Prometheus' lexer.
//!
//! Inside `{}` words are always identifiers; inside `[]` only durations and their arithmetic are
//! read. All of a query is read at once; the first fault ends it with an error token.

mod number;
mod string;

use crate::ast::BinaryOp;
use crate::position::PosRange;
use crate::quote::{quote, quote_char};
use crate::token::{Keyword, Preprocessor, Token, TokenKind, keyword_kind};

/// Where the lexer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Statements,
    Braces,
    /// Directly in a range, before and between its numbers.
    Duration,
}

pub(crate) struct Lexer<'a> {
    input: &'a str,
    pos: usize,
    start: usize,
    mode: Mode,
    paren_depth: usize,
    bracket_open: bool,
    got_colon: bool,
    got_duration: bool,
    tokens: Vec<Token>,
}

/// A message; the token's range is from the start of the token to the end of the input.
type Scan = Result<(), String>;

/// All tokens of `input`; the last is the end of input or an error.
pub(crate) fn tokenize(input: &str) -> Vec<Token> {
    let mut lexer = Lexer {
        input,
        pos: 0,
        start: 0,
        mode: Mode::Statements,
        paren_depth: 0,
        bracket_open: false,
        got_colon: false,
        got_duration: false,
        tokens: Vec::new(),
    };
    loop {
        match lexer.scan() {
            Ok(()) if matches!(lexer.tokens.last(), Some(token) if token.kind == TokenKind::Eof) => break,
            Ok(()) => {}
            Err(message) => {
                let pos = PosRange::new(lexer.start, input.len());
                lexer.tokens.push(Token {
                    kind: TokenKind::Error(message),
                    pos,
                });
                break;
            }
        }
    }
    lexer.tokens
}

impl Lexer<'_> {
    fn scan(&mut self) -> Scan {
        match self.mode {
            Mode::Statements => self.scan_statement(),
            Mode::Braces => self.scan_inside_braces(),
            Mode::Duration => self.scan_duration(),
        }
    }

    fn rest(&self) -> &str {
        &self.input[self.pos..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    fn next_if(&mut self, accept: impl Fn(char) -> bool) -> bool {
        let accepted = self.peek().is_some_and(accept);
        if accepted {
            self.next();
        }
        accepted
    }

    fn skip_while(&mut self, accept: impl Fn(char) -> bool) {
        while self.next_if(&accept) {}
    }

    fn ignore(&mut self) {
        self.start = self.pos;
    }

    fn text(&self) -> &str {
        &self.input[self.start..self.pos]
    }

    #[expect(clippy::unnecessary_wraps, reason = "every outcome of the scanner is a Scan")]
    fn emit(&mut self, kind: TokenKind) -> Scan {
        let pos = PosRange::new(self.start, self.pos);
        self.tokens.push(Token { kind, pos });
        self.ignore();
        Ok(())
    }

    fn emit_op(&mut self, op: BinaryOp) -> Scan {
        self.emit(TokenKind::Operator(op))
    }

    fn skip_blank(&mut self) -> bool {
        let before = self.pos;
        self.skip_while(is_space);
        self.ignore();
        self.pos > before
    }

    fn skip_comment(&mut self) -> bool {
        if self.peek() != Some('#') {
            return false;
        }
        self.skip_while(|c| c != '\n' && c != '\r');
        self.ignore();
        true
    }

    fn scan_statement(&mut self) -> Scan {
        if self.skip_comment() || self.skip_blank() {
            return Ok(());
        }
        let Some(c) = self.next() else {
            return self.end_of_input();
        };
        match c {
            ',' => self.emit(TokenKind::Comma),
            '@' => self.emit(TokenKind::At),
            '"' | '\'' | '`' => self.scan_string(c),
            '0'..='9' => self.back_to_number(),
            '.' if self.peek().is_some_and(|c| c.is_ascii_digit()) => self.back_to_number(),
            ':' if self.bracket_open => self.scan_range_colon(),
            _ if is_alpha(c) && self.bracket_open => self.scan_range_word(c),
            _ if is_alpha(c) || c == ':' => self.scan_word(),
            '(' | ')' => self.scan_paren(c),
            '{' => {
                self.mode = Mode::Braces;
                self.emit(TokenKind::LeftBrace)
            }
            '[' | ']' => self.scan_bracket(c),
            _ => self.scan_operator(c),
        }
    }

    fn end_of_input(&mut self) -> Scan {
        if self.paren_depth > 0 {
            return Err("unclosed left parenthesis".to_owned());
        }
        if self.bracket_open {
            return Err("unclosed left bracket".to_owned());
        }
        self.emit(TokenKind::Eof)
    }

    fn back_to_number(&mut self) -> Scan {
        self.pos = self.start;
        self.scan_number_or_duration()
    }

    fn scan_operator(&mut self, c: char) -> Scan {
        let op = match (c, self.peek()) {
            ('*', _) => BinaryOp::Mul,
            ('/', _) => BinaryOp::Div,
            ('%', _) => BinaryOp::Mod,
            ('+', _) => BinaryOp::Add,
            ('-', _) => BinaryOp::Sub,
            ('^', _) => BinaryOp::Pow,
            ('=', Some('=')) => BinaryOp::Equal,
            ('=', Some('~')) => return Err("unexpected character after '=': '~'".to_owned()),
            ('=', _) => return self.emit(TokenKind::Equal),
            ('!', Some('=')) => BinaryOp::NotEqual,
            ('!', other) => {
                self.next();
                return Err(format!("unexpected character after '!': {}", quote_rune(other)));
            }
            ('<', Some('=')) => BinaryOp::LessOrEqual,
            ('<', Some('/')) => BinaryOp::TrimUpper,
            ('<', _) => BinaryOp::Less,
            ('>', Some('=')) => BinaryOp::GreaterOrEqual,
            ('>', Some('/')) => BinaryOp::TrimLower,
            ('>', _) => BinaryOp::Greater,
            _ => return Err(format!("unexpected character: {}", quote_char(c))),
        };
        if op.as_str().len() == 2 {
            self.next();
        }
        self.emit_op(op)
    }

    fn scan_paren(&mut self, c: char) -> Scan {
        if c == '(' {
            self.paren_depth += 1;
            return self.emit(TokenKind::LeftParen);
        }
        if self.paren_depth == 0 {
            self.ignore();
            return Err("unexpected right parenthesis ')'".to_owned());
        }
        self.paren_depth -= 1;
        self.emit(TokenKind::RightParen)
    }

    fn scan_bracket(&mut self, c: char) -> Scan {
        if c == '[' {
            if self.bracket_open {
                return Err("unexpected left bracket '['".to_owned());
            }
            (self.bracket_open, self.got_colon, self.got_duration) = (true, false, false);
            self.emit(TokenKind::LeftBracket)?;
            self.skip_blank();
            self.mode = Mode::Duration;
            return Ok(());
        }
        if !self.bracket_open {
            return Err("unexpected right bracket ']'".to_owned());
        }
        self.bracket_open = false;
        self.emit(TokenKind::RightBracket)
    }

    fn scan_range_colon(&mut self) -> Scan {
        if self.got_colon {
            return Err("unexpected colon ':'".to_owned());
        }
        self.got_colon = true;
        self.emit(TokenKind::Colon)
    }

    /// A word after a number in a range: only what durations are made of.
    fn scan_range_word(&mut self, c: char) -> Scan {
        if self.scan_duration_word()? {
            return Ok(());
        }
        Err(format!("unexpected character: {}, expected ':'", quote_char(c)))
    }

    fn scan_duration_word(&mut self) -> Result<bool, String> {
        self.skip_while(is_alpha);
        let kind = match self.text().to_ascii_lowercase().as_str() {
            "step" => TokenKind::Preprocessor(Preprocessor::Step),
            "range" => TokenKind::Preprocessor(Preprocessor::Range),
            "min_of" | "max_of" => TokenKind::Identifier,
            _ => return Ok(false),
        };
        self.emit(kind).map(|()| true)
    }

    fn scan_word(&mut self) -> Scan {
        self.skip_while(|c| is_alphanumeric(c) || c == ':');
        let word = self.text();
        let is_fill = |kind: &TokenKind| {
            matches!(
                kind,
                TokenKind::Keyword(Keyword::Fill | Keyword::FillLeft | Keyword::FillRight)
            )
        };
        // `fill` is a keyword only before a parenthesis, so that metrics may have the name.
        let is_call = self.rest().trim_start_matches(is_space).starts_with('(');
        let kind = match keyword_kind(word) {
            Some(kind) if is_fill(&kind) && !is_call => TokenKind::Identifier,
            Some(kind) => kind,
            None if word.contains(':') => TokenKind::MetricIdentifier,
            None => TokenKind::Identifier,
        };
        self.emit(kind)
    }

    fn scan_inside_braces(&mut self) -> Scan {
        if self.skip_comment() || self.skip_blank() {
            return Ok(());
        }
        let Some(c) = self.next() else {
            return Err("unexpected end of input inside braces".to_owned());
        };
        match c {
            _ if is_alpha(c) => {
                self.skip_while(is_alphanumeric);
                self.emit(TokenKind::Identifier)
            }
            ',' => self.emit(TokenKind::Comma),
            '"' | '\'' | '`' => self.scan_string(c),
            '=' if self.next_if(|c| c == '~') => self.emit(TokenKind::EqualRegex),
            '=' => self.emit(TokenKind::Equal),
            '!' => match self.next() {
                Some('~') => self.emit(TokenKind::NotEqualRegex),
                Some('=') => self.emit_op(BinaryOp::NotEqual),
                other => Err(format!(
                    "unexpected character after '!' inside braces: {}",
                    quote_rune(other)
                )),
            },
            '{' => Err("unexpected left brace '{'".to_owned()),
            '}' => {
                self.mode = Mode::Statements;
                self.emit(TokenKind::RightBrace)
            }
            _ => Err(format!("unexpected character inside braces: {}", quote_char(c))),
        }
    }

    fn scan_duration(&mut self) -> Scan {
        if self.skip_blank() {
            return Ok(());
        }
        let Some(c) = self.next() else {
            return Err("unexpected end of input in duration expression".to_owned());
        };
        match c {
            ']' => {
                self.mode = Mode::Statements;
                self.scan_bracket(c)
            }
            ':' if !self.got_duration => {
                self.ignore();
                Err("unexpected colon before duration in duration expression".to_owned())
            }
            ':' if self.got_colon => {
                self.ignore();
                Err("unexpected repeated colon in duration expression".to_owned())
            }
            ':' => self.scan_range_colon(),
            '(' | ')' => self.scan_paren(c),
            ',' => self.emit(TokenKind::Comma),
            '+' | '-' | '*' | '/' | '%' | '^' => self.scan_operator(c),
            _ if c.is_ascii_digit() || (c == '.' && self.peek().is_some_and(|c| c.is_ascii_digit())) => {
                self.got_duration = true;
                self.mode = Mode::Statements;
                self.back_to_number()
            }
            _ if is_alpha(c) && self.scan_duration_word()? => {
                self.got_duration = true;
                Ok(())
            }
            _ => Err(format!(
                "unexpected character in duration expression: {}",
                quote_char(c)
            )),
        }
    }

    fn bad_number(&self) -> String {
        format!("bad number or duration syntax: {}", quote(self.text()))
    }
}

fn quote_rune(c: Option<char>) -> String {
    // Go prints its end-of-input rune as the replacement character.
    quote_char(c.unwrap_or('\u{fffd}'))
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

pub(crate) fn is_alpha(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic()
}

pub(crate) fn is_alphanumeric(c: char) -> bool {
    is_alpha(c) || c.is_ascii_digit()
}
