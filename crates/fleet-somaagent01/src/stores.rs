//! The stores beside the services: Redis and PostgreSQL, connected when they are needed, and done without while away.
//!
//! A call gives none where its store is away or too slow; the service then goes on with what it has itself. That is
//! counted, logged once, and tried again after a pause. Spans and durations come from the SDK's wrappers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};
use skopos_fleet_frame::FleetError;
use skopos_sdk::log;

pub(crate) use self::cache::Cache;
pub(crate) use self::history::History;

mod cache;
mod history;

/// How long a store may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_millis(500);
/// Pause after a failure before the store is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(3);

/// Where the stores are.
#[derive(Debug, Clone, Args)]
pub(crate) struct StoreArgs {
    /// Redis.
    #[arg(
        long,
        env = "REDIS_URL",
        default_value = "redis://127.0.0.1:6379",
        value_name = "URL"
    )]
    pub(crate) redis: String,
    /// PostgreSQL.
    #[arg(
        long,
        env = "DATABASE_URL",
        default_value = "postgresql://skopos@127.0.0.1:5432/skopos",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub(crate) postgres: String,
}

/// What is counted about the stores of one service.
#[derive(Debug, Clone)]
pub(crate) struct StoreMetrics {
    up: IntGaugeVec,
    fallbacks: IntCounterVec,
}

impl StoreMetrics {
    pub(crate) fn register(registry: &Registry, stores: &[&str]) -> prometheus::Result<Self> {
        let metrics = Self {
            up: IntGaugeVec::new(
                Opts::new("store_up", "Whether the store answered when it was last asked."),
                &["store"],
            )?,
            fallbacks: IntCounterVec::new(
                Opts::new("store_fallbacks_total", "Calls that went on without their store."),
                &["store"],
            )?,
        };
        for store in stores {
            metrics.up.with_label_values(&[store]).set(0);
            metrics.fallbacks.with_label_values(&[store]);
        }
        registry.register(Box::new(metrics.up.clone()))?;
        registry.register(Box::new(metrics.fallbacks.clone()))?;
        Ok(metrics)
    }
}

/// Whether a store is worth asking, and what is said about it.
#[derive(Debug)]
struct Health {
    store: &'static str,
    metrics: StoreMetrics,
    is_away: AtomicBool,
}

impl Health {
    fn new(store: &'static str, metrics: StoreMetrics) -> Self {
        Self {
            store,
            metrics,
            is_away: AtomicBool::new(false),
        }
    }

    fn answered(&self) {
        self.metrics.up.with_label_values(&[self.store]).set(1);
        if self.is_away.swap(false, Ordering::Relaxed) {
            log::info!(store = self.store, "the store is back");
        }
    }

    fn failed(&self, reason: &str) {
        self.metrics.up.with_label_values(&[self.store]).set(0);
        if !self.is_away.swap(true, Ordering::Relaxed) {
            log::warn!(store = self.store, reason, "the store is away, going on without it");
        }
    }

    fn went_without(&self) {
        self.metrics.fallbacks.with_label_values(&[self.store]).inc();
    }
}

/// A connection, or when to try for the next one.
#[derive(Debug)]
enum Kept<C> {
    Connected(C),
    Waiting(Option<Instant>),
}

impl<C> Kept<C> {
    fn after_failure() -> Self {
        Self::Waiting(Some(Instant::now() + RETRY_PAUSE))
    }

    fn is_too_early(&self) -> bool {
        matches!(self, Self::Waiting(Some(next)) if Instant::now() < *next)
    }
}

fn unreadable(what: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> FleetError {
    FleetError::Needed {
        action: format!("read the address of {what}"),
        source: Box::new(source),
    }
}
