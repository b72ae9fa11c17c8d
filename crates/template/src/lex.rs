//! Cuts a template into texts, delimiters and the tokens of its actions
//! (`text/template/parse/lex.go` is matched, trim markers and comments included).

use crate::ParseError;

const LEFT: &str = "{{";
const RIGHT: &str = "}}";

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    Text(String),
    LeftDelimiter,
    RightDelimiter,
    Space,
    /// `.name`, without the dot.
    Field(String),
    Dot,
    /// `$name` or `$`, with the dollar.
    Variable(String),
    Identifier(String),
    Number(String),
    Char(char),
    /// The text between the quotes, unescaped.
    String(String),
    Pipe,
    LeftParen,
    RightParen,
    Declare,
    Assign,
    Comma,
    /// Any other printable character.
    Other(char),
}

#[derive(Debug, Clone)]
pub(crate) struct Lexeme {
    pub(crate) token: Token,
    /// Byte offset in the template.
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) line: usize,
}

pub(crate) fn lex(name: &str, input: &str) -> Result<Vec<Lexeme>, ParseError> {
    let mut lexer = Lexer {
        name,
        input,
        position: 0,
        line: 1,
        lexemes: Vec::new(),
        paren_depth: 0,
    };
    while lexer.position < input.len() {
        lexer.text()?;
    }
    Ok(lexer.lexemes)
}

