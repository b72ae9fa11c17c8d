//! Notifications: templates, the receivers of Alertmanager, and their sending.

pub mod template;

pub use template::{Rendering, TemplateError, Templates};
