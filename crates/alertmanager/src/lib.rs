//! Alertmanager: routing, grouping, inhibition, silences, time intervals and the notification log
//! as a state machine on a passed-in clock. No I/O: sending belongs to `notify`.
//!
//! ```text
//!   alertmanager.yml ─▶ config ─▶ route (tree), interval, matcher
//!                                     │
//!   alerts, silences, time ─▶ machine (alert, dispatch, inhibit, silence, nflog) ─▶ effects, changes, events
//!                                     └─▶ view: what the API shows
//! ```

pub mod alert;
pub mod config;
pub mod dispatch;
pub mod inhibit;
pub mod interval;
pub mod machine;
pub mod matcher;
pub mod nflog;
mod notification;
pub mod route;
pub mod silence;
pub mod view;

pub use config::{Config, LoadOptions};
pub use machine::{Alertmanager, Effect, Outcome};
pub use matcher::{MatchOp, Matcher, Matchers, ParserMode};
pub use notification::{Notification, NotificationReason, NotifiedAlert};
pub use route::{RouteId, RouteTree};
