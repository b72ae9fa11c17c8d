//! Faults of a query's text, as Prometheus words them.

use std::fmt;

use skopos_core::{ErrorKind, Kinded};

use crate::position::PosRange;

/// One fault in a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where it is.
    pub pos: PosRange,
    /// What it is.
    pub message: String,
}

/// Why a query could not be parsed: at least one fault, the first found first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    query: String,
    faults: Vec<Fault>,
}

impl ParseError {
    pub(crate) fn new(query: &str, faults: Vec<Fault>) -> Self {
        debug_assert!(!faults.is_empty(), "a parse error names a fault");
        Self {
            query: query.to_owned(),
            faults,
        }
    }

    /// All faults; clients are shown the first.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Where the first fault is.
    #[must_use]
    pub fn pos(&self) -> PosRange {
        self.faults.first().map_or(PosRange::default(), |fault| fault.pos)
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(fault) = self.faults.first() else {
            return f.write_str("parse error");
        };
        write!(
            f,
            "{}: parse error: {}",
            fault.pos.line_column(&self.query),
            fault.message
        )
    }
}

impl std::error::Error for ParseError {}

impl Kinded for ParseError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::BadRequest
    }
}
