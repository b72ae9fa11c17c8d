//! Times an operation: a histogram by operation and outcome, and a log line with duration and success.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use skopos_sdk::timing::Timings;
//!
//! let registry = prometheus::Registry::new();
//! let timings = Timings::register(&registry, "operation_duration_seconds")?;
//! let sum = timings.run("add", || Ok::<_, std::io::Error>(1 + 1))?;
//! let text = timings.time("read", async { Ok::<_, std::io::Error>("text") }).await?;
//! # assert_eq!((sum, text), (2, "text"));
//! # Ok(()) }
//! ```

use std::fmt::Display;
use std::future::Future;
use std::time::Instant;

use prometheus::{HistogramOpts, HistogramVec, Registry};

/// Upper bounds in seconds: from a look-up in memory to a batch job.
const BUCKETS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0,
];

/// One histogram `name{operation, outcome}`, in seconds; `outcome` is `success`, `error` or `cancelled`.
#[derive(Debug, Clone)]
pub struct Timings {
    durations: HistogramVec,
}

impl Timings {
    /// Registers the histogram. Operations are few and fixed: each is a label value.
    pub fn register(registry: &Registry, name: &str) -> prometheus::Result<Self> {
        let opts = HistogramOpts::new(name, "Duration of operations in seconds.").buckets(BUCKETS.to_vec());
        let durations = HistogramVec::new(opts, &["operation", "outcome"])?;
        registry.register(Box::new(durations.clone()))?;
        Ok(Self { durations })
    }

    /// Times a future. One that is dropped before its end counts as cancelled.
    pub async fn time<T, E: Display>(
        &self,
        operation: &'static str,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let running = self.start(operation);
        let result = future.await;
        running.end(result.as_ref().err());
        result
    }

    /// Times plain code.
    pub fn run<T, E: Display>(&self, operation: &'static str, call: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let running = self.start(operation);
        let result = call();
        running.end(result.as_ref().err());
        result
    }

    fn start(&self, operation: &'static str) -> Running<'_> {
        Running {
            timings: self,
            operation,
            started: Instant::now(),
            outcome: "cancelled",
        }
    }
}

struct Running<'a> {
    timings: &'a Timings,
    operation: &'static str,
    started: Instant,
    outcome: &'static str,
}

impl Running<'_> {
    fn end<E: Display>(mut self, error: Option<&E>) {
        let (operation, duration_ms) = (self.operation, self.started.elapsed().as_secs_f64() * 1000.0);
        if let Some(error) = error {
            self.outcome = "error";
            tracing::warn!(operation, duration_ms, success = false, error = %error, "operation failed");
        } else {
            self.outcome = "success";
            tracing::info!(operation, duration_ms, success = true, "operation done");
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.timings
            .durations
            .with_label_values(&[self.operation, self.outcome])
            .observe(self.started.elapsed().as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_end_is_counted_once_under_its_outcome() {
        let registry = Registry::new();
        let timings = Timings::register(&registry, "op_seconds").expect("valid");
        timings.run("job", || Ok::<_, String>(())).expect("works");
        timings.run("job", || Err::<(), _>("broken")).expect_err("fails");
        timings
            .time("job", async { Err::<(), _>("broken") })
            .await
            .expect_err("fails");
        let dropped = timings.time("job", std::future::pending::<Result<(), String>>());
        assert!(futures_util::FutureExt::now_or_never(dropped).is_none());
        let text = crate::metrics::render(&registry);
        for (outcome, count) in [("success", 1), ("error", 2), ("cancelled", 1)] {
            let line = format!(r#"op_seconds_count{{operation="job",outcome="{outcome}"}} {count}"#);
            assert!(text.contains(&line), "{text}");
        }
    }
}
