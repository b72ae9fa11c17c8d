//! Silences: matchers that hold alerts back for a time.

mod error;
mod index;
mod store;

use serde::{Deserialize, Serialize};
use skopos_core::Labels;

use crate::Matcher;

pub use self::error::SilenceError;
pub use self::store::{SilenceLimits, SilenceStore};

/// A silence. It never changes: an update makes another one with the same id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// Its id, a UUID.
    pub id: String,
    /// What it holds back, in the order given: all must match.
    pub matchers: Vec<Matcher>,
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
    /// More about it, sorted by name.
    pub annotations: Vec<(String, String)>,
}

/// A silence as it is posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostableSilence {
    /// The silence to change; `None` makes a new one.
    pub id: Option<String>,
    /// What it holds back: all must match.
    pub matchers: Vec<Matcher>,
    /// When it begins, Unix milliseconds; what lies in the past is moved to now.
    pub starts_at_ms: i64,
    /// When it ends, Unix milliseconds.
    pub ends_at_ms: i64,
    /// Who makes it.
    pub created_by: String,
    /// Why.
    pub comment: String,
    /// More about it.
    pub annotations: Vec<(String, String)>,
}

/// Where a silence stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SilenceState {
    /// It holds alerts back.
    Active,
    /// It begins later.
    Pending,
    /// It has ended.
    Expired,
}

impl SilenceState {
    /// The API's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Expired => "expired",
        }
    }
}

impl Silence {
    /// Where it stands at `now_ms`.
    pub fn state(&self, now_ms: i64) -> SilenceState {
        if now_ms < self.starts_at_ms {
            SilenceState::Pending
        } else if now_ms < self.ends_at_ms {
            SilenceState::Active
        } else {
            SilenceState::Expired
        }
    }

    /// Whether its matchers match the labels, whatever the time.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|matcher| matcher.matches_labels(labels))
    }

    /// Bytes that limits count: all texts, and a little for each field.
    pub fn size_bytes(&self) -> usize {
        const FIELD_BYTES: usize = 2;
        const TIMES_BYTES: usize = 3 * 14;
        let pair = |name: &str, value: &str| name.len() + value.len() + 3 * FIELD_BYTES;
        let matchers = self.matchers.iter().map(|m| pair(m.name(), m.value()) + FIELD_BYTES);
        let annotations = self.annotations.iter().map(|(name, value)| pair(name, value));
        let texts = [&self.id, &self.created_by, &self.comment];
        TIMES_BYTES
            + matchers.sum::<usize>()
            + annotations.sum::<usize>()
            + texts.iter().map(|text| text.len() + FIELD_BYTES).sum::<usize>()
    }
}

#[cfg(test)]
mod tests;
