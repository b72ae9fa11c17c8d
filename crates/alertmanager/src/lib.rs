//! Alertmanager: routing, grouping, inhibition, silences, time intervals and the notification log
//! as a state machine on a passed-in clock. No I/O: sending belongs to `notify`.

mod notification;

pub use notification::{Notification, NotificationReason, NotifiedAlert};
