//! Look-ups in caches: a span each, and `cache_hits_total`, `cache_misses_total` and a duration by kind of cache.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use skopos_sdk::cache::CacheTracer;
//!
//! let registry = prometheus::Registry::new();
//! let cache = CacheTracer::register(&registry)?;
//! let found = cache.get("recommendations", async { Ok::<_, std::io::Error>(None::<String>) }).await?;
//! assert_eq!((found, cache.hits("recommendations"), cache.misses("recommendations")), (None, 0, 1));
//! # Ok(()) }
//! ```

use std::future::Future;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};
use tracing::Span;
use tracing::field::Empty;

use crate::observed::Observed;
use crate::tasks::ErrorType;

/// Upper bounds in seconds: from memory to a slow network.
const BUCKETS: [f64; 10] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0];

/// The metrics of all caches of a process. The kind of cache (`cache_type`) is a fixed word, never a key.
#[derive(Debug, Clone)]
pub struct CacheTracer {
    hits: IntCounterVec,
    misses: IntCounterVec,
    duration: HistogramVec,
}

impl CacheTracer {
    /// Registers `cache_hits_total`, `cache_misses_total` (`cache_type`) and `cache_operation_duration_seconds`
    /// (`cache_type`, `operation`, `outcome`).
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let labels = ["cache_type"];
        let duration = HistogramOpts::new(
            "cache_operation_duration_seconds",
            "Duration of cache operations in seconds.",
        );
        let tracer = Self {
            hits: IntCounterVec::new(Opts::new("cache_hits_total", "Look-ups that found a value."), &labels)?,
            misses: IntCounterVec::new(Opts::new("cache_misses_total", "Look-ups that found none."), &labels)?,
            duration: HistogramVec::new(
                duration.buckets(BUCKETS.to_vec()),
                &["cache_type", "operation", "outcome"],
            )?,
        };
        registry.register(Box::new(tracer.hits.clone()))?;
        registry.register(Box::new(tracer.misses.clone()))?;
        registry.register(Box::new(tracer.duration.clone()))?;
        Ok(tracer)
    }

    /// Looks a value up. A failed look-up is neither hit nor miss.
    pub async fn get<T, E: ErrorType>(
        &self,
        cache_type: &'static str,
        lookup: impl Future<Output = Result<Option<T>, E>>,
    ) -> Result<Option<T>, E> {
        let observed = self.observe(cache_type, "get");
        let span = observed.span().clone();
        let found = observed.run(lookup).await?;
        span.record("cache.hit", found.is_some());
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.with_label_values(&[cache_type]).inc();
        Ok(found)
    }

    /// Stores, deletes or anything else: `operation` is a fixed word such as `set`.
    pub async fn operation<T, E: ErrorType>(
        &self,
        cache_type: &'static str,
        operation: &'static str,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.observe(cache_type, operation).run(future).await
    }

    /// Look-ups that found a value.
    pub fn hits(&self, cache_type: &str) -> u64 {
        self.hits.with_label_values(&[cache_type]).get()
    }

    /// Look-ups that found none.
    pub fn misses(&self, cache_type: &str) -> u64 {
        self.misses.with_label_values(&[cache_type]).get()
    }

    fn observe(
        &self,
        cache_type: &'static str,
        operation: &'static str,
    ) -> Observed<impl FnOnce(f64, Option<&str>) + use<>> {
        let duration = self.duration.clone();
        Observed::start(cache_span(cache_type, operation), move |seconds, error| {
            let outcome = if error.is_some() { "error" } else { "success" };
            duration
                .with_label_values(&[cache_type, operation, outcome])
                .observe(seconds);
        })
    }
}

fn cache_span(cache_type: &str, operation: &str) -> Span {
    tracing::info_span!(
        "cache",
        otel.name = format!("cache.{operation} {cache_type}"),
        otel.status_code = Empty,
        cache.type = cache_type,
        cache.operation = operation,
        cache.hit = Empty,
        error.type = Empty,
        error.message = Empty,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hits_misses_and_failures_are_told_apart() {
        let registry = Registry::new();
        let cache = CacheTracer::register(&registry).expect("valid");
        for found in [Ok(Some(1)), Ok(None), Ok(Some(2)), Err("down")] {
            let failed = found.is_err();
            assert_eq!(cache.get("embeddings", async { found }).await.is_err(), failed);
        }
        cache
            .operation("embeddings", "set", async { Ok::<_, &str>(()) })
            .await
            .expect("works");
        assert_eq!((cache.hits("embeddings"), cache.misses("embeddings")), (2, 1));
        let text = crate::metrics::render(&registry);
        for (operation, outcome, count) in [("get", "success", 3), ("get", "error", 1), ("set", "success", 1)] {
            let line = format!(
                r#"cache_operation_duration_seconds_count{{cache_type="embeddings",operation="{operation}",outcome="{outcome}"}} {count}"#
            );
            assert!(text.contains(&line), "{text}");
        }
    }
}
