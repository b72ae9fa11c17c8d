//! One operation under observation: its span and its duration, whichever way it ends.

use std::future::Future;
use std::time::Instant;

use tracing::{Instrument, Span};

use crate::tasks::ErrorType;

/// `error.type` of an operation whose future was dropped before its end.
pub(crate) const CANCELLED: &str = "cancelled";

/// Measures from its making to [`Observed::end`]. `record` gets seconds and the error's type, once.
pub(crate) struct Observed<F: FnOnce(f64, Option<&str>)> {
    span: Span,
    started: Instant,
    record: Option<F>,
}

impl<F: FnOnce(f64, Option<&str>)> Observed<F> {
    /// The span has the empty fields `otel.status_code`, `error.type` and `error.message`.
    pub(crate) fn start(span: Span, record: F) -> Self {
        Self {
            span,
            started: Instant::now(),
            record: Some(record),
        }
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// Runs a future in the span and ends with its result.
    pub(crate) async fn run<T, E: ErrorType>(mut self, future: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let result = future.instrument(self.span.clone()).await;
        self.end(&result);
        result
    }

    /// Ends with a result.
    pub(crate) fn end<T, E: ErrorType>(&mut self, result: &Result<T, E>) {
        match result {
            Ok(_) => self.succeed(),
            Err(error) => self.fail(&error.error_type(), &error.error_message()),
        }
    }

    pub(crate) fn succeed(&mut self) {
        self.measure(None);
    }

    pub(crate) fn fail(&mut self, error_type: &str, message: &str) {
        self.span.record("otel.status_code", "ERROR");
        self.span.record("error.message", message);
        self.measure(Some(error_type));
    }

    fn measure(&mut self, error_type: Option<&str>) {
        if let Some(record) = self.record.take() {
            if let Some(error_type) = error_type {
                self.span.record("error.type", error_type);
            }
            record(self.started.elapsed().as_secs_f64(), error_type);
        }
    }
}

impl<F: FnOnce(f64, Option<&str>)> Drop for Observed<F> {
    fn drop(&mut self) {
        self.measure(Some(CANCELLED));
    }
}

/// Upper bounds in seconds, as the conventions advise.
#[cfg(any(feature = "database", feature = "redis"))]
const DATABASE_BUCKETS: [f64; 10] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0];

/// The histogram of the conventions on this meter; one for databases and caches of every kind.
#[cfg(any(feature = "database", feature = "redis"))]
pub(crate) fn database_duration(meter: &opentelemetry::metrics::Meter) -> opentelemetry::metrics::Histogram<f64> {
    meter
        .f64_histogram("db.client.operation.duration")
        .with_unit("s")
        .with_description("Duration of database client operations.")
        .with_boundaries(DATABASE_BUCKETS.to_vec())
        .build()
}
