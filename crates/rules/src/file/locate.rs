//! Where in a file a part of an expression stands, whatever YAML did to its text: plain, quoted,
//! folded or literal.

use super::Place;

/// The place of byte `offset` of `expr` in `source`, where YAML begins the expression at `start`.
/// Text is followed character by character; white space is passed over on both sides, as folding
/// changes it.
pub(super) fn locate(source: &str, start: Place, expr: &str, offset: usize) -> Place {
    let mut cursor = Cursor::at(source, start);
    let is_block = matches!(cursor.peek(), Some('|' | '>'));
    let quote = cursor.peek().filter(|c| matches!(c, '\'' | '"'));
    if is_block {
        cursor.skip_line();
    } else if quote.is_some() {
        cursor.next();
    }
    let solid = expr
        .get(..offset)
        .unwrap_or(expr)
        .chars()
        .filter(|c| !c.is_whitespace());
    for c in solid {
        cursor.skip_blanks();
        cursor.pass(c, quote);
    }
    cursor.skip_blanks();
    cursor.place
}

struct Cursor<'a> {
    rest: &'a str,
    place: Place,
}

impl<'a> Cursor<'a> {
    fn at(source: &'a str, (line, column): Place) -> Self {
        let lines = source.split_inclusive('\n');
        let before: usize = lines.take(line.saturating_sub(1) as usize).map(str::len).sum();
        let rest = source.get(before..).unwrap_or_default();
        let skip = rest.char_indices().nth(column.saturating_sub(1) as usize);
        Self {
            rest: skip.map_or("", |(at, _)| &rest[at..]),
            place: (line, column),
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.rest = &self.rest[c.len_utf8()..];
        self.place = if c == '\n' {
            (self.place.0 + 1, 1)
        } else {
            (self.place.0, self.place.1 + 1)
        };
        Some(c)
    }

    fn skip_line(&mut self) {
        while self.next().is_some_and(|c| c != '\n') {}
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.next();
        }
    }

    /// Passes one character, escaped where the quote asks for it.
    fn pass(&mut self, c: char, quote: Option<char>) {
        match (quote, self.next()) {
            (Some('\''), Some('\'')) if c == '\'' => {
                self.next();
            }
            (Some('"'), Some('\\')) => {
                // A line that is continued, or an escaped character.
                self.skip_blanks();
                self.next();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::parse_rule_file;

    /// The place of `part` in the expression of the only rule.
    fn place(yaml_expr: &str, part: &str) -> Place {
        let source = format!("groups:\n- name: g\n  rules:\n  - record: r\n    expr: {yaml_expr}\n");
        let file = parse_rule_file(&source, "r.yml").expect("the file is valid");
        let rule = &file.groups[0].rules[0];
        let offset = rule.expr.find(part).expect("the part is there");
        rule.place_of(&source, offset)
    }

    #[test]
    fn parts_are_found_in_every_style() {
        assert_eq!(place("sum(up) / b", "b"), (5, 21));
        assert_eq!(place("'sum(up{a=''x''}) / b'", "b"), (5, 31));
        assert_eq!(place("\"up{a=\\\"x\\\"} / b\"", "b"), (5, 26));
        assert_eq!(place("|\n      sum(up)\n        / b", "b"), (7, 11));
        assert_eq!(place(">-\n      sum(up)\n      / b", "b"), (7, 9));
        assert_eq!(place("sum(up)\n      / b", "b"), (6, 9));
    }
}
