//! The model that every Skopos crate shares, and the traits by which engines meet stores.
//!
//! ```text
//!   wire, scrape ──▶ MetricSink / LogSink / TraceSink ──▶ metrics, logs, traces
//!   promql, logql, page ◀── MetricSource / LogSource / TraceSource ◀──┘
//! ```
//!
//! This crate knows no I/O, no async, no protocol and no serialization format: doors have their
//! own wire types and convert. It stays small because everything depends on it.

pub mod budget;
pub mod clock;
pub mod error;
pub mod histogram;
pub mod labels;
pub mod ledger;
pub mod limits;
pub mod log;
pub mod matcher;
pub mod metric;
pub mod re2;
pub mod sample;
pub mod span;
pub mod sum;
pub mod tenant;
pub mod time;

pub use budget::{BudgetError, QueryBudget};
pub use clock::{Clock, ManualClock, SystemClock};
pub use error::{ErrorKind, Kinded, ReadError, WriteError};
pub use labels::{Labels, LabelsBuilder};
pub use matcher::{MatchOp, Matcher};
pub use tenant::TenantId;
pub use time::TimeRange;
