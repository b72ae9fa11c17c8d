//! What rules ask of the world, and how the engines and stores answer.

use std::fmt;
use std::sync::Arc;

use skopos_core::log::LogSource;
use skopos_core::metric::{
    AppendReport, MetricBatch, MetricSink, MetricSource, MetricValue, ResolutionLimit, Selection, Series,
};
use skopos_core::{Labels, Matcher, QueryBudget, ReadError, TimeRange, WriteError};
use skopos_logql::{InstantQuery, QueryValue};
use skopos_promql::{Engine, EvalError, Expr, QueryOutput, Value};

use crate::evidence::{SelectorEvidence, lines_of};
use crate::query::{QueryBody, RuleQuery};

const NOT_A_VECTOR: &str = "rule result is not a vector or scalar";
const NS_PER_MS: i64 = 1_000_000;

/// A sample of a query's result.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleSample {
    /// Its labels.
    pub labels: Labels,
    /// Its value.
    pub value: MetricValue,
}

impl RuleSample {
    fn scalar(value: f64) -> Self {
        Self {
            labels: Labels::empty(),
            value: MetricValue::Float(value),
        }
    }
}

/// What rules ask of the world. Rules that do not depend on each other may ask side by side.
pub trait RuleIo: Sync {
    /// The vector that a query gives at a time; a scalar is one sample without labels.
    fn query(&self, query: &RuleQuery, time_ms: i64) -> Result<Vec<RuleSample>, String>;

    /// Stores what rules made. Rules of a group see what the rules before them made.
    fn append(&self, batch: MetricBatch) -> Result<AppendReport, WriteError>;

    /// Raw series, staleness markers included; asked after a restart and for evidence.
    fn select(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<Series>, ReadError>;

    /// The log lines that a LogQL query read at a time, narrowed to a result's labels; asked for
    /// evidence. None where there are no logs.
    fn lines(&self, _query: &RuleQuery, _labels: &Labels, _time_ms: i64) -> Vec<SelectorEvidence> {
        Vec::new()
    }
}

/// Evaluates the PromQL of rules: the engine, or what stands around it and watches.
pub trait RuleEngine: Sync + fmt::Debug {
    /// Evaluates a parsed query at a time; `text` is the query as written.
    fn evaluate(
        &self,
        source: &dyn MetricSource,
        text: &str,
        expr: &Expr,
        time_ms: i64,
        budget: &QueryBudget,
    ) -> Result<QueryOutput, EvalError>;
}

impl RuleEngine for Engine {
    fn evaluate(
        &self,
        source: &dyn MetricSource,
        text: &str,
        expr: &Expr,
        time_ms: i64,
        budget: &QueryBudget,
    ) -> Result<QueryOutput, EvalError> {
        self.instant_expr(source, text, expr, time_ms, budget)
    }
}

/// Rules over PromQL and a metric store.
pub struct PromqlIo<'a> {
    /// The engine.
    pub engine: &'a dyn RuleEngine,
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

impl PromqlIo<'_> {
    fn evaluate(&self, text: &str, expr: &Expr, time_ms: i64) -> Result<Vec<RuleSample>, String> {
        let budget = (self.budget)();
        let _span = tracing::debug_span!("promqlExec", query = text).entered();
        let output = self.engine.evaluate(self.source, text, expr, time_ms, &budget);
        match output.map_err(|error| error.to_string())?.value {
            Value::Vector(samples) => Ok(samples
                .into_iter()
                .map(|sample| RuleSample {
                    labels: sample.labels,
                    value: sample.value,
                })
                .collect()),
            Value::Scalar { value, .. } => Ok(vec![RuleSample::scalar(value)]),
            Value::String { .. } | Value::Matrix(_) => Err(NOT_A_VECTOR.to_owned()),
        }
    }
}

impl RuleIo for PromqlIo<'_> {
    fn query(&self, query: &RuleQuery, time_ms: i64) -> Result<Vec<RuleSample>, String> {
        match query.body() {
            QueryBody::PromQl(expr) => self.evaluate(query.text(), expr, time_ms),
            QueryBody::LogQl => Err("a LogQL rule is evaluated where there are only metrics".to_owned()),
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
            resolution: ResolutionLimit::KEPT,
        };
        self.source.select(&selection, &(self.budget)())
    }
}

/// Rules over PromQL and LogQL; what they make is stored with the metrics.
#[derive(Debug)]
pub struct SignalsIo<'a> {
    /// Answers PromQL and takes results.
    pub metrics: PromqlIo<'a>,
    /// Evaluates LogQL.
    pub log_engine: &'a skopos_logql::Engine,
    /// Where LogQL reads.
    pub logs: &'a dyn LogSource,
}

impl RuleIo for SignalsIo<'_> {
    fn query(&self, query: &RuleQuery, time_ms: i64) -> Result<Vec<RuleSample>, String> {
        match query.body() {
            QueryBody::PromQl(expr) => self.metrics.evaluate(query.text(), expr, time_ms),
            QueryBody::LogQl => self.ask_logs(query.text(), time_ms),
        }
    }

    fn append(&self, batch: MetricBatch) -> Result<AppendReport, WriteError> {
        self.metrics.append(batch)
    }

    fn select(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<Series>, ReadError> {
        self.metrics.select(matchers, range)
    }

    fn lines(&self, query: &RuleQuery, labels: &Labels, time_ms: i64) -> Vec<SelectorEvidence> {
        match query.body() {
            QueryBody::PromQl(_) => Vec::new(),
            QueryBody::LogQl => {
                let time_ns = time_ms.saturating_mul(NS_PER_MS);
                let budget = (self.metrics.budget)();
                lines_of(self.log_engine, self.logs, query.text(), labels, time_ns, &budget)
            }
        }
    }
}

impl SignalsIo<'_> {
    fn ask_logs(&self, text: &str, time_ms: i64) -> Result<Vec<RuleSample>, String> {
        let query = InstantQuery {
            query: text,
            time_ns: time_ms.saturating_mul(NS_PER_MS),
        };
        let budget = (self.metrics.budget)();
        let output = self.log_engine.instant(self.logs, &query, &budget);
        match output.map_err(|error| error.to_string())?.value {
            QueryValue::Vector(samples) => Ok(samples
                .into_iter()
                .map(|sample| RuleSample {
                    labels: Labels::from_pairs(sample.labels.iter()),
                    value: MetricValue::Float(sample.value),
                })
                .collect()),
            QueryValue::Scalar { value, .. } => Ok(vec![RuleSample::scalar(value)]),
            QueryValue::Streams(_) | QueryValue::Matrix(_) => Err(NOT_A_VECTOR.to_owned()),
        }
    }
}
