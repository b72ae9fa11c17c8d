//! The notification log: what each integration was told last of each group, so that nothing is told
//! twice.

mod decide;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

pub use self::decide::{Decision, State, decide};

/// Whom a group was told to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LogKey {
    /// The group's key.
    pub group_key: String,
    /// The receiver's name.
    pub receiver: String,
    /// The kind of the integration, such as `webhook`.
    pub kind: String,
    /// Its position among the receiver's integrations of that kind.
    pub index: usize,
}

impl LogKey {
    /// One text that is unique among all keys.
    pub fn as_text(&self) -> String {
        format!("{}:{}/{}/{}", self.group_key, self.receiver, self.kind, self.index)
    }
}

/// What was told last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// When, Unix milliseconds.
    pub timestamp_ms: i64,
    /// Fingerprints of the alerts that fired then, sorted.
    pub firing: Vec<u64>,
    /// Fingerprints of the alerts that had ended then, sorted.
    pub resolved: Vec<u64>,
    /// When it may be forgotten, Unix milliseconds.
    pub expires_at_ms: i64,
    /// What the integration wants to remember, such as the timestamp of a Slack message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receiver_data: Vec<(String, String)>,
}

/// All entries.
#[derive(Debug, Default)]
pub struct NotificationLog {
    entries: HashMap<LogKey, LogEntry>,
}

impl NotificationLog {
    /// What was told last. An expired entry counts until it is collected: a repeat interval of a
    /// millisecond would otherwise lose the news that an alert has ended.
    pub fn get(&self, key: &LogKey) -> Option<&LogEntry> {
        self.entries.get(key)
    }

    /// Writes an entry.
    pub fn put(&mut self, key: LogKey, entry: LogEntry) {
        self.entries.insert(key, entry);
    }

    /// Takes over an entry of another member or of a snapshot, unless a younger one is known; says
    /// whether it did.
    pub fn merge(&mut self, key: LogKey, entry: LogEntry) -> bool {
        let is_news = self
            .entries
            .get(&key)
            .is_none_or(|known| known.timestamp_ms < entry.timestamp_ms);
        if is_news {
            self.entries.insert(key, entry);
        }
        is_news
    }

    /// All entries in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&LogKey, &LogEntry)> {
        self.entries.iter()
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets expired entries; gives their keys.
    pub fn collect_garbage(&mut self, now_ms: i64) -> Vec<LogKey> {
        let mut forgotten = Vec::new();
        self.entries.retain(|key, entry| {
            let keeps = entry.expires_at_ms > now_ms;
            if !keeps {
                forgotten.push(key.clone());
            }
            keeps
        });
        forgotten
    }
}

#[cfg(test)]
mod tests;
