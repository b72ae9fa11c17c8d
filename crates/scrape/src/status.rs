//! What is known of targets, for `/api/v1/targets` and its neighbours.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use skopos_core::Labels;
use skopos_core::metric::MetricMetadata;

use crate::target::Target;

/// How the last scrape of a target went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TargetHealth {
    /// Not scraped yet.
    #[default]
    Unknown,
    /// Well.
    Up,
    /// It failed.
    Down,
}

impl TargetHealth {
    /// The health as the API says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// A target that is scraped.
#[derive(Debug, Clone, PartialEq)]
pub struct ActiveTarget {
    /// The job's name.
    pub scrape_pool: String,
    /// What is scraped, the labels it gets, and how often.
    pub target: Target,
    /// How the last scrape went.
    pub health: TargetHealth,
    /// Why it failed; empty where it did not.
    pub last_error: String,
    /// When it was, in milliseconds since the Unix epoch; `None` if there was none.
    pub last_scrape_ms: Option<i64>,
    /// How long it took.
    pub last_scrape_duration: Duration,
}

/// A target that relabelling drops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedTarget {
    /// The job's name.
    pub scrape_pool: String,
    /// Its labels before relabelling.
    pub discovered_labels: Labels,
}

/// All targets at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Targets {
    /// Those scraped, sorted by pool and URL.
    pub active: Vec<ActiveTarget>,
    /// Those dropped, by pool; as many as `keep_dropped_targets` allows.
    pub dropped: Vec<DroppedTarget>,
    /// How many each pool dropped.
    pub dropped_counts: BTreeMap<String, usize>,
    /// Names of all pools, those without targets included, sorted.
    pub pools: Vec<String>,
}

/// Metadata that one target told.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetMetadata {
    /// The target's labels.
    pub target: Labels,
    /// Types, helps and units of its families, sorted by name.
    pub metadata: Vec<MetricMetadata>,
}

/// The state of one target, shared between its loop and those who look.
#[derive(Debug)]
pub(crate) struct TargetState {
    pub(crate) scrape_pool: String,
    pub(crate) target: Target,
    /// Whether the job has more targets than allowed, so that all fail.
    is_limited: bool,
    last: Mutex<LastScrape>,
    metadata: Mutex<Vec<MetricMetadata>>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct LastScrape {
    pub(crate) health: TargetHealth,
    pub(crate) error: String,
    pub(crate) at_ms: Option<i64>,
    pub(crate) duration: Duration,
}

impl TargetState {
    pub(crate) fn new(scrape_pool: &str, target: Target, is_limited: bool) -> Self {
        Self {
            scrape_pool: scrape_pool.to_owned(),
            target,
            is_limited,
            last: Mutex::default(),
            metadata: Mutex::default(),
        }
    }

    pub(crate) fn is_limited(&self) -> bool {
        self.is_limited
    }

    pub(crate) fn set_last(&self, last: LastScrape) {
        *self.last.lock() = last;
    }

    pub(crate) fn set_metadata(&self, metadata: Vec<MetricMetadata>) {
        *self.metadata.lock() = metadata;
    }

    pub(crate) fn active(&self) -> ActiveTarget {
        let last = self.last.lock().clone();
        ActiveTarget {
            scrape_pool: self.scrape_pool.clone(),
            target: self.target.clone(),
            health: last.health,
            last_error: last.error,
            last_scrape_ms: last.at_ms,
            last_scrape_duration: last.duration,
        }
    }

    pub(crate) fn metadata(&self) -> TargetMetadata {
        TargetMetadata {
            target: self.target.labels.clone(),
            metadata: self.metadata.lock().clone(),
        }
    }
}
