//! The small relational state beside the stores: alerts, silences, the notification log, the history
//! of notifications, incidents and reports. One SQLite file in the data directory, through a library
//! that speaks PostgreSQL too.
//!
//! ```text
//!   state machines ─▶ serialized changes ─▶ documents (kind, key, body)   one transaction a batch
//!   sender         ─▶ notification  ─┐
//!   incidents      ─▶ incident      ─┴▶ rows with columns to filter by, the whole in a JSON body
//! ```
//!
//! What is written here has survived a `kill -9` when the call returns (SQLite's WAL); a power cut may
//! take the last moments. Nothing here knows what a body means.

mod document;
mod error;
mod incident;
mod notification;
mod schema;
mod store;

pub use document::{Change, Document, Kind};
pub use error::StateError;
pub use incident::{IncidentFilter, IncidentRow};
pub use notification::{NewNotification, NotificationFilter, NotificationRow};
pub use store::StateStore;

#[cfg(test)]
mod tests;
