//! Alerts as they are kept: identity, merging of updates, and the order in messages.

mod annotations;
mod at_rest;
mod order;
mod post;
mod store;

use std::sync::Arc;

use skopos_core::Labels;

pub use self::annotations::Annotations;
pub use self::order::{by_job_and_instance, by_labels};
pub use self::post::{PostableAlert, PostableAlertError};
pub use self::store::{AlertStore, Put};

/// An alert. It never changes: an update makes another one.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Labels, the identity.
    pub labels: Labels,
    /// Hash of the labels: see [`fingerprint`].
    pub fingerprint: u64,
    /// Annotations.
    pub annotations: Annotations,
    /// When it began, Unix milliseconds.
    pub starts_at_ms: i64,
    /// When it ended or will be taken for ended, Unix milliseconds.
    pub ends_at_ms: i64,
    /// When it was posted last, Unix milliseconds.
    pub updated_at_ms: i64,
    /// Whether the end is only the resolve timeout: its poster named none.
    pub is_timeout: bool,
    /// Where it was made.
    pub generator_url: Arc<str>,
}

impl Alert {
    /// Whether it has ended at `now_ms`.
    pub fn is_resolved(&self, now_ms: i64) -> bool {
        self.ends_at_ms <= now_ms
    }

    /// Joins an alert with what was known of it: they merge if their times overlap, otherwise the
    /// new one replaces the old one.
    pub fn succeed(self, old: &Self, now_ms: i64) -> Self {
        let inside = |time_ms: i64| old.starts_at_ms < time_ms && time_ms < old.ends_at_ms;
        if inside(self.ends_at_ms) || inside(self.starts_at_ms) {
            self.merge(old, now_ms)
        } else {
            self
        }
    }

    /// The younger one's content, the earliest start, and an end by who knows it best.
    fn merge(self, other: &Self, now_ms: i64) -> Self {
        if self.updated_at_ms < other.updated_at_ms {
            return other.clone().merge(&self, now_ms);
        }
        let mut merged = self;
        merged.starts_at_ms = merged.starts_at_ms.min(other.starts_at_ms);
        let keeps_old_end = if merged.is_resolved(now_ms) {
            other.is_resolved(now_ms)
        } else {
            !other.is_timeout
        };
        if keeps_old_end && other.ends_at_ms > merged.ends_at_ms {
            merged.ends_at_ms = other.ends_at_ms;
        }
        merged
    }
}

/// Identity of a label set in Alertmanager's API and messages: 64-bit FNV-1a over name, 0xff,
/// value, 0xff of each label, sorted by name.
pub fn fingerprint(labels: &Labels) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    const SEPARATOR: u8 = 0xff;
    let add = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    labels.iter().fold(OFFSET, |hash, (name, value)| {
        let hash = add(name.bytes().fold(hash, add), SEPARATOR);
        add(value.bytes().fold(hash, add), SEPARATOR)
    })
}

#[cfg(test)]
mod tests;
