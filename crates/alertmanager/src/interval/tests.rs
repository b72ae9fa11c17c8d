//! Time intervals: containment and reading.
