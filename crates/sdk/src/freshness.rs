//! How fresh things are, by id: 0 warming, 1 fresh, 2 error, 3 stale. A fresh thing goes stale by itself, at scrape.
//!
//! ```
//! use std::time::Duration;
//! use skopos_sdk::freshness::Freshness;
//!
//! let registry = prometheus::Registry::new();
//! let packs = Freshness::register(&registry, "dawsos_pack_freshness", "pack_id", Duration::from_secs(24 * 3600))?;
//! packs.warming("PP_2026-11-26");
//! packs.fresh("PP_2026-11-26");
//! # Ok::<(), prometheus::Error>(())
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntGaugeVec, Opts, Registry};

/// State of one thing; the number is the value of its gauge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FreshnessState {
    /// Being made; not usable yet.
    Warming = 0,
    /// Made and within the bound.
    Fresh = 1,
    /// Making it failed.
    Error = 2,
    /// Was fresh, longer ago than the bound.
    Stale = 3,
}

/// The gauge; clones share it.
#[derive(Clone)]
pub struct Freshness {
    entries: Arc<Mutex<BTreeMap<String, (FreshnessState, Instant)>>>,
    gauge: IntGaugeVec,
    bound: Duration,
}

impl fmt::Debug for Freshness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Freshness")
            .field("bound", &self.bound)
            .finish_non_exhaustive()
    }
}

impl Freshness {
    /// Registers the gauge `name{label}`; what is fresh goes stale after `bound`.
    pub fn register(registry: &Registry, name: &str, label: &str, bound: Duration) -> prometheus::Result<Self> {
        let opts = Opts::new(name, "Freshness: 0 warming, 1 fresh, 2 error, 3 stale.");
        let freshness = Self {
            entries: Arc::default(),
            gauge: IntGaugeVec::new(opts, &[label])?,
            bound,
        };
        registry.register(Box::new(freshness.clone()))?;
        Ok(freshness)
    }

    /// It is being made.
    pub fn warming(&self, id: &str) {
        self.set(id, FreshnessState::Warming);
    }

    /// It has just been made.
    pub fn fresh(&self, id: &str) {
        self.set(id, FreshnessState::Fresh);
    }

    /// Making it failed.
    pub fn error(&self, id: &str) {
        self.set(id, FreshnessState::Error);
    }

    /// It is no longer kept: its series ends.
    pub fn forget(&self, id: &str) {
        self.lock().remove(id);
        // Fails where it was never scraped, and then there is no series to end.
        drop(self.gauge.remove_label_values(&[id]));
    }

    /// The state now; none for an id that was never set.
    pub fn state(&self, id: &str) -> Option<FreshnessState> {
        self.state_at(id, Instant::now())
    }

    fn state_at(&self, id: &str, now: Instant) -> Option<FreshnessState> {
        let (state, since) = *self.lock().get(id)?;
        Some(aged(state, since, now, self.bound))
    }

    fn set(&self, id: &str, state: FreshnessState) {
        self.lock().insert(id.to_owned(), (state, Instant::now()));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, (FreshnessState, Instant)>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn aged(state: FreshnessState, since: Instant, now: Instant, bound: Duration) -> FreshnessState {
    if state == FreshnessState::Fresh && now.saturating_duration_since(since) > bound {
        FreshnessState::Stale
    } else {
        state
    }
}

impl Collector for Freshness {
    fn desc(&self) -> Vec<&Desc> {
        self.gauge.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let now = Instant::now();
        // The lock is held while the gauge is set, so that `forget` cannot come between.
        let entries = self.lock();
        for (id, (state, since)) in entries.iter() {
            let state = aged(*state, *since, now, self.bound);
            self.gauge.with_label_values(&[id.as_str()]).set(state as i64);
        }
        let families = self.gauge.collect();
        drop(entries);
        families
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Duration = Duration::from_mins(1);

    #[test]
    fn only_what_was_fresh_goes_stale() {
        let freshness = Freshness::register(&Registry::new(), "f", "id", BOUND).expect("valid");
        freshness.warming("w");
        freshness.error("e");
        freshness.fresh("f");
        let later = Instant::now() + BOUND * 2;
        assert_eq!(freshness.state("f"), Some(FreshnessState::Fresh));
        assert_eq!(freshness.state_at("f", later), Some(FreshnessState::Stale));
        assert_eq!(freshness.state_at("w", later), Some(FreshnessState::Warming));
        assert_eq!(freshness.state_at("e", later), Some(FreshnessState::Error));
        assert_eq!(freshness.state("never"), None);
    }

    #[test]
    fn the_scrape_shows_the_age_and_forgets_what_is_gone() {
        let registry = Registry::new();
        let freshness =
            Freshness::register(&registry, "dawsos_pack_freshness", "pack_id", Duration::ZERO).expect("valid");
        freshness.fresh("old");
        freshness.warming("new");
        // Zero is passed as soon as the clock moves.
        while freshness.state("old") != Some(FreshnessState::Stale) {
            std::hint::spin_loop();
        }
        let text = crate::metrics::render(&registry);
        assert!(text.contains(r#"dawsos_pack_freshness{pack_id="old"} 3"#), "{text}");
        assert!(text.contains(r#"dawsos_pack_freshness{pack_id="new"} 0"#), "{text}");
        freshness.forget("old");
        assert!(!crate::metrics::render(&registry).contains("old"));
    }
}
