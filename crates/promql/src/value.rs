//! What a query yields.

use std::collections::BTreeMap;

use skopos_core::Labels;
use skopos_core::metric::{MetricValue, Series};

use crate::ast::ValueType;

/// The result of a query.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number at a time.
    Scalar {
        /// Milliseconds since the Unix epoch.
        timestamp_ms: i64,
        /// The number.
        value: f64,
    },
    /// A text at a time.
    String {
        /// Milliseconds since the Unix epoch.
        timestamp_ms: i64,
        /// The text.
        value: String,
    },
    /// Samples at one time; their order may mean something (`sort`, `topk`).
    Vector(Vec<VectorSample>),
    /// Series over a range, sorted by labels.
    Matrix(Vec<Series>),
}

impl Value {
    /// The type under which Prometheus' API names it.
    #[must_use]
    pub const fn value_type(&self) -> ValueType {
        match self {
            Self::Scalar { .. } => ValueType::Scalar,
            Self::String { .. } => ValueType::String,
            Self::Vector(_) => ValueType::Vector,
            Self::Matrix(_) => ValueType::Matrix,
        }
    }
}

/// A sample of a vector.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorSample {
    /// The series it belongs to.
    pub labels: Labels,
    /// Milliseconds since the Unix epoch: the time of evaluation.
    pub timestamp_ms: i64,
    /// The value.
    pub value: MetricValue,
}

/// The result of a query with what is to be said about it.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryOutput {
    /// The result.
    pub value: Value,
    /// Warnings, at most ten and a line that counts the rest.
    pub warnings: Vec<String>,
    /// Infos, at most ten and a line that counts the rest.
    pub infos: Vec<String>,
    /// What it took.
    pub stats: QueryStats,
}

/// What a query read, and what it looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryStats {
    /// Series that the store gave, of each selector.
    pub series: u64,
    /// Samples that the store gave, of each selector.
    pub read_samples: u64,
    /// Samples looked at over all steps: one that lies in several windows counts in each
    /// (`totalQueryableSamples` in Prometheus).
    pub queryable_samples: u64,
    /// Windows of downsampled data that the store gave in place of samples, by their length in
    /// milliseconds.
    pub windows: BTreeMap<i64, u64>,
    /// `queryable_samples` by the time of the step, where [`crate::EngineOptions::per_step_stats`] is on. What
    /// subqueries look at within is in the total alone.
    pub queryable_per_step: Vec<(i64, u64)>,
}
