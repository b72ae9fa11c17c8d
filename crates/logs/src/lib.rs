//! The log store: streams, head, Parquet parts, replay.
//!
//! ```text
//!   LogSink::append ─▶ check ─▶ WAL record ─▶ head (blocks by stream, zstd)
//!                                               │ flush: cut, write, commit, forget
//!   LogSource::scan ◀── merge by time ◀── head blocks ∪ parts (an entry a row)
//! ```
//!
//! An entry is applied to the head after its record is in the log, so nothing acknowledged is
//! lost by a killed process. An entry is in the head or in a part: a flush moves it under one lock.
//! A scan opens blocks and parts only when the merge reaches their time, and skips what filters
//! show not to contain the text looked for. Formats: `docs/formats/logs.md`.

mod block;
mod check;
mod filter;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod head;
mod index;
mod merge;
mod options;
mod part;
mod rate;
mod record;
mod scan;
mod store;
mod telemetry;
mod tenant;
mod wanted;

pub use options::{LogStoreOptions, LogStoreStats};
pub use store::{FlushReport, LogStore, ReplayOutcome};
pub use tenant::TenantLogs;

#[cfg(test)]
mod tests;
