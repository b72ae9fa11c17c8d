//! Label text as PromQL writes it: `{name="value", "quoted.name"='value', last=`value`,}`.

use std::iter::Peekable;
use std::str::CharIndices;

/// A label text that does not parse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("1:{column}: parse error: {reason}")]
pub struct LabelTextError {
    /// Position in bytes, from 1.
    pub column: usize,
    /// What is wrong.
    pub reason: String,
}

/// The pairs of a label text in the order written; empty values are kept.
pub fn parse_label_text(text: &str) -> Result<Vec<(String, String)>, LabelTextError> {
    let mut parser = Parser {
        chars: text.char_indices().peekable(),
        end: text.len(),
    };
    let pairs = parser.labels()?;
    match parser.peek() {
        None => Ok(pairs),
        Some(c) => Err(parser.error(format!("unexpected {c:?} after the labels"))),
    }
}

struct Parser<'a> {
    chars: Peekable<CharIndices<'a>>,
    end: usize,
}

impl Parser<'_> {
    fn labels(&mut self) -> Result<Vec<(String, String)>, LabelTextError> {
        let mut pairs = Vec::new();
        self.expect('{')?;
        while self.peek() != Some('}') {
            let name = self.name()?;
            self.expect('=')?;
            let value = self.quoted()?;
            pairs.push((name, value));
            if self.peek() == Some(',') {
                self.chars.next();
            } else if self.peek() != Some('}') {
                return Err(self.error("expected \",\" or \"}\"".to_owned()));
            }
        }
        self.chars.next();
        Ok(pairs)
    }

    fn name(&mut self) -> Result<String, LabelTextError> {
        match self.peek() {
            Some('"' | '\'' | '`') => self.quoted(),
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let mut name = String::new();
                while let Some((_, c)) = self.chars.next_if(|(_, c)| c.is_ascii_alphanumeric() || *c == '_') {
                    name.push(c);
                }
                Ok(name)
            }
            _ => Err(self.error("expected a label name".to_owned())),
        }
    }

    fn quoted(&mut self) -> Result<String, LabelTextError> {
        let Some(quote @ ('"' | '\'' | '`')) = self.peek() else {
            return Err(self.error("expected a quoted text".to_owned()));
        };
        self.chars.next();
        let mut out = String::new();
        while let Some((_, c)) = self.chars.next() {
            match c {
                c if c == quote => return Ok(out),
                '\\' if quote != '`' => self.escape(&mut out)?,
                '\n' if quote != '`' => break,
                c => out.push(c),
            }
        }
        Err(self.error("unterminated quoted text".to_owned()))
    }

    fn escape(&mut self, out: &mut String) -> Result<(), LabelTextError> {
        let c = self.chars.next().map(|(_, c)| c);
        let decoded = match c {
            Some('a') => Some('\u{7}'),
            Some('b') => Some('\u{8}'),
            Some('f') => Some('\u{c}'),
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some('v') => Some('\u{b}'),
            Some(c @ ('\\' | '"' | '\'')) => Some(c),
            Some('x') => self.code(2, 16, 0),
            Some('u') => self.code(4, 16, 0),
            Some('U') => self.code(8, 16, 0),
            Some(c @ '0'..='7') => self.code(2, 8, c.to_digit(8).unwrap_or(0)),
            _ => None,
        };
        out.push(decoded.ok_or_else(|| self.error("unknown escape sequence".to_owned()))?);
        Ok(())
    }

    fn code(&mut self, digits: usize, radix: u32, first: u32) -> Option<char> {
        let mut code = first;
        for _ in 0..digits {
            let digit = self.chars.next()?.1.to_digit(radix)?;
            code = code.checked_mul(radix)?.checked_add(digit)?;
        }
        char::from_u32(code)
    }

    fn expect(&mut self, wanted: char) -> Result<(), LabelTextError> {
        if self.peek() == Some(wanted) {
            self.chars.next();
            return Ok(());
        }
        Err(self.error(format!("expected {wanted:?}")))
    }

    /// The next character that is no whitespace.
    fn peek(&mut self) -> Option<char> {
        while self.chars.next_if(|(_, c)| c.is_ascii_whitespace()).is_some() {}
        self.chars.peek().map(|(_, c)| *c)
    }

    fn error(&mut self, reason: String) -> LabelTextError {
        LabelTextError {
            column: self.chars.peek().map_or(self.end, |(at, _)| *at) + 1,
            reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse_label_text(text).expect(text)
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn reads_what_promql_allows() {
        assert_eq!(pairs(r#"{a="b"}"#), [pair("a", "b")]);
        assert_eq!(
            pairs(r#" { "foo.bar" = "x", b='it\'s' ,c=`\n`, } "#),
            [pair("foo.bar", "x"), pair("b", "it's"), pair("c", "\\n")]
        );
        assert_eq!(pairs(r#"{a="\u00e9\x41\101\t"}"#), [pair("a", "éAA\t")]);
        assert_eq!(pairs("{}"), []);
    }

    #[test]
    fn says_where_it_breaks() {
        for (text, column) in [
            ("", 1),
            ("{a}", 3),
            (r#"{a="b""#, 7),
            (r#"{a="b"} x"#, 9),
            (r#"{a!="b"}"#, 3),
            (r#"{a="\q"}"#, 7),
            ("{9=\"x\"}", 2),
        ] {
            assert_eq!(parse_label_text(text).expect_err(text).column, column, "{text}");
        }
    }
}
