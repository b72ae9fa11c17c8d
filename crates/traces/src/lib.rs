//! The trace store: spans in a log, in memory and in Parquet parts, found by trace, service,
//! operation, duration, time and attributes; and metrics made of spans.
//!
//! ```text
//!   SpanBatch ─▶ TenantTraces ─▶ record ─▶ WAL ─▶ Head ──flush──▶ part (Parquet) ──compact──▶ part
//!                    ▲                             │                │
//!                    └───── trace, search, … ◀─────┴────────────────┘
//!   Span ─▶ SpanMetrics ─▶ MetricBatch
//! ```
//!
//! Knows no protocol and no query language. The formats at rest are in `docs/formats/traces.md`.
//!
//! Invariants: a span is in the head or in parts, never in both, because both meet at an offset
//! of the log and change hands under one lock; what `append` reports as stored is in the log.

mod compact;
mod error;
mod flush;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod head;
mod options;
mod part;
mod record;
mod search;
mod sets;
mod span_metrics;
mod stats;
mod store;
mod telemetry;
mod tenant;
#[cfg(test)]
mod testing;
mod thin;

pub use error::{FlushError, OpenError};
pub use options::TraceStoreOptions;
pub use span_metrics::{SpanMetrics, SpanMetricsOptions};
pub use stats::{FlushReport, MaintainReport, OpenReport, TraceStoreStats};
pub use store::TraceStore;
pub use tenant::TenantTraces;
