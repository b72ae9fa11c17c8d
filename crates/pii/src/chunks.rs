//! A text in pieces: those that are still as they came, and those that a rule has put in place of something.

use hmac::{Hmac, Mac};
use regex::Regex;
use sha1::Sha1;

use crate::meta::{Action, Remark};
use crate::rule::Redaction;

/// A piece of a text.
#[derive(Debug, Clone)]
enum Chunk {
    Text(String),
    Redacted { text: String, rule: String, action: Action },
}

/// A text on which several rules work one after another.
#[derive(Debug, Clone)]
pub(crate) struct Chunks(Vec<Chunk>);

impl Chunks {
    pub(crate) fn new(text: &str) -> Self {
        Self(vec![Chunk::Text(text.to_owned())])
    }

    /// Whether any rule has changed something.
    pub(crate) fn is_changed(&self) -> bool {
        self.0.iter().any(|chunk| matches!(chunk, Chunk::Redacted { .. }))
    }

    /// Redacts the groups of each match; group 0 is all of it. `accepts` sees a match before it counts.
    pub(crate) fn redact_matches(
        &mut self,
        regex: &Regex,
        groups: &[usize],
        accepts: impl Fn(&str, usize, usize) -> bool,
        rule: &str,
        redaction: &Redaction,
    ) {
        let mut chunks = Vec::with_capacity(self.0.len());
        for chunk in self.0.drain(..) {
            let Chunk::Text(text) = chunk else {
                chunks.push(chunk);
                continue;
            };
            let mut copied = 0;
            for captures in regex.captures_iter(&text) {
                for found in groups.iter().filter_map(|group| captures.get(*group)) {
                    if found.start() < copied || found.is_empty() || !accepts(&text, found.start(), found.end()) {
                        continue;
                    }
                    push_text(&mut chunks, &text[copied..found.start()]);
                    chunks.push(redact(found.as_str(), rule, redaction));
                    copied = found.end();
                }
            }
            push_text(&mut chunks, &text[copied..]);
        }
        self.0 = chunks;
    }

    /// Redacts the whole text, unless an earlier rule has done so.
    pub(crate) fn redact_all(&mut self, rule: &str, redaction: &Redaction) {
        if let [Chunk::Redacted { .. }] = self.0.as_slice() {
            return;
        }
        let text = self.text();
        if !text.is_empty() {
            self.0 = vec![redact(&text, rule, redaction)];
        }
    }

    /// The text as it is now.
    pub(crate) fn text(&self) -> String {
        let pieces = self.0.iter().map(|chunk| match chunk {
            Chunk::Text(text) | Chunk::Redacted { text, .. } => text.as_str(),
        });
        pieces.collect()
    }

    /// What the rules have done, with ranges in characters of the text as it is now.
    pub(crate) fn remarks(&self) -> Vec<Remark> {
        let mut remarks = Vec::new();
        let mut at = 0;
        for chunk in &self.0 {
            match chunk {
                Chunk::Text(text) => at += text.chars().count(),
                Chunk::Redacted { text, rule, action } => {
                    let end = at + text.chars().count();
                    remarks.push(Remark {
                        rule: rule.clone(),
                        action: *action,
                        range: Some((at, end)),
                    });
                    at = end;
                }
            }
        }
        remarks
    }
}

fn push_text(chunks: &mut Vec<Chunk>, text: &str) {
    if !text.is_empty() {
        chunks.push(Chunk::Text(text.to_owned()));
    }
}

fn redact(text: &str, rule: &str, redaction: &Redaction) -> Chunk {
    let (text, action) = match redaction {
        Redaction::Default | Redaction::Remove => (String::new(), Action::Removed),
        Redaction::Replace { text } => (text.clone(), Action::Substituted),
        Redaction::Mask => ("*".repeat(text.chars().count()), Action::Masked),
        Redaction::Hash => (hash(text), Action::Pseudonymized),
    };
    Chunk::Redacted {
        text,
        rule: rule.to_owned(),
        action,
    }
}

/// HMAC-SHA1 with an empty key, in capital hex.
fn hash(text: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(&[]).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    hex::encode_upper(mac.finalize().into_bytes())
}
