//! The log store against the shared cases and against crashes.

mod levels;
