//! A position in outside bytes that never runs over their end.

use memchr::{memchr, memchr3};

/// Reads a byte slice from front to back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Steps over `byte` if it is next.
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Steps over `text` if it is next.
    pub(super) fn eat_all(&mut self, text: &[u8]) -> bool {
        let is_next = self.rest().starts_with(text);
        if is_next {
            self.at += text.len();
        }
        is_next
    }

    /// The bytes from here on for which `accept` holds; steps over them.
    pub(super) fn take_while(&mut self, accept: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|byte| !accept(*byte)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// The bytes up to the line's end or the input's; steps over them, not over the line end.
    pub(super) fn take_line(&mut self) -> &'a [u8] {
        let rest = self.rest();
        let length = memchr(b'\n', rest).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// A metric name in the classic character set; empty if there is none.
    pub(super) fn take_metric_name(&mut self) -> &'a [u8] {
        if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return &[];
        }
        self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':')
    }

    /// A label name in the classic character set; empty if there is none.
    pub(super) fn take_label_name(&mut self) -> &'a [u8] {
        if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return &[];
        }
        self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    }

    /// The content of a text in double quotes, escapes untouched. `None`, and nothing is taken, if
    /// there is none or it does not end; `lines` says whether it may go over line ends.
    pub(super) fn take_quoted(&mut self, lines: Lines) -> Option<&'a [u8]> {
        let rest = self.rest().strip_prefix(b"\"")?;
        let mut at = 0;
        loop {
            at += memchr3(b'"', b'\\', b'\n', rest.get(at..)?)?;
            match rest.get(at)? {
                b'"' => break,
                b'\\' => at += 2,
                _ if lines == Lines::Many => at += 1,
                _ => return None,
            }
        }
        self.at += at + 2;
        rest.get(..at)
    }

    /// Steps over spaces and tabs.
    pub(super) fn skip_blanks(&mut self) -> &'a [u8] {
        self.take_while(|byte| matches!(byte, b' ' | b'\t'))
    }

    /// Steps over a label set, `{` to `}`, without reading it. `false` if it does not end.
    pub(super) fn skip_braces(&mut self, lines: Lines) -> bool {
        loop {
            match memchr3(b'"', b'}', b'\n', self.rest()) {
                None => return false,
                Some(length) => self.at += length,
            }
            match self.peek() {
                Some(b'}') => {
                    self.at += 1;
                    return true;
                }
                Some(b'"') if self.take_quoted(lines).is_some() => {}
                _ => return false,
            }
        }
    }

    /// The bytes from `start` to here.
    pub(super) fn since(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    /// A short piece from here on, for errors.
    pub(super) fn shown(&self) -> String {
        let line = self.rest().split(|byte| *byte == b'\n').next().unwrap_or_default();
        let piece = line.get(..40).unwrap_or(line);
        if piece.is_empty() {
            return if self.is_at_end() {
                "end of input"
            } else {
                "end of line"
            }
            .to_owned();
        }
        format!("{:?}", String::from_utf8_lossy(piece))
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
}

/// Whether quoted text may hold line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    /// It ends on its line (OpenMetrics).
    One,
    /// It may go on (the text format).
    Many,
}
