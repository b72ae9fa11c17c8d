//! From what a push door decoded to the store and the ledger.

use std::sync::Arc;

use skopos_core::WriteError;
use skopos_core::metric::AppendReport;
use skopos_core::span::SpanBatch;
use skopos_wire::otlp::Rejected;

use crate::doors::Door;
use crate::pool::PoolError;
use crate::router::{App, Shared};

/// Ledger reason of items that the decoder left out.
const INVALID: &str = "invalid";

/// Why what was decoded is not stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IngestError {
    /// The store refused all of it.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The pool did not run it to its end.
    #[error(transparent)]
    Pool(#[from] PoolError),
}

/// Stores one request on the ingest pool.
pub(crate) async fn run(
    app: &Shared,
    door: Door,
    store: impl FnOnce(&App, &Door) -> Result<Rejected, WriteError> + Send + 'static,
) -> Result<Rejected, IngestError> {
    let worker = Arc::clone(app);
    Ok(app.ingest.run(move || store(&worker, &door)).await??)
}

/// Stores spans.
pub(crate) fn spans(app: &App, door: &Door, (batch, rejected): (SpanBatch, Rejected)) -> Result<Rejected, WriteError> {
    let count = batch.spans.len() as u64;
    let sink = app.state.stores.tenant(&door.tenant).trace_sink;
    let appended = if count == 0 {
        Ok(AppendReport::default())
    } else {
        sink.append(batch)
    };
    settle(app, door, rejected, count, appended)
}

/// Counts what the decoder left out and what the store said about the other `count` items.
pub(crate) fn settle(
    app: &App,
    door: &Door,
    mut rejected: Rejected,
    count: u64,
    appended: Result<AppendReport, WriteError>,
) -> Result<Rejected, WriteError> {
    let ledger = &app.state.ledger;
    door.reject(ledger, INVALID, rejected.count);
    let report = appended.inspect_err(|_| door.reject(ledger, "write_failed", count))?;
    door.record(ledger, &report);
    for refusal in report.refused {
        rejected.add_many(refusal.count, || refusal.example);
    }
    Ok(rejected)
}
