//! The log store: streams, head, Parquet parts, replay.
//!
//! ```text
//!   LogSink::append ─▶ check ─▶ WAL record ─▶ head (entries by stream, sorted by time)
//!                                               │ flush: cut, write, commit, forget
//!   LogSource::scan ◀── head ∪ parts ◀──────────┴─▶ parts (an entry a row)
//! ```
//!
//! An entry is applied to the head after its record is in the log, so nothing acknowledged is
//! lost by a killed process. An entry is in the head or in a part: a flush moves it under one lock.

pub mod discover;
mod head;
mod options;
mod part;
mod record;
mod scan;
mod store;
mod tenant;

pub use options::{LogStoreOptions, LogStoreStats};
pub use store::{FlushReport, LogStore, ReplayOutcome};
pub use tenant::TenantLogs;

#[cfg(test)]
mod tests;
