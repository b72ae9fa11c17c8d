//! The stage `logfmt`: `key=value key="quoted value"`. Errors and what follows them are those of
//! Loki's decoder: without `--strict` a broken pair is skipped up to the next blank.

use std::borrow::Cow;

use super::json_path::parse_logfmt_key;
use super::{sanitize_label_key, store, store_extracted};
use crate::ast::LogfmtStage;
use crate::labels::{Category, EntryLabels};

const LOGFMT_ERROR: &str = "LogfmtParserErr";

#[derive(Debug)]
pub(super) struct LogfmtParser {
    strict: bool,
    keep_empty: bool,
    /// Label and key.
    extract: Vec<(String, String)>,
}

impl LogfmtParser {
    pub(super) fn new(stage: &LogfmtStage) -> Result<Self, String> {
        let extract = stage
            .extract
            .iter()
            .map(|extraction| Ok((extraction.label.clone(), parse_logfmt_key(&extraction.path)?)));
        Ok(Self {
            strict: stage.strict,
            keep_empty: stage.keep_empty,
            extract: extract.collect::<Result<_, String>>()?,
        })
    }

    pub(super) fn run(&self, line: &str, labels: &mut EntryLabels) {
        let mut decoder = Decoder::new(line);
        loop {
            match decoder.pair() {
                Ok(Some((key, value))) => self.take(key, &value, labels),
                Ok(None) => break,
                Err(error) if self.strict => {
                    labels.set_error(LOGFMT_ERROR, error);
                    break;
                }
                Err(_) => decoder.skip_value(),
            }
        }
        for (label, _) in &self.extract {
            if labels.get(label).is_none() {
                labels.set(Category::Parsed, label, "");
            }
        }
    }

    fn take(&self, key: &str, value: &str, labels: &mut EntryLabels) {
        if value.is_empty() && !self.keep_empty {
            return;
        }
        if self.extract.is_empty() {
            let name = sanitize_label_key(key, true);
            if !name.is_empty() {
                store_extracted(labels, name, value);
            }
            return;
        }
        for (label, wanted) in &self.extract {
            if wanted == key {
                let mut name = label.clone();
                labels.extracted_name(&mut name);
                store(labels, &name, value);
            }
        }
    }
}

struct Decoder<'l> {
    line: &'l str,
    at: usize,
}

impl<'l> Decoder<'l> {
    fn new(line: &'l str) -> Self {
        Self { line, at: 0 }
    }

    fn byte(&self) -> Option<u8> {
        self.line.as_bytes().get(self.at).copied()
    }

    fn skip_while(&mut self, skips: impl Fn(u8) -> bool) {
        while self.byte().is_some_and(&skips) {
            self.at += 1;
        }
    }

    fn skip_value(&mut self) {
        self.skip_while(|byte| byte > b' ');
    }

    fn error(&self, what: &str) -> String {
        format!("logfmt syntax error at pos {} : {what}", self.at + 1)
    }

    /// The next pair, `None` at the end of the line.
    fn pair(&mut self) -> Result<Option<(&'l str, Cow<'l, str>)>, String> {
        self.skip_while(|byte| byte <= b' ');
        let start = self.at;
        self.skip_while(|byte| byte > b' ' && byte != b'=' && byte != b'"');
        let key = &self.line[start..self.at];
        match self.byte() {
            Some(b'"') => return Err(self.error("unexpected '\"'")),
            Some(b'=') if key.is_empty() => return Err(self.error("unexpected '='")),
            None if key.is_empty() => return Ok(None),
            _ if key.contains(char::REPLACEMENT_CHARACTER) => return Err(self.error("invalid key")),
            Some(b'=') => self.at += 1,
            _ => return Ok(Some((key, Cow::Borrowed("")))),
        }
        let value = match self.byte() {
            Some(b'"') => self.quoted()?,
            _ => Cow::Borrowed(self.bare()?),
        };
        Ok(Some((key, value)))
    }

    fn bare(&mut self) -> Result<&'l str, String> {
        let start = self.at;
        self.skip_while(|byte| byte > b' ' && byte != b'=' && byte != b'"');
        match self.byte() {
            Some(b'=') => Err(self.error("unexpected '='")),
            Some(b'"') => Err(self.error("unexpected '\"'")),
            _ => Ok(&self.line[start..self.at]),
        }
    }

    fn quoted(&mut self) -> Result<Cow<'l, str>, String> {
        let start = self.at + 1;
        let mut end = start;
        let mut escaped = false;
        loop {
            match self.line.as_bytes().get(end) {
                None => {
                    self.at = self.line.len();
                    return Err(self.error("unterminated quoted value"));
                }
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    end += 2;
                }
                Some(_) => end += 1,
            }
        }
        let raw = &self.line[start..end];
        self.at = end + 1;
        if !escaped {
            return Ok(Cow::Borrowed(raw));
        }
        unquote(raw)
            .map(Cow::Owned)
            .ok_or_else(|| self.error("invalid quoted value"))
    }
}

fn unquote(raw: &str) -> Option<String> {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        out.push(match chars.next()? {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            c @ ('"' | '\\' | '/' | '\'') => c,
            'u' => {
                let digits: String = chars.by_ref().take(4).collect();
                char::from_u32(u32::from_str_radix(&digits, 16).ok()?).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return None,
        });
    }
    Some(out)
}
