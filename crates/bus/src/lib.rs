//! Event bus on the Kafka protocol: publish, consume in a group, hand over what cannot be handled.
//!
//! The client is librdkafka (`rdkafka`); trace context travels in message headers and in the event's `trace_context`
//! map, so that one trace spans producer and consumer. The crate knows nothing of what events mean.
//!
//! ```text
//! Producer::publish ─▶ topic T ─▶ Consumer::run ─▶ handler ─▶ commit
//!                                      │ fails: retry with back-off, up to the limit
//!                                      └▶ topic T.dlq ─▶ commit
//!                                              │ bus away: a local file, handed over later
//!                                              └▶ dead_letters: list, show, replay, discard
//! ```
//!
//! Brokers may want TLS and a password: [`Security`]. [`EmbeddedBroker`] is a broker inside the process for demonstrations and tests: one node, logs in memory, bounded.
#![expect(
    clippy::result_large_err,
    reason = "an event that was not delivered comes back whole, and that is rare"
)]

mod broker;
mod config;
mod consumer;
mod dead_letter;
pub mod dead_letters;
mod error;
mod event;
mod headers;
mod last_failure;
mod metrics;
mod offsets;
mod producer;
mod retry;
mod security;
mod topics;

pub use broker::{BrokerOptions, BrokerStats, EmbeddedBroker, GroupStats, HttpConnection, PartitionStats};
pub use config::BusConfig;
pub use consumer::{Consumer, ConsumerOptions, Delivery};
pub use dead_letter::{DLQ_SUFFIX, DeadLetter, dlq_topic};
pub use dead_letters::DeadLetters;
pub use error::{BusError, HandleError};
pub use event::Event;
pub use metrics::BusMetrics;
pub use producer::{Producer, Receipt};
pub use retry::RetryPolicy;
pub use security::Security;
pub use topics::ensure_topics;
