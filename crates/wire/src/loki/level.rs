//! The level of a log line, from labels, metadata, fields or words (Loki's
//! `pkg/distributor/field_detection.go`).

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Fields that may hold the level, the best first.
const LEVEL_FIELDS: [&str; 8] = [
    "level", "LEVEL", "Level", "severity", "SEVERITY", "Severity", "lvl", "LVL",
];
/// How deep a JSON line is searched.
const MAX_JSON_DEPTH: usize = 2;
/// How far into a line words are searched: levels stand at the front.
const MAX_SEARCHED_BYTES: usize = 4096;
const UNKNOWN: &str = "unknown";

/// Where a level may be written besides the line.
pub struct LevelHints<S, M> {
    stream: S,
    metadata: M,
}

impl<S, M> fmt::Debug for LevelHints<S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LevelHints").finish_non_exhaustive()
    }
}

impl<'a, S: Fn(&'static str) -> &'a str, M: Fn(&'static str) -> &'a str> LevelHints<S, M> {
    /// `stream` and `metadata` give the value of a label, or an empty text.
    pub fn new(stream: S, metadata: M) -> Self {
        Self { stream, metadata }
    }

    fn level(&self) -> Option<Cow<'a, str>> {
        let known = (self.metadata)("detected_level");
        if !known.is_empty() {
            return Some(normalise(known));
        }
        if let Some(level) = LEVEL_FIELDS.into_iter().map(&self.stream).find(|text| !text.is_empty()) {
            return Some(normalise(level));
        }
        if let Some(level) = LEVEL_FIELDS
            .into_iter()
            .map(&self.metadata)
            .find(|text| !text.is_empty())
        {
            return Some(normalise(level));
        }
        let number = (self.metadata)("severity_number");
        (!number.is_empty()).then(|| Cow::Borrowed(severity(number)))
    }
}

/// The level of an entry, in Loki's words; `unknown` where nothing tells it.
pub fn detect_level<'a, S, M>(line: &str, hints: &LevelHints<S, M>) -> Cow<'a, str>
where
    S: Fn(&'static str) -> &'a str,
    M: Fn(&'static str) -> &'a str,
{
    hints.level().unwrap_or_else(|| Cow::Borrowed(level_of_line(line)))
}

/// The level that a line tells by a field or a word.
fn level_of_line(line: &str) -> &'static str {
    let field = if line.trim_start().starts_with('{') {
        json_level(line, MAX_JSON_DEPTH)
    } else {
        logfmt_level(line).map(str::to_owned)
    };
    field.as_deref().and_then(known).unwrap_or_else(|| word_level(line))
}

fn severity(number: &str) -> &'static str {
    match number.parse::<i64>() {
        Ok(0) => UNKNOWN,
        Ok(1..=4) => "trace",
        Ok(5..=8) => "debug",
        Ok(9..=12) => "info",
        Ok(13..=16) => "warn",
        Ok(17..=20) => "error",
        Ok(21..=24) => "fatal",
        Ok(_) => UNKNOWN,
        Err(_) => "info",
    }
}

/// The level that a word stands for.
fn known(word: &str) -> Option<&'static str> {
    const WORDS: [(&str, &str); 15] = [
        ("trace", "trace"),
        ("trc", "trace"),
        ("debug", "debug"),
        ("dbg", "debug"),
        ("info", "info"),
        ("inf", "info"),
        ("information", "info"),
        ("warn", "warn"),
        ("wrn", "warn"),
        ("warning", "warn"),
        ("error", "error"),
        ("err", "error"),
        ("critical", "critical"),
        ("fatal", "fatal"),
        ("unknown", UNKNOWN),
    ];
    WORDS
        .into_iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(word))
        .map(|(_, level)| level)
}

fn normalise(text: &str) -> Cow<'_, str> {
    known(text).map_or(Cow::Borrowed(text), Cow::Borrowed)
}

/// The first word that names a level. A word stands between the ends, spaces and brackets;
/// `misc:error` and `/error-handler` are none.
fn word_level(line: &str) -> &'static str {
    let searched = line.as_bytes().get(..MAX_SEARCHED_BYTES).unwrap_or(line.as_bytes());
    let opens = |byte: u8| byte.is_ascii_whitespace() || b"[(<|\"'{,".contains(&byte);
    let closes = |byte: u8| byte.is_ascii_whitespace() || b"])>|\"'},:.;!".contains(&byte);
    let mut before = b' ';
    for run in searched.split_inclusive(|byte| !byte.is_ascii_alphabetic()) {
        let (word, after) = match run.split_last() {
            Some((last, word)) if !last.is_ascii_alphabetic() => (word, *last),
            _ => (run, b' '),
        };
        if opens(before)
            && closes(after)
            && let Some(level) = std::str::from_utf8(word)
                .ok()
                .and_then(known)
                .filter(|level| *level != UNKNOWN)
        {
            return level;
        }
        before = after;
    }
    UNKNOWN
}

/// The value of the first level field of a logfmt line.
fn logfmt_level(line: &str) -> Option<&str> {
    LEVEL_FIELDS.into_iter().find_map(|field| {
        line.match_indices(field).find_map(|(at, _)| {
            let starts_key = line.get(..at)?.chars().next_back().is_none_or(char::is_whitespace);
            let value = line.get(at + field.len()..)?.strip_prefix('=')?;
            starts_key.then(|| logfmt_value(value))
        })
    })
}

fn logfmt_value(rest: &str) -> &str {
    match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().unwrap_or_default(),
        None => rest.split(char::is_whitespace).next().unwrap_or_default(),
    }
}

/// The value of a level field of a JSON line: the shallowest, then the best name. Lists are not
/// searched. `None` also for a line that is no JSON.
fn json_level(line: &str, max_depth: usize) -> Option<String> {
    let mut found = None;
    let mut deserializer = serde_json::Deserializer::from_str(line);
    let search = Search {
        depth: 1,
        max_depth,
        best: &mut found,
    };
    search.deserialize(&mut deserializer).ok()?;
    found.map(|found| found.text)
}

struct Found {
    rank: (usize, usize),
    text: String,
}

/// Walks one JSON value at `depth` and keeps the best level field below it.
struct Search<'a> {
    depth: usize,
    max_depth: usize,
    best: &'a mut Option<Found>,
}

impl<'de> DeserializeSeed<'de> for Search<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.depth > self.max_depth {
            return deserializer.deserialize_ignored_any(IgnoredAny).map(|_| ());
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Search<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            let Some(name_rank) = LEVEL_FIELDS.into_iter().position(|field| field == key) else {
                map.next_value_seed(Search {
                    depth: self.depth + 1,
                    max_depth: self.max_depth,
                    best: &mut *self.best,
                })?;
                continue;
            };
            let value: serde_json::Value = map.next_value()?;
            let rank = (self.depth, name_rank);
            if let Some(text) = value.as_str()
                && self.best.as_ref().is_none_or(|best| rank < best.rank)
            {
                *self.best = Some(Found {
                    rank,
                    text: text.to_owned(),
                });
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
