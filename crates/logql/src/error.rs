//! Errors of parsing and evaluation, in Loki's words where clients match on them.

use skopos_core::{BudgetError, ErrorKind, Kinded, ReadError};

/// A query that is not LogQL, or whose parts do not fit together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// What is wrong.
    pub message: String,
    /// Line of the offending token, from 1; 0 where Loki's scanner knows none.
    pub line: usize,
    /// Column of the offending token in characters, from 1; 0 if the query as a whole is wrong.
    pub column: usize,
}

impl ParseError {
    /// An error about the query as a whole.
    pub(crate) fn whole(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            line: 0,
            column: 0,
        }
    }
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.line == 0 && self.column == 0 {
            return write!(f, "parse error : {}", self.message);
        }
        write!(
            f,
            "parse error at line {}, col {}: {}",
            self.line, self.column, self.message
        )
    }
}

impl std::error::Error for ParseError {}

/// A query that could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// The text is not LogQL.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A log query was given as an instant query.
    #[error("log queries are not supported as an instant query type, please change your query to a range query type")]
    LogsAsInstant,
    /// A stage cannot be built from its argument.
    #[error("{0}")]
    Stage(String),
    /// A line failed a stage and the query does not remove the error.
    #[error(
        "pipeline error: '{error}' for series: '{series}'.\nUse a label filter to intentionally skip this error. (e.g | __error__!=\"{error}\").\nTo skip all potential errors you can match empty errors.(e.g __error__=\"\")\nThe label filter can also be specified after unwrap. (e.g | unwrap latency | __error__=\"\" )\n"
    )]
    Pipeline {
        /// The error's class, such as `JSONParserErr`.
        error: String,
        /// Labels of the series, details included.
        series: String,
    },
    /// Two vectors do not match up.
    #[error("{0}")]
    Matching(&'static str),
    /// The answer has more series than allowed.
    #[error(
        "maximum number of series ({limit}) reached for a single query; consider reducing query cardinality by adding more specific stream selectors, reducing the time range, or aggregating results with functions like sum(), count() or topk()"
    )]
    TooManySeries {
        /// The limit.
        limit: usize,
    },
    /// The range, step or limit make no sense.
    #[error("{0}")]
    BadParameter(String),
    /// The budget ended the query.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// The store failed.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Kinded for EvalError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Budget(error) => error.kind(),
            Self::Read(error) => error.kind(),
            _ => ErrorKind::BadRequest,
        }
    }
}
