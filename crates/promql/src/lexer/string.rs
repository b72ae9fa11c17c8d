//! String literals in three kinds of quotes; escapes are checked here and read later.

use super::{Lexer, Scan};
use crate::quote::quote_char;
use crate::token::TokenKind;

impl Lexer<'_> {
    pub(super) fn scan_string(&mut self, delimiter: char) -> Scan {
        if delimiter == '`' {
            return self.scan_raw_string();
        }
        loop {
            match self.next() {
                Some('\\') => self.scan_escape(delimiter)?,
                Some('\u{fffd}') => return self.invalid_rune(),
                None | Some('\n') => return Err("unterminated quoted string".to_owned()),
                Some(c) if c == delimiter => return self.emit(TokenKind::String),
                Some(_) => {}
            }
        }
    }

    fn scan_raw_string(&mut self) -> Scan {
        loop {
            match self.next() {
                Some('`') => return self.emit(TokenKind::String),
                Some('\u{fffd}') => return self.invalid_rune(),
                None => return Err("unterminated raw string".to_owned()),
                Some(_) => {}
            }
        }
    }

    #[expect(clippy::unused_self, reason = "an outcome of the scanner like its neighbours")]
    fn invalid_rune(&mut self) -> Scan {
        Err("invalid UTF-8 rune".to_owned())
    }

    fn scan_escape(&mut self, delimiter: char) -> Scan {
        let not_terminated = || "escape sequence not terminated".to_owned();
        let (radix, count, max) = match self.next().ok_or_else(not_terminated)? {
            'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\' => return Ok(()),
            c if c == delimiter => return Ok(()),
            '0'..='7' => {
                self.pos -= 1;
                (8, 3, 255)
            }
            'x' => (16, 2, 255),
            'u' => (16, 4, u32::from(char::MAX)),
            'U' => (16, 8, u32::from(char::MAX)),
            c => return Err(format!("unknown escape sequence {}", code_point(c))),
        };
        let mut value = 0u32;
        for _ in 0..count {
            let c = self.next().ok_or_else(not_terminated)?;
            let digit = c
                .to_digit(radix)
                .ok_or_else(|| format!("illegal character {} in escape sequence", code_point(c)))?;
            value = value.wrapping_mul(radix).wrapping_add(digit);
        }
        if value > max || (0xd800..0xe000).contains(&value) {
            return Err("escape sequence is an invalid Unicode code point".to_owned());
        }
        Ok(())
    }
}

/// A character as Go's `%#U` prints it.
fn code_point(c: char) -> String {
    format!("U+{:04X} {}", u32::from(c), quote_char(c))
}
