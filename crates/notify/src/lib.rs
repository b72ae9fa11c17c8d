//! Notifications: templates, the receivers of Alertmanager, and their sending.
//!
//! ```text
//!   Notification ─▶ Notifier ─▶ receiver::render (pure) ─▶ Rendered ─▶ receiver::send ─▶ Delivery
//!                                   ▲                                       │
//!                              Templates                            HTTP, SMTP
//! ```
//!
//! Deliberately absent: retries, the notification log and counters. One call sends once and says
//! whether trying again may help; the state machine of `alertmanager` decides, and counts.

mod courier;
mod notifier;
mod receiver;
mod send_error;
pub mod template;
mod truncate;

pub use notifier::{Delivery, Notifier, NotifierError, NotifierOptions};
pub use receiver::{Endpoints, Rendered, render};
pub use send_error::{FailureReason, SendError};
pub use template::{Rendering, TemplateError, Templates};
