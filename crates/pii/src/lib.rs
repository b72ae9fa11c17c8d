//! Finds, hashes and redacts what is personal or secret, in texts and in nested values.
//!
//! The crate knows nothing of where a value comes from. There are two ways to say what has to go:
//!
//! ```text
//! ServiceFilter   keys and texts of a service's own telemetry ─▶ 8 hex digits, or [REDACTED]
//! Scrubber        Sentry's rules and selectors over an event  ─▶ [Filtered], masks, hashes, and remarks in _meta
//! ```
//!
//! ```
//! use serde_json::json;
//! let filter = skopos_pii::ServiceFilter::strict();
//! let mut event = json!({ "userId": "u-17", "note": "retry with Bearer abc.def.ghi", "amount": 12.5 });
//! filter.scrub(&mut event);
//! assert_eq!(event, json!({ "userId": "9370e9b2", "note": "retry with Bearer [REDACTED]", "amount": "[REDACTED]" }));
//! ```

mod builtin;
mod chunks;
mod config;
mod detect;
mod engine;
mod event;
mod graphql;
mod meta;
mod rule;
mod schema;
mod selector;
mod service;

pub use config::{DataScrubbing, PiiConfig};
pub use engine::{ConfigError, Scrubbed, Scrubber};
pub use rule::{Redaction, RuleError, RuleSpec, RuleType};
pub use selector::{Selector, SelectorError};
pub use service::{Profile, REDACTED, ServiceFilter};
