//! The end of the export, whose parts end side by side: a back end that does not answer takes no time from the others.

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use super::Inner;

/// How long the end may take; a dead endpoint costs no more than this.
const TIMEOUT: Duration = Duration::from_secs(3);
/// How much of it goes before the log records, which come last, for what the others have to say.
const TIMEOUT_BEFORE_LOGS: Duration = Duration::from_secs(2);

/// Flushes and ends what exports. What is not done in time is left to a thread that ends with the process.
pub(super) fn shutdown(inner: &Arc<Inner>) {
    let deadline = Instant::now() + TIMEOUT;
    let (running, all_ended) = mpsc::channel::<()>();
    let parts: &[fn(&Inner)] = &[
        end_traces,
        end_metrics,
        #[cfg(feature = "errors")]
        end_errors,
    ];
    for part in parts {
        let (inner, running) = (Arc::clone(inner), running.clone());
        let end = move || {
            tracing::dispatcher::with_default(&inner.dispatch, || part(&inner));
            drop(running);
        };
        if let Err(error) = std::thread::Builder::new().name("otel-shutdown".to_owned()).spawn(end) {
            tracing::debug!(error = %error, "shutdown without a flush");
        }
    }
    drop(running);
    // Nobody sends: the channel closes with the last of them.
    all_ended.recv_timeout(TIMEOUT_BEFORE_LOGS).unwrap_or_default();
    if let Some(loggers) = &inner.loggers
        && let Err(error) = loggers.shutdown_with_timeout(deadline.saturating_duration_since(Instant::now()))
    {
        tracing::debug!(error = %error, "shutdown of logs");
    }
}

fn end_traces(inner: &Inner) {
    if let Err(error) = inner.tracers.shutdown_with_timeout(TIMEOUT) {
        tracing::debug!(error = %error, "shutdown of traces");
    }
}

/// The periodic reader has a timeout of its own and heeds none.
fn end_metrics(inner: &Inner) {
    if let Err(error) = inner.meters.shutdown_with_timeout(TIMEOUT) {
        tracing::debug!(error = %error, "shutdown of metrics");
    }
}

/// Sends the errors that are queued.
#[cfg(feature = "errors")]
pub(super) fn end_errors(inner: &Inner) {
    if let Some(errors) = &inner.errors {
        errors.flush(TIMEOUT);
    }
}
