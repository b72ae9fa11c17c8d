//! The metrics store: series index, head with compressed chunks, Parquet parts, replay.
//!
//! ```text
//!   MetricSink::append ─▶ check ─▶ WAL record ─▶ head (XOR chunks by series)
//!                                                  │ flush: cut, write, commit, forget
//!   MetricSource::select ◀── head ∪ parts ◀────────┴─▶ parts (a run of a series a row)
//!                                                  ┌─▶
//!   BulkLoad (imports) ────────────────────────────┘
//! ```
//!
//! A sample is applied to the head after its record is in the log, so nothing acknowledged is
//! lost by a killed process. Head and parts may hold the same sample for a moment around a flush;
//! reading keeps one of each timestamp.

mod admin;
mod blocks;
mod bulk;
mod cardinality;
mod chosen;
mod codec;
mod compact;
mod decoded;
mod downsample;
mod epochs;
mod estimate;
mod flush;
mod follow;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod head;
mod index;
mod indexes;
mod limits;
mod options;
mod part;
mod record;
mod retain;
mod run;
mod series;
mod shares;
mod store;
mod telemetry;
mod tenant;
mod tombstones;
mod visit;

use skopos_prometheus_tsdb::xor;

pub use bulk::{BulkLoad, BulkReport, BulkSeries};
pub use downsample::DownsampleOptions;
pub use follow::{LogFollower, LogRecord};
pub use limits::StoreLimits;
pub use options::{Keep, MetricStoreOptions, MetricStoreStats};
pub use store::{FlushReport, MetricStore, ReplayOutcome};
pub use tenant::TenantMetrics;

#[cfg(test)]
mod tests;
