//! Which queries are so short that to hand them to another thread costs more than to evaluate them.
//!
//! To wake a thread of the pool and to be woken by it takes some tens of microseconds each, of a query that may itself take as
//! little. A dashboard asks the same query again and again: one that was short a moment ago is run where it was received. If it
//! is short no longer, one thread that serves connections is busy for as long as it takes, once.

use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

use quick_cache::sync::Cache;
use xxhash_rust::xxh3::Xxh3Default;

/// What took less is short.
const SHORT: Duration = Duration::from_millis(1);
/// After this a query is no longer taken to be what it was: its data has changed.
const KEPT: Duration = Duration::from_mins(1);
/// Most queries that are remembered.
const MAX_QUERIES: usize = 4096;

/// A query and how much of time it asks for; where the time lies matters little.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PaceKey(u64);

impl PaceKey {
    /// Of a tenant's query that has so many steps, each so many milliseconds after the one before.
    pub(crate) fn new(tenant: &str, query: &str, steps: i64, step_ms: i64) -> Self {
        let mut hasher = Xxh3Default::new();
        (tenant, query, steps, step_ms).hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// When queries were short.
#[derive(Debug)]
pub(crate) struct Paces {
    short_at: Cache<u64, Instant>,
}

impl Default for Paces {
    fn default() -> Self {
        Self {
            short_at: Cache::new(MAX_QUERIES),
        }
    }
}

impl Paces {
    /// Whether the query was short when it was last evaluated, a moment before `now`.
    pub(crate) fn is_short(&self, key: PaceKey, now: Instant) -> bool {
        let at = self.short_at.get(&key.0);
        at.is_some_and(|at| now.saturating_duration_since(at) < KEPT)
    }

    /// Notes how long the query took.
    pub(crate) fn note(&self, key: PaceKey, took: Duration, now: Instant) {
        if took < SHORT {
            self.short_at.insert(key.0, now);
        } else {
            self.short_at.remove(&key.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(query: &str) -> PaceKey {
        PaceKey::new("default", query, 1, 0)
    }

    #[test]
    fn a_query_is_as_short_as_it_was_last() {
        let (paces, now) = (Paces::default(), Instant::now());
        assert!(!paces.is_short(key("up"), now), "nothing is known of it");
        paces.note(key("up"), SHORT / 2, now);
        assert!(paces.is_short(key("up"), now + KEPT / 2));
        assert!(!paces.is_short(key("up"), now + KEPT), "that is too long ago");
        assert!(!paces.is_short(key("down"), now));
        paces.note(key("up"), SHORT, now);
        assert!(!paces.is_short(key("up"), now));
    }

    #[test]
    fn another_tenant_or_range_is_another_query() {
        let keys = [
            PaceKey::new("a", "up", 1, 0),
            PaceKey::new("b", "up", 1, 0),
            PaceKey::new("a", "up", 240, 15_000),
            PaceKey::new("a", "up", 240, 60_000),
        ];
        for (at, one) in keys.iter().enumerate() {
            assert!(keys[..at].iter().all(|other| other != one), "{keys:?}");
        }
    }
}
