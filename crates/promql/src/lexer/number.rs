//! Numbers and durations: `1_000.5e3`, `0x1f`, `1h30m`.

use super::{Lexer, Scan, is_alphanumeric};
use crate::token::TokenKind;

impl Lexer<'_> {
    pub(super) fn scan_number_or_duration(&mut self) -> Scan {
        if self.scan_number() {
            return self.emit(TokenKind::Number);
        }
        if self.scan_duration_units() {
            return self.emit(TokenKind::Duration);
        }
        Err(self.bad_number())
    }

    fn accept(&mut self, set: &str) -> bool {
        self.next_if(|c| set.contains(c))
    }

    /// Reads `[.][d][d._eE]*`. On a fault the cursor stands behind the faulty character.
    fn scan_number(&mut self) -> bool {
        let hexadecimal = self.accept("0") && self.accept("xX");
        if hexadecimal {
            self.accept("_");
        }
        let is_digit = move |c: char| {
            if hexadecimal {
                c.is_ascii_hexdigit()
            } else {
                c.is_ascii_digit()
            }
        };
        self.accept(".");
        self.next_if(is_digit);
        let (mut dot, mut exponent) = (false, false);
        loop {
            match self.peek() {
                Some(c) if is_digit(c) => self.skip_while(is_digit),
                Some('.') => {
                    self.next();
                    if dot || hexadecimal || self.accept("_.") {
                        return false;
                    }
                    dot = true;
                }
                Some('e' | 'E') => {
                    self.next();
                    if exponent {
                        return false;
                    }
                    exponent = true;
                    self.accept("+-");
                    if self.accept("._eE") || self.peek().is_none() {
                        return false;
                    }
                }
                Some('_') => {
                    self.next();
                    if self.accept("._eE") || self.peek().is_none() {
                        return false;
                    }
                }
                other => return self.pos > self.start && !other.is_some_and(is_alphanumeric),
            }
        }
    }

    /// Reads the units of a duration whose first digits were read.
    fn scan_duration_units(&mut self) -> bool {
        let mut units = "smhdwy";
        loop {
            if !self.accept(units) {
                return false;
            }
            // For `ms`; wrong pairs such as `hs` are found when the text is read.
            self.accept("s");
            units = "smhdw";
            if !self.peek().is_some_and(|c| c.is_ascii_digit()) {
                break;
            }
            self.skip_while(|c| c.is_ascii_digit());
        }
        !self.next_if(is_alphanumeric)
    }
}
