//! Why a query failed.

use skopos_core::{BudgetError, ErrorKind, Kinded, ReadError};

use crate::ast::ValueType;
use crate::parse_error::ParseError;

/// Why a query failed. Prometheus' API calls these `bad_data`, `timeout`, `canceled`, `execution`.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// The text is no query.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A range query over an expression that yields no instant vector or scalar.
    #[error("invalid expression type {:?} for range query, must be Scalar or instant Vector", .0.documented())]
    NotRangeable(ValueType),
    /// The step or range of a range query makes no sense.
    #[error("{0}")]
    BadRange(&'static str),
    /// The query's bounds ended it.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// The store failed.
    #[error("expanding series: {0}")]
    Storage(#[source] ReadError),
    /// The evaluation met something it must not go on with.
    #[error("{0}")]
    Execution(String),
}

impl EvalError {
    /// An [`EvalError::Execution`].
    pub(crate) fn execution(message: impl Into<String>) -> Self {
        Self::Execution(message.into())
    }
}

impl From<ReadError> for EvalError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Budget(error) => Self::Budget(error),
            other @ ReadError::Storage { .. } => Self::Storage(other),
        }
    }
}

impl Kinded for EvalError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Parse(_) | Self::NotRangeable(_) | Self::BadRange(_) | Self::Execution(_) => ErrorKind::BadRequest,
            Self::Budget(error) => error.kind(),
            Self::Storage(error) => error.kind(),
        }
    }
}
