//! Writes what the rules of a group ask to the query log.

use std::sync::Arc;
use std::time::Instant;

use skopos_core::metric::MetricSource;
use skopos_core::{Clock as _, QueryBudget, SystemClock};
use skopos_promql::{Engine, EvalError, Expr, QueryOutput};
use skopos_rules::{GroupView, RuleEngine};
use skopos_server::{QueryLog, RuleQueryDone};

/// The engine with the log beside it.
#[derive(Debug)]
pub(super) struct LoggedEngine<'a> {
    pub(super) engine: &'a Engine,
    pub(super) log: &'a QueryLog,
    /// The group whose rules ask.
    pub(super) group: Arc<GroupView>,
}

impl RuleEngine for LoggedEngine<'_> {
    fn evaluate(
        &self,
        source: &dyn MetricSource,
        text: &str,
        expr: &Expr,
        time_ms: i64,
        budget: &QueryBudget,
    ) -> Result<QueryOutput, EvalError> {
        let started = Instant::now();
        let outcome = self.engine.instant_expr(source, text, expr, time_ms, budget);
        if self.log.is_on() {
            self.log.write_rule(&RuleQueryDone {
                file: &self.group.file,
                group: &self.group.name,
                query: text,
                time_ms,
                outcome: outcome.as_ref(),
                budget,
                started,
                now_ms: SystemClock.now_ms(),
            });
        }
        outcome
    }
}
