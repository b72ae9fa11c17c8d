//! Tokens of LogQL. Cuts text where Loki's scanner does, so that positions in errors agree.

mod literal;
mod words;

use crate::ParseError;
use words::{is_function_word, symbol, symbol_name};

/// Longest query in bytes (`maxInputSize` in Loki).
const MAX_INPUT_BYTES: usize = 131_072;

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// A name.
    Identifier(String),
    /// A quoted text, unquoted.
    Text(String),
    /// A number as written.
    Number(String),
    /// A duration in nanoseconds.
    Duration(i64),
    /// A size in bytes.
    Bytes(u64),
    /// `[5m]` in nanoseconds.
    Range(i64),
    /// `--strict`.
    Flag(String),
    /// An operator, keyword or function.
    Symbol(&'static str),
    /// The end of the query.
    End,
}

impl Kind {
    /// The token's name in error messages.
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            Self::Identifier(_) => "IDENTIFIER",
            Self::Text(_) => "STRING",
            Self::Number(_) => "NUMBER",
            Self::Duration(_) => "DURATION",
            Self::Bytes(_) => "BYTES",
            Self::Range(_) => "RANGE",
            Self::Flag(_) => "FUNCTION_FLAG",
            Self::Symbol(text) => text,
            Self::End => "$end",
        }
    }
}

/// A token and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    /// What it is.
    pub(crate) kind: Kind,
    /// Line from 1; 0 for tokens that Loki's scanner assembles from several characters itself.
    pub(crate) line: usize,
    /// Column in characters from 1.
    pub(crate) column: usize,
}

/// The names of a query's tokens in the reference grammar (`OPEN_BRACE`, `PIPE_EXACT`, …).
pub fn token_names(query: &str) -> Result<Vec<&'static str>, ParseError> {
    let mut lexer = Lexer::new(query)?;
    let mut names = Vec::new();
    loop {
        let token = lexer.next_token()?;
        match token.kind {
            Kind::End => return Ok(names),
            Kind::Symbol(text) => names.push(symbol_name(text)),
            other => names.push(other.describe()),
        }
    }
}