struct Lexer<'a> {
    name: &'a str,
    input: &'a str,
    position: usize,
    line: usize,
    lexemes: Vec<Lexeme>,
    paren_depth: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.input[self.position..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn error<T>(&self, message: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError {
            name: self.name.to_owned(),
            line: self.line,
            message: message.into(),
        })
    }

    /// Moves on by `length` bytes and counts lines.
    fn skip(&mut self, length: usize) {
        let end = self.position + length;
        self.line += self.input[self.position..end].matches('\n').count();
        self.position = end;
    }

    fn emit(&mut self, token: Token, length: usize) {
        self.lexemes.push(Lexeme {
            token,
            start: self.position,
            end: self.position + length,
            line: self.line,
        });
        self.skip(length);
    }

    /// Text up to the next action, then the action.
    fn text(&mut self) -> Result<(), ParseError> {
        let rest = self.rest();
        let Some(left) = rest.find(LEFT) else {
            self.emit(Token::Text(rest.to_owned()), rest.len());
            return Ok(());
        };
        let mut text = &rest[..left];
        let trims = trim_marker_after(&rest[left + LEFT.len()..]);
        if trims {
            text = text.trim_end_matches(is_space);
        }
        if !text.is_empty() {
            self.lexemes.push(Lexeme {
                token: Token::Text(text.to_owned()),
                start: self.position,
                end: self.position + text.len(),
                line: self.line,
            });
        }
        self.skip(left);
        let marker = if trims { 2 } else { 0 };
        if rest[left + LEFT.len() + marker..].starts_with("/*") {
            return self.comment(LEFT.len() + marker);
        }
        self.emit(Token::LeftDelimiter, LEFT.len());
        self.skip(marker);
        self.paren_depth = 0;
        self.action()
    }

    fn comment(&mut self, opening: usize) -> Result<(), ParseError> {
        let rest = self.rest();
        let Some(close) = rest.find("*/") else {
            return self.error("unclosed comment");
        };
        let after = &rest[close + 2..];
        let (length, trims) = if after.starts_with(RIGHT) {
            (RIGHT.len(), false)
        } else if after.starts_with(" -}}") {
            (4, true)
        } else {
            return self.error("comment ends before closing delimiter");
        };
        debug_assert!(close >= opening);
        self.skip(close + 2 + length);
        self.trim_following_text(trims);
        Ok(())
    }

    fn trim_following_text(&mut self, trims: bool) {
        if trims {
            let rest = self.rest();
            self.skip(rest.len() - rest.trim_start_matches(is_space).len());
        }
    }

    fn action(&mut self) -> Result<(), ParseError> {
        loop {
            let rest = self.rest();
            let trims = rest.starts_with(" -}}")
                || rest.trim_start_matches(is_space).starts_with("-}}") && {
                    let space = rest.len() - rest.trim_start_matches(is_space).len();
                    space > 0
                };
            if trims {
                let space = rest.len() - rest.trim_start_matches(is_space).len();
                self.skip(space + 1);
            }
            if self.rest().starts_with(RIGHT) {
                if self.paren_depth > 0 {
                    return self.error("unclosed left paren");
                }
                self.emit(Token::RightDelimiter, RIGHT.len());
                self.trim_following_text(trims);
                return Ok(());
            }
            self.inside_action()?;
        }
    }

    fn inside_action(&mut self) -> Result<(), ParseError> {
        let Some(next) = self.peek() else {
            return self.error("unclosed action");
        };
        let rest = self.rest();
        match next {
            _ if is_space(next) => {
                let length = rest.len() - rest.trim_start_matches(is_space).len();
                self.emit(Token::Space, length);
            }
            '"' => return self.quoted(),
            '`' => return self.raw_quoted(),
            '\'' => return self.character(),
            '$' => {
                let length = 1 + identifier_length(&rest[1..]);
                self.emit(Token::Variable(rest[..length].to_owned()), length);
            }
            '.' if !rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                let length = identifier_length(&rest[1..]);
                let token = match length {
                    0 => Token::Dot,
                    _ => Token::Field(rest[1..=length].to_owned()),
                };
                self.emit(token, 1 + length);
            }
            '+' | '-' | '.' | '0'..='9' => return self.number(),
            _ if next.is_alphanumeric() || next == '_' => {
                let length = identifier_length(rest);
                self.emit(Token::Identifier(rest[..length].to_owned()), length);
            }
            _ => return self.punctuation(next),
        }
        self.check_terminator()
    }

    /// A field, a variable or a word must be followed by something that may follow one.
    fn check_terminator(&mut self) -> Result<(), ParseError> {
        let word = matches!(
            self.lexemes.last().map(|lexeme| &lexeme.token),
            Some(Token::Field(_) | Token::Variable(_) | Token::Identifier(_))
        );
        match self.peek() {
            Some(next) if word && !is_space(next) && !".,|:)(=}".contains(next) => {
                self.error(format!("bad character {}", code_point(next)))
            }
            _ => Ok(()),
        }
    }

    fn punctuation(&mut self, next: char) -> Result<(), ParseError> {
        let token = match next {
            '|' => Token::Pipe,
            ',' => Token::Comma,
            '=' => Token::Assign,
            ':' if self.rest().starts_with(":=") => {
                self.emit(Token::Declare, 2);
                return Ok(());
            }
            ':' => return self.error("expected :="),
            '(' => {
                self.paren_depth += 1;
                Token::LeftParen
            }
            ')' => {
                let Some(depth) = self.paren_depth.checked_sub(1) else {
                    return self.error("unexpected right paren");
                };
                self.paren_depth = depth;
                Token::RightParen
            }
            _ if next.is_ascii_graphic() => Token::Other(next),
            _ => return self.error(format!("unrecognized character in action: {}", code_point(next))),
        };
        self.emit(token, next.len_utf8());
        Ok(())
    }

    fn number(&mut self) -> Result<(), ParseError> {
        let rest = self.rest();
        let signed = usize::from(rest.starts_with(['+', '-']));
        let hexadecimal = rest[signed..].starts_with("0x") || rest[signed..].starts_with("0X");
        let mut length = signed;
        let mut previous = ' ';
        for c in rest[signed..].chars() {
            let exponent = if hexadecimal { "pP" } else { "eE" };
            let sign = "+-".contains(c) && exponent.contains(previous);
            if !(c.is_ascii_alphanumeric() || c == '.' || c == '_' || sign) {
                break;
            }
            length += c.len_utf8();
            previous = c;
        }
        if !rest[..length].contains(|c: char| c.is_ascii_digit()) {
            let next = rest.chars().next().unwrap_or(' ');
            return self.punctuation(next);
        }
        self.emit(Token::Number(rest[..length].to_owned()), length);
        Ok(())
    }

    fn quoted(&mut self) -> Result<(), ParseError> {
        let rest = self.rest();
        let mut escaped = false;
        for (at, c) in rest.char_indices().skip(1) {
            match c {
                '\n' => break,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => {
                    let Some(text) = unescape(&rest[1..at]) else {
                        return self.error(format!("invalid syntax in string {}", &rest[..=at]));
                    };
                    self.emit(Token::String(text), at + 1);
                    return Ok(());
                }
                _ => {}
            }
        }
        self.error("unterminated quoted string")
    }

    fn raw_quoted(&mut self) -> Result<(), ParseError> {
        let rest = self.rest();
        let Some(length) = rest[1..].find('`') else {
            return self.error("unterminated raw quoted string");
        };
        self.emit(Token::String(rest[1..=length].to_owned()), length + 2);
        Ok(())
    }

    fn character(&mut self) -> Result<(), ParseError> {
        let rest = self.rest();
        let mut escaped = false;
        for (at, c) in rest.char_indices().skip(1) {
            match c {
                '\n' => break,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '\'' => {
                    let text = unescape(&rest[1..at]).unwrap_or_default();
                    let mut characters = text.chars();
                    let (Some(character), None) = (characters.next(), characters.next()) else {
                        return self.error(format!("malformed character constant: {}", &rest[..=at]));
                    };
                    self.emit(Token::Char(character), at + 1);
                    return Ok(());
                }
                _ => {}
            }
        }
        self.error("unterminated character constant")
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// Whether what follows `{{` is `-` and white space.
fn trim_marker_after(rest: &str) -> bool {
    rest.strip_prefix('-').is_some_and(|after| after.starts_with(is_space))
}

fn identifier_length(text: &str) -> usize {
    text.find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(text.len())
}

fn code_point(c: char) -> String {
    format!("U+{:04X} '{c}'", u32::from(c))
}

/// The text that the inside of a quoted Go string stands for.
fn unescape(inside: &str) -> Option<String> {
    let mut bytes: Vec<u8> = Vec::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c != '\\' {
            bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        rest = unescape_one(rest, &mut bytes)?;
    }
    String::from_utf8(bytes).ok()
}

fn unescape_one<'a>(rest: &'a str, out: &mut Vec<u8>) -> Option<&'a str> {
    let kind = rest.chars().next()?;
    let after = &rest[kind.len_utf8()..];
    let simple = match kind {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' | '"' | '\'' => kind as u8,
        'x' => {
            out.push(u8::from_str_radix(after.get(..2)?, 16).ok()?);
            return after.get(2..);
        }
        '0'..='7' => {
            out.push(u8::from_str_radix(rest.get(..3)?, 8).ok()?);
            return rest.get(3..);
        }
        'u' | 'U' => {
            let digits = if kind == 'u' { 4 } else { 8 };
            let code = u32::from_str_radix(after.get(..digits)?, 16).ok()?;
            out.extend(char::from_u32(code)?.encode_utf8(&mut [0; 4]).as_bytes());
            return after.get(digits..);
        }
        _ => return None,
    };
    out.push(simple);
    Some(after)
}
