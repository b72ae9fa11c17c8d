//! Notifications: templates, the receivers of Alertmanager, and their sending.
//!
//! ```text
//!   Notification ─▶ Notifier ─▶ receiver::render (pure) ─▶ Rendered ─▶ receiver::send ─▶ Delivery
//!                                   ▲                                       │
//!                              Templates                            HTTP, SMTP
//! ```
//!
//! Deliberately absent: retries and the notification log. One call sends once and says whether
//! trying again may help; the state machine of `alertmanager` and its driver decide.

mod courier;
mod notifier;
mod receiver;
mod send_error;
mod telemetry;
pub mod template;
mod truncate;

pub use notifier::{Delivery, Notifier, NotifierError, NotifierOptions};
pub use receiver::{Endpoints, Rendered, render};
pub use send_error::{FailureReason, SendError};
pub use template::{Rendering, TemplateError, Templates};
