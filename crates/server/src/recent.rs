//! The PromQL queries of late: who asks for a metric reads it, whether a rule or dashboard does or not.

use std::collections::{HashSet, VecDeque};

use parking_lot::Mutex;

/// Most queries that are remembered; the oldest is forgotten first.
const MAX_QUERIES: usize = 2_000;
/// Longest query that is remembered, in bytes.
const MAX_BYTES: usize = 16 * 1024;

/// The distinct queries of late.
#[derive(Debug, Default)]
pub(crate) struct RecentQueries {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    known: HashSet<String>,
    order: VecDeque<String>,
}

impl RecentQueries {
    /// Remembers a query.
    pub(crate) fn note(&self, query: &str) {
        if query.len() > MAX_BYTES {
            return;
        }
        let mut kept = self.kept.lock();
        if kept.known.contains(query) {
            return;
        }
        if kept.order.len() >= MAX_QUERIES
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.known.remove(&oldest);
        }
        kept.known.insert(query.to_owned());
        kept.order.push_back(query.to_owned());
    }

    /// What is remembered, the oldest first.
    pub(crate) fn list(&self) -> Vec<String> {
        self.kept.lock().order.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_query_once_and_the_oldest_goes_first() {
        let recent = RecentQueries::default();
        for query in ["a", "b", "a"] {
            recent.note(query);
        }
        assert_eq!(recent.list(), ["a", "b"]);
        recent.note(&"x".repeat(MAX_BYTES + 1));
        for number in 0..MAX_QUERIES {
            recent.note(&format!("q{number}"));
        }
        assert_eq!(recent.list().len(), MAX_QUERIES);
        assert_eq!(recent.list()[0], "q0");
    }
}
