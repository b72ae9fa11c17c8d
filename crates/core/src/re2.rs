//! RE2 syntax as Go reads it, rewritten for the crate `regex`.
//!
//! The two differ where Go is ASCII by default (`\d`, `\w`, `\s`, `\b`), where the crate has set
//! operations inside classes and assertions that Go has not (`\<`), where Go takes a lone `{` or `}`
//! literally or reads octal numbers, and in what Go refuses: operators that repeat one another, and
//! more than a thousand repetitions. `\B` alone stays that of the crate, which knows letters beyond
//! ASCII.

mod limits;

pub(crate) use limits::check;

use std::fmt::Write as _;

use regex::Regex;

/// Largest compiled program in bytes.
const SIZE_LIMIT: usize = 4 << 20;

/// Compiles a pattern that may match anywhere. The error is Go's `error parsing regexp: …`.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    build(pattern, &translate(pattern))
}

/// Compiles a pattern that must match the whole text. The error is Go's `error parsing regexp: …`.
pub fn compile_anchored(pattern: &str) -> Result<Regex, String> {
    build(pattern, &format!("^(?:{})$", translate(pattern)))
}

fn build(pattern: &str, translated: &str) -> Result<Regex, String> {
    limits::check(pattern).map_err(|reason| format!("error parsing regexp: {reason}"))?;
    regex::RegexBuilder::new(translated)
        .size_limit(SIZE_LIMIT)
        .build()
        .map_err(|error| {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("error parsing regexp: {reason}: `{pattern}`")
        })
}