/// All tokens of a query, the end included.
pub(crate) fn tokenize(query: &str) -> Result<Vec<Token>, ParseError> {
    let mut lexer = Lexer::new(query)?;
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next_token()?;
        let done = token.kind == Kind::End;
        tokens.push(token);
        if done {
            return Ok(tokens);
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    line: usize,
    column: usize,
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    column: usize,
}

impl<'a> Lexer<'a> {
    fn new(query: &'a str) -> Result<Self, ParseError> {
        if query.len() > MAX_INPUT_BYTES {
            let message = format!("input size too long ({} > {MAX_INPUT_BYTES})", query.len());
            return Err(ParseError::whole(message));
        }
        Ok(Self {
            rest: query,
            line: 1,
            column: 1,
        })
    }

    fn next_token(&mut self) -> Result<Token, ParseError> {
        self.skip_blanks();
        let mark = Mark {
            line: self.line,
            column: self.column,
        };
        let Some(first) = self.rest.chars().next() else {
            return Ok(token(Kind::End, mark));
        };
        match first {
            '"' | '`' => self.text(mark),
            '[' => self.range(mark),
            '0'..='9' => Ok(self.number(mark)),
            '.' if self.rest[1..].starts_with(|c: char| c.is_ascii_digit()) => Ok(self.number(mark)),
            '-' => Ok(self.minus(mark)),
            c if is_name_start(c) => Ok(self.word(mark)),
            _ => Ok(self.operator(mark)),
        }
    }

    fn skip_blanks(&mut self) {
        while let Some(c) = self.rest.chars().next() {
            match c {
                ' ' | '\t' | '\n' | '\r' => self.advance(1),
                '#' => self.advance(self.rest.find('\n').unwrap_or(self.rest.len())),
                _ => return,
            }
        }
    }

    /// Steps over `bytes` bytes, counting lines and characters.
    fn advance(&mut self, bytes: usize) {
        for c in self.rest[..bytes].chars() {
            if c == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        self.rest = &self.rest[bytes..];
    }

    fn text(&mut self, mark: Mark) -> Result<Token, ParseError> {
        let (text, length) = literal::unquote(self.rest).map_err(|message| ParseError {
            message,
            line: mark.line,
            column: mark.column,
        })?;
        self.advance(length);
        Ok(token(Kind::Text(text), mark))
    }

    fn range(&mut self, mark: Mark) -> Result<Token, ParseError> {
        let error = |message: String| ParseError {
            message,
            line: 0,
            column: mark.column,
        };
        let Some(end) = self.rest.find(']') else {
            return Err(error("missing closing ']' in duration".to_owned()));
        };
        let range_ns = crate::duration::parse_prometheus(&self.rest[1..end]).map_err(error)?;
        self.advance(end + 1);
        Ok(assembled(Kind::Range(range_ns), mark))
    }

    fn number(&mut self, mark: Mark) -> Token {
        let length = literal::number_length(self.rest);
        if let Some((duration_ns, total)) = literal::duration(self.rest, length) {
            self.advance(total);
            return assembled(Kind::Duration(duration_ns), mark);
        }
        if let Some((bytes, total)) = literal::bytes(self.rest, length) {
            self.advance(total);
            return assembled(Kind::Bytes(bytes), mark);
        }
        let number = self.rest[..length].to_owned();
        self.advance(length);
        token(Kind::Number(number), mark)
    }

    fn minus(&mut self, mark: Mark) -> Token {
        if let Some(name) = self.rest.strip_prefix("--") {
            let length = name
                .bytes()
                .take_while(|b| b.is_ascii_lowercase() || *b == b'-')
                .count();
            let flag = &self.rest[..length + 2];
            if matches!(flag, "--strict" | "--keep-empty") {
                let flag = flag.to_owned();
                self.advance(flag.len());
                return assembled(Kind::Flag(flag), mark);
            }
        }
        if let Some((duration_ns, total)) = literal::duration(self.rest, 1) {
            self.advance(total);
            return assembled(Kind::Duration(duration_ns), mark);
        }
        self.operator(mark)
    }

    fn word(&mut self, mark: Mark) -> Token {
        let length = self.rest.find(|c| !is_name_part(c)).unwrap_or(self.rest.len());
        let word = &self.rest[..length];
        self.advance(length);
        let lower = word.to_lowercase();
        let kind = match symbol(&lower) {
            Some(text) if !is_function_word(text) || call_follows(self.rest) => Kind::Symbol(text),
            _ => Kind::Identifier(word.to_owned()),
        };
        token(kind, mark)
    }

    fn operator(&mut self, mark: Mark) -> Token {
        let mut ends = self.rest.char_indices().map(|(i, c)| i + c.len_utf8());
        let one = ends.next().unwrap_or(0);
        let two = ends.next().unwrap_or(one);
        if let Some(text) = symbol(&self.rest[..two]).filter(|_| two > one) {
            self.advance(two);
            return assembled(Kind::Symbol(text), mark);
        }
        let text = &self.rest[..one];
        let kind = symbol(text).map_or_else(|| Kind::Identifier(text.to_owned()), Kind::Symbol);
        self.advance(one);
        token(kind, mark)
    }
}

fn token(kind: Kind, mark: Mark) -> Token {
    Token {
        kind,
        line: mark.line,
        column: mark.column,
    }
}

/// A token that Loki reads character by character, which makes its scanner forget the line.
fn assembled(kind: Kind, mark: Mark) -> Token {
    Token {
        kind,
        line: 0,
        column: mark.column,
    }
}

fn is_name_start(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

fn is_name_part(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// Whether what follows a function's name makes it a call: `(`, or `by (` or `without (`.
fn call_follows(rest: &str) -> bool {
    let rest = rest.trim_start_matches([' ', '\n', '\t', '\r']);
    if rest.starts_with('(') {
        return true;
    }
    ["by", "without"].iter().any(|word| {
        rest.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
            && rest[word.len()..]
                .trim_start_matches([' ', '\n', '\t', '\r'])
                .starts_with('(')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_those_of_the_scanner() {
        let tokens = tokenize("{a=\"é\"}\n |= `x`[5m]").expect("lexes");
        let places: Vec<_> = tokens.iter().map(|t| (t.line, t.column)).collect();
        assert_eq!(
            places,
            [(1, 1), (1, 2), (1, 3), (1, 4), (1, 7), (0, 2), (2, 5), (0, 8), (2, 12)]
        );
    }

    #[test]
    fn broken_texts_are_errors() {
        assert!(tokenize("{a=\"x}").is_err());
        assert!(tokenize("rate({a=\"x\"}[5)").is_err());
        assert!(tokenize(&"a".repeat(MAX_INPUT_BYTES + 1)).is_err());
    }
}
