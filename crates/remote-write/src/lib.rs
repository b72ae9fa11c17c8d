//! Sending samples on to an outside store (`remote_write`): everything that decides, nothing that waits,
//! reads or connects.
//!
//! ```text
//!   LogRecord ─▶ Reading (series, external labels, relabelling) ─▶ Item ─▶ ShardQueue ─▶ body ─▶ (request)
//!                                                     by hash ▲              ▲                    │
//!   rates ─▶ Resharder: how many shards           Progress: how far ◀── judge (taken, again, refused)
//! ```
//!
//! Samples are read from the metric store's log and lie there until they are sent, so a queue holds
//! little in memory and outlives the process. What a shard sent, and what it is about to send, is noted as
//! places in the log ([`Progress`]): a process that was killed sends at most one request of each shard
//! again, and exactly that request.

mod answer;
mod backoff;
mod body;
mod progress;
mod queue;
mod reading;
mod reshard;

pub use answer::{Answer, Refusal, Sent, Verdict, judge};
pub use backoff::Backoff;
pub use body::{Message, metadata_body, samples_body};
pub use progress::{Place, Progress, ProgressError, ShardProgress, shard_of};
pub use queue::{Item, Polled, QueueLimits, ShardQueue};
pub use reading::{ItemKind, Passed, Reading, ReadingRules, SkipReason, is_too_old};
pub use reshard::{Load, ReshardLimits, Resharder};