/// The pattern as the crate `regex` reads it.
pub(crate) fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    let mut in_class = false;
    while let Some(c) = rest.chars().next() {
        let taken = match c {
            '\\' => escape(rest, in_class, &mut out),
            '[' if !in_class => {
                in_class = true;
                open_class(rest, &mut out)
            }
            '[' if rest.starts_with("[:") && rest.contains(":]") => {
                let end = rest.find(":]").unwrap_or(0) + 2;
                out.push_str(&rest[..end]);
                end
            }
            '[' => push(&mut out, "\\[", 1),
            ']' if in_class => {
                in_class = false;
                push(&mut out, "]", 1)
            }
            '&' | '~' if in_class => {
                out.push('\\');
                out.push(c);
                1
            }
            '-' if in_class && rest.starts_with("--") => push(&mut out, "\\-", 1),
            '{' if !in_class && !is_repetition(rest) => push(&mut out, "\\{", 1),
            '}' if !in_class && !closes_repetition(&out) => push(&mut out, "\\}", 1),
            c => {
                out.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    out
}

fn push(out: &mut String, text: &str, taken: usize) -> usize {
    out.push_str(text);
    taken
}

/// `[`, `[^`, and a `]` that stands first and is literal.
fn open_class(rest: &str, out: &mut String) -> usize {
    let mut taken = 1;
    out.push('[');
    if rest[taken..].starts_with('^') {
        out.push('^');
        taken += 1;
    }
    if rest[taken..].starts_with(']') {
        out.push_str("\\]");
        taken += 1;
    }
    taken
}

fn escape(rest: &str, in_class: bool, out: &mut String) -> usize {
    let Some(next) = rest[1..].chars().next() else {
        return push(out, "\\", 1);
    };
    let replacement = match (next, in_class) {
        ('d', false) => "[0-9]",
        ('d', true) => "0-9",
        ('D', _) => "[^0-9]",
        ('w', false) => "[0-9A-Za-z_]",
        ('w', true) => "0-9A-Za-z_",
        ('W', _) => "[^0-9A-Za-z_]",
        ('s', false) => "[\\t\\n\\f\\r ]",
        ('s', true) => "\\t\\n\\f\\r ",
        ('S', _) => "[^\\t\\n\\f\\r ]",
        ('b', false) => "(?-u:\\b)",
        ('<', _) => "<",
        ('>', _) => ">",
        ('0'..='7', _) => return octal(rest, out),
        ('Q', false) => return quoted(rest, out),
        ('p' | 'P' | 'x', _) if rest[2..].starts_with('{') => return braced(rest, out),
        _ => {
            out.push('\\');
            out.push(next);
            return 1 + next.len_utf8();
        }
    };
    push(out, replacement, 2)
}

/// `\0`, and two or three octal digits; a single digit above zero would be a backreference, which
/// neither has.
fn octal(rest: &str, out: &mut String) -> usize {
    const MAX_DIGITS: usize = 3;
    let digits = rest[1..].bytes().take_while(|byte| matches!(byte, b'0'..=b'7'));
    let count = digits.take(MAX_DIGITS).count();
    match u32::from_str_radix(&rest[1..=count], 8) {
        Ok(code) if count > 1 || code == 0 => {
            write!(out, "\\x{{{code:x}}}").expect("writing to a string cannot fail");
        }
        _ => out.push_str(&rest[..=count]),
    }
    1 + count
}

/// `\p{…}`, `\P{…}` and `\x{…}`, which both read alike.
fn braced(rest: &str, out: &mut String) -> usize {
    let taken = rest.find('}').map_or(rest.len(), |end| end + 1);
    push(out, &rest[..taken], taken)
}

/// `\Q…\E`.
fn quoted(rest: &str, out: &mut String) -> usize {
    let body = &rest[2..];
    let end = body.find("\\E");
    let text = &body[..end.unwrap_or(body.len())];
    out.push_str(&regex::escape(text));
    2 + text.len() + if end.is_some() { 2 } else { 0 }
}

/// Whether `{…}` at the start repeats what stands before it.
fn is_repetition(rest: &str) -> bool {
    let Some(end) = rest.find('}') else { return false };
    let (from, to) = rest[1..end].split_once(',').unwrap_or((&rest[1..end], ""));
    !from.is_empty() && from.bytes().chain(to.bytes()).all(|b| b.is_ascii_digit())
}

/// Whether a `}` after `out` ends a repetition or a `\p{…}` or `\x{…}`.
fn closes_repetition(out: &str) -> bool {
    let Some(open) = out.rfind('{') else { return false };
    let escaped = out[..open].ends_with('\\');
    let body = &out[open + 1..];
    !escaped
        && !body.contains('}')
        && body
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b',' | b'^' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_ascii_and_literal_brackets_work() {
        assert!(!compile(r"^\d$").expect("compiles").is_match("٣"));
        assert!(compile(r"[[&&~-]x").expect("compiles").is_match("&x"));
        assert!(compile(r"[]a]+").expect("compiles").is_match("]"));
        assert!(compile(r"\[[^\]]+\]").expect("compiles").is_match("[x]"));
        assert!(compile(r"[[:alpha:]]{2,3}").expect("compiles").is_match("ab"));
        assert!(compile(r#"{"a":\w+}"#).expect("compiles").is_match(r#"{"a":b}"#));
        assert!(compile(r"\Qa.b\E+").expect("compiles").is_match("a.bb"));
        assert!(compile(r"\pL\x{41}").expect("compiles").is_match("éA"));
    }

    #[test]
    fn what_go_reads_otherwise() {
        let whole = |pattern: &str, text: &str| compile_anchored(pattern).expect(pattern).is_match(text);
        assert!(whole(r"\101\0[\060]", "A\u{0}0"));
        assert!(whole(r"\<a\>", "<a>"));
        assert!(whole(r"\pN\p{Greek}\PN", "1αx"));
        assert!(whole(r"a{,2}", "a{,2}"));
        assert!(whole(r"(?i)ABC(?-i)d", "abcd"));
        assert!(whole(r"[\d-z]+", "1-z"));
        for pattern in [r"\1", r"\8", r"\C", r"\Z", "a**", "a+*", "a{2}{3}", "a{1001}", "a{3,2}"] {
            assert!(compile(pattern).is_err(), "{pattern} is not refused");
        }
        assert_eq!(
            compile("a**").expect_err("refused"),
            "error parsing regexp: invalid nested repetition operator: `**`"
        );
        // A second `?` makes an operator lazy.
        assert!(whole("a+?b{2}?", "aabb") && whole("a*?", ""));
    }

    #[test]
    fn errors_name_the_pattern() {
        let error = compile("(").expect_err("unclosed");
        assert!(
            error.starts_with("error parsing regexp: ") && error.ends_with("`(`"),
            "{error}"
        );
    }
}
