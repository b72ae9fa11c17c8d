//! What must be stored so that a restart changes nothing, as plain data.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::alert::Alert;
use crate::nflog::{LogEntry, LogKey};
use crate::silence::Silence;
use crate::{MatchOp, Matcher};

/// One thing to be stored or removed. A later change of the same thing replaces an earlier one.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// An alert is new or changed.
    PutAlert(Arc<Alert>),
    /// An alert is dropped.
    RemoveAlert(u64),
    /// A silence is new or changed.
    PutSilence(StoredSilence),
    /// A silence is dropped.
    RemoveSilence(String),
    /// An integration was told something.
    PutLogEntry(StoredLogEntry),
    /// What an integration was told is dropped.
    RemoveLogEntry(LogKey),
}

/// Everything that was stored.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// The alerts.
    pub alerts: Vec<Arc<Alert>>,
    /// The silences.
    pub silences: Vec<StoredSilence>,
    /// The notification log.
    pub log: Vec<StoredLogEntry>,
}

/// A silence at rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredSilence {
    /// Its id.
    pub id: String,
    /// Its matchers.
    pub matchers: Vec<StoredMatcher>,
    /// When it begins, Unix milliseconds.
    pub starts_at_ms: i64,
    /// When it ends, Unix milliseconds.
    pub ends_at_ms: i64,
    /// When it was changed last, Unix milliseconds.
    pub updated_at_ms: i64,
    /// Who made it.
    pub created_by: String,
    /// Why.
    pub comment: String,
    /// More about it.
    #[serde(default)]
    pub annotations: Vec<(String, String)>,
}

/// A matcher at rest, as the API writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredMatcher {
    /// The label's name.
    pub name: String,
    /// The text or pattern.
    pub value: String,
    /// Whether it is a pattern.
    pub is_regex: bool,
    /// Whether it must match, not differ. Silences from before there were others say nothing.
    #[serde(default = "is_equal")]
    pub is_equal: bool,
}

fn is_equal() -> bool {
    true
}

/// An entry of the notification log at rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredLogEntry {
    /// Who was told.
    pub key: LogKey,
    /// What.
    pub entry: LogEntry,
}

impl Change {
    /// The key under which the thing is stored, unique among its kind.
    pub fn key(&self) -> String {
        match self {
            Self::PutAlert(alert) => format!("{:016x}", alert.fingerprint),
            Self::RemoveAlert(fingerprint) => format!("{fingerprint:016x}"),
            Self::PutSilence(silence) => silence.id.clone(),
            Self::RemoveSilence(id) => id.clone(),
            Self::PutLogEntry(entry) => entry.key.as_text(),
            Self::RemoveLogEntry(key) => key.as_text(),
        }
    }
}

impl From<&Matcher> for StoredMatcher {
    fn from(matcher: &Matcher) -> Self {
        Self {
            name: matcher.name().to_owned(),
            value: matcher.value().to_owned(),
            is_regex: matches!(matcher.op(), MatchOp::Regex | MatchOp::NotRegex),
            is_equal: !matcher.op().is_negative(),
        }
    }
}

impl TryFrom<StoredMatcher> for Matcher {
    type Error = crate::matcher::PatternError;

    fn try_from(stored: StoredMatcher) -> Result<Self, Self::Error> {
        let op = match (stored.is_regex, stored.is_equal) {
            (false, true) => MatchOp::Equal,
            (false, false) => MatchOp::NotEqual,
            (true, true) => MatchOp::Regex,
            (true, false) => MatchOp::NotRegex,
        };
        Self::new(op, stored.name, stored.value)
    }
}

impl From<&Silence> for StoredSilence {
    fn from(silence: &Silence) -> Self {
        Self {
            id: silence.id.clone(),
            matchers: silence.matchers.iter().map(StoredMatcher::from).collect(),
            starts_at_ms: silence.starts_at_ms,
            ends_at_ms: silence.ends_at_ms,
            updated_at_ms: silence.updated_at_ms,
            created_by: silence.created_by.clone(),
            comment: silence.comment.clone(),
            annotations: silence.annotations.clone(),
        }
    }
}

impl TryFrom<StoredSilence> for Silence {
    type Error = crate::matcher::PatternError;

    fn try_from(stored: StoredSilence) -> Result<Self, Self::Error> {
        let matchers: Result<Vec<Matcher>, _> = stored.matchers.into_iter().map(Matcher::try_from).collect();
        Ok(Self {
            id: stored.id,
            matchers: matchers?,
            starts_at_ms: stored.starts_at_ms,
            ends_at_ms: stored.ends_at_ms,
            updated_at_ms: stored.updated_at_ms,
            created_by: stored.created_by,
            comment: stored.comment,
            annotations: stored.annotations,
        })
    }
}
