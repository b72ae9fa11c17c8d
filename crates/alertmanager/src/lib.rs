//! Alertmanager: routing, grouping, inhibition, silences, time intervals and the notification log
//! as a state machine on a passed-in clock. No I/O: sending belongs to `notify`.
//!
//! ```text
//!   alertmanager.yml ─▶ config ─▶ route (tree), interval, matcher
//! ```

pub mod config;
pub mod interval;
pub mod matcher;
mod notification;
pub mod route;

pub use config::{Config, LoadOptions};
pub use matcher::{MatchOp, Matcher, Matchers, ParserMode};
pub use notification::{Notification, NotificationReason, NotifiedAlert};
pub use route::{RouteId, RouteTree};
