//! The event macros of `tracing`, with the name of the function that the event is in.
//!
//! `tracing` knows an event's module, file and line, and no function. Python's `logging` knows one, and who reads both in
//! one place wants it in both. These macros take what those of `tracing` take and add the field `function`; it costs a
//! look at a static text, and that only where the event is enabled.
//!
//! ```
//! use skopos_log_macros::{self as log, chain};
//!
//! fn settle(invoice: u64) {
//!     if let Err(error) = std::fs::read("/var/lib/invoices") {
//!         // With its causes: the line has the member `exception`.
//!         log::warn!(invoice, error = chain(&error), "invoice is not settled");
//!     }
//!     log::info!(invoice, "invoice settled"); // function="settle"
//! }
//! # settle(1);
//! ```

use std::error::Error;

#[doc(hidden)]
pub use tracing;

/// An event at the level of errors, as [`tracing::error!`].
#[macro_export]
macro_rules! error { ($($rest:tt)+) => { $crate::event!(error, $($rest)+) }; }

/// An event at the level of warnings, as [`tracing::warn!`].
#[macro_export]
macro_rules! warn { ($($rest:tt)+) => { $crate::event!(warn, $($rest)+) }; }

/// An event that tells, as [`tracing::info!`].
#[macro_export]
macro_rules! info { ($($rest:tt)+) => { $crate::event!(info, $($rest)+) }; }

/// An event for who looks for a fault, as [`tracing::debug!`].
#[macro_export]
macro_rules! debug { ($($rest:tt)+) => { $crate::event!(debug, $($rest)+) }; }

/// An event for who follows each step, as [`tracing::trace!`].
#[macro_export]
macro_rules! trace { ($($rest:tt)+) => { $crate::event!(trace, $($rest)+) }; }

/// What the five have in common: the field, after a target or parent where one is named.
#[doc(hidden)]
#[macro_export]
macro_rules! event {
    ($level:ident, target: $target:expr, $($rest:tt)+) => {
        $crate::tracing::$level!(target: $target, function = $crate::function_name!(), $($rest)+)
    };
    ($level:ident, parent: $parent:expr, $($rest:tt)+) => {
        $crate::tracing::$level!(parent: $parent, function = $crate::function_name!(), $($rest)+)
    };
    ($level:ident, $($rest:tt)+) => {
        $crate::tracing::$level!(function = $crate::function_name!(), $($rest)+)
    };
}

/// The name of the function that this is in, without its module and type; closures and async blocks belong to the
/// function around them.
#[macro_export]
macro_rules! function_name {
    () => {{
        fn here() {}
        $crate::enclosing(::std::any::type_name_of_val(&here))
    }};
}

/// The function in the path of the item `here` that [`function_name!`] puts into it.
#[doc(hidden)]
#[must_use]
pub fn enclosing(path: &'static str) -> &'static str {
    path.rsplit("::")
        .find(|part| *part != "here" && !part.starts_with("{{"))
        .unwrap_or(path)
}

/// An error as an event carries it whole, with its causes: `error = chain(&error)`. `%error` is its text alone. It is
/// imported by its own name, for the macros of `tracing` have a `log` of their own in scope where fields stand.
pub fn chain<E: Error + 'static>(error: &E) -> &(dyn Error + 'static) {
    error
}

#[cfg(test)]
mod tests;
