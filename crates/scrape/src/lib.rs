//! Scrapes targets: relabelling, fetching, parsing, staleness. Stores nothing itself:
//! samples go to a [`MetricSink`](skopos_core::metric::MetricSink).
//!
//! ```text
//!   PrometheusConfig ─▶ ScrapeManager ─▶ pool per job ◀─ skopos-discovery
//!                                            │ relabelling
//!                                            ▼
//!                        loop per target ─▶ fetch ─▶ ingest ─▶ MetricSink
//!                                            │                    │
//!                                       TargetState            Ledger
//! ```
//!
//! Each loop is one task with a token and a drain. Reading a body and appending it run on blocking
//! threads, as many at once as there are processors.

mod failure_log;
mod fetch;
mod ingest;
mod manager;
mod pool;
mod scrape_loop;
mod status;
mod target;
mod telemetry;
mod timing;

pub use fetch::InProcessTarget;
pub use manager::{InProcessJob, ScrapeError, ScrapeManager, ScrapeOptions};
pub use status::{ActiveTarget, DroppedTarget, TargetHealth, TargetMetadata, Targets};
pub use target::{Discovered, Target, target_of_labels, targets_of_group};
