//! What rules ask of the world, and how the PromQL engine and a metric store answer.

use std::fmt;
use std::sync::Arc;

use skopos_core::metric::{AppendReport, MetricBatch, MetricSink, MetricSource, MetricValue, Selection, Series};
use skopos_core::{Labels, Matcher, QueryBudget, ReadError, TimeRange, WriteError};
use skopos_promql::{Engine, Value};

/// A sample of a query's result.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleSample {
    /// Its labels.
    pub labels: Labels,
    /// Its value.
    pub value: MetricValue,
}

/// What rules ask of the world.
pub trait RuleIo {
    /// The vector that an expression gives at a time; a scalar is one sample without labels.
    fn query(&self, expr: &str, time_ms: i64) -> Result<Vec<RuleSample>, String>;

    /// Stores what rules made. Rules of a group see what the rules before them made.
    fn append(&self, batch: MetricBatch) -> Result<AppendReport, WriteError>;

    /// Raw series, staleness markers included; asked once per alerting rule after a restart.
    fn select(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<Series>, ReadError>;
}

/// Rules over PromQL and a metric store.
pub struct PromqlIo<'a> {
    /// The engine.
    pub engine: &'a Engine,
    /// Where queries read.
    pub source: &'a dyn MetricSource,
    /// Where results go.
    pub sink: &'a dyn MetricSink,
    /// Makes the budget of each query.
    pub budget: Arc<dyn Fn() -> QueryBudget + Send + Sync>,
}

impl fmt::Debug for PromqlIo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PromqlIo")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl RuleIo for PromqlIo<'_> {
    fn query(&self, expr: &str, time_ms: i64) -> Result<Vec<RuleSample>, String> {
        let budget = (self.budget)();
        let output = self.engine.instant(self.source, expr, time_ms, &budget);
        match output.map_err(|error| error.to_string())?.value {
            Value::Vector(samples) => Ok(samples
                .into_iter()
                .map(|sample| RuleSample {
                    labels: sample.labels,
                    value: sample.value,
                })
                .collect()),
            Value::Scalar { value, .. } => Ok(vec![RuleSample {
                labels: Labels::empty(),
                value: MetricValue::Float(value),
            }]),
            Value::String { .. } | Value::Matrix(_) => Err("rule result is not a vector or scalar".to_owned()),
        }
    }

    fn append(&self, batch: MetricBatch) -> Result<AppendReport, WriteError> {
        self.sink.append(batch)
    }

    fn select(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<Series>, ReadError> {
        let selection = Selection {
            matchers,
            range,
            step_ms: 0,
        };
        self.source.select(&selection, &(self.budget)())
    }
}
