//! Runs one pattern: finds its pack, then carries the outputs from step to step, all of it in one span.

use std::time::Instant;

use serde_json::{Map, Value};
use skopos_sdk::context::RequestContext;
use tracing::{Instrument, Span, field};

use super::agents::Agents;
use super::failure::Failure;
use super::metrics::BackendMetrics;
use super::pack_source::PackSource;
use super::pattern::{Pattern, Patterns, Step};
use crate::invocation::{Invocation, Outcome, PackState};

#[derive(Debug)]
pub(super) struct Executor {
    pub(super) agents: Agents,
    pub(super) packs: PackSource,
    pub(super) patterns: Patterns,
    pub(super) metrics: BackendMetrics,
}

/// What a pattern gave.
#[derive(Debug)]
pub(super) struct Execution {
    pub(super) outputs: Map<String, Value>,
    pub(super) pack: PackState,
    pub(super) ledger_commit_hash: Option<String>,
}

impl Executor {
    /// Runs a pattern and measures the request.
    pub(super) async fn execute(&self, pattern_id: &str, inputs: Map<String, Value>) -> Result<Execution, Failure> {
        let started = Instant::now();
        let pattern = self.patterns.get(pattern_id);
        let span = request_span(pattern_id, &inputs);
        let result = async {
            let pattern = pattern.ok_or_else(|| Failure::UnknownPattern(pattern_id.to_owned()))?;
            let user = RequestContext::current().and_then(|context| context.user_id);
            user.ok_or(Failure::NoUser)?;
            self.run(pattern, inputs).await
        }
        .instrument(span.clone())
        .await;
        let failure = result.as_ref().err();
        self.metrics.request(pattern, failure, started.elapsed());
        if let Some(failure) = failure {
            span.in_scope(|| tell(pattern_id, failure));
        }
        result
    }

    async fn run(&self, pattern: &Pattern, inputs: Map<String, Value>) -> Result<Execution, Failure> {
        let pack = self.packs.find(inputs.get("asof_date").and_then(Value::as_str)).await?;
        let span = Span::current();
        span.record("pricing_pack_id", &pack.pack_id);
        span.record("asof_date", &pack.asof_date);
        if requires_fresh(&inputs) && !pack.is_fresh {
            return Err(Failure::PackNotFresh(pack.pack_id));
        }
        let result = self
            .steps(
                pattern,
                Invocation {
                    inputs,
                    state: Map::new(),
                    pack,
                },
            )
            .await;
        self.metrics.execution(pattern, result.as_ref().err());
        result
    }

    async fn steps(&self, pattern: &Pattern, mut invocation: Invocation) -> Result<Execution, Failure> {
        let (mut ledger_commit_hash, mut failure) = (None, None);
        for (index, step) in pattern.steps.iter().enumerate() {
            match self.step(pattern, index, step, &invocation).await {
                Ok(outcome) => {
                    ledger_commit_hash = Some(outcome.ledger_commit_hash);
                    invocation.state.insert(step.output.clone(), outcome.output);
                }
                Err(failed) => {
                    failure = Some(failed);
                    break;
                }
            }
        }
        // Once: a field that is recorded again is a second attribute of the same key.
        Span::current().record("ledger_commit_hash", &ledger_commit_hash);
        match failure {
            Some(failure) => Err(failure),
            None => Ok(Execution {
                outputs: invocation.state,
                pack: invocation.pack,
                ledger_commit_hash,
            }),
        }
    }

    async fn step(
        &self,
        pattern: &Pattern,
        index: usize,
        step: &Step,
        invocation: &Invocation,
    ) -> Result<Outcome, Failure> {
        let started = Instant::now();
        let span = tracing::info_span!(
            "agent.invoke",
            agent_name = step.agent,
            capability = step.capability,
            pattern_id = pattern.pattern_id,
            step_index = index,
            error = field::Empty,
            error.type = field::Empty,
            error.message = field::Empty,
            otel.status_code = field::Empty,
        );
        let result = self.agents.invoke(step, invocation).instrument(span.clone()).await;
        self.metrics.step(pattern, index, step, started.elapsed());
        if let Err(failure) = &result {
            mark(&span, failure);
        }
        result
    }
}

/// The span of a request, with what is known of it before anything is asked. `request_id` and `user_id` stand on every span
/// of the request already.
fn request_span(pattern_id: &str, inputs: &Map<String, Value>) -> Span {
    let keys: Vec<&str> = inputs.keys().map(String::as_str).collect();
    let portfolio_id = inputs.get("portfolio_id").and_then(Value::as_str);
    let span = tracing::info_span!(
        "pattern.execute",
        pattern_id,
        pattern_inputs_count = inputs.len(),
        pattern_input_keys = keys.join(","),
        trace_id = field::Empty,
        portfolio_id,
        require_fresh = requires_fresh(inputs),
        pricing_pack_id = field::Empty,
        ledger_commit_hash = field::Empty,
        asof_date = field::Empty,
        error = field::Empty,
        error.type = field::Empty,
        error.message = field::Empty,
        otel.status_code = field::Empty,
    );
    let ids = span.in_scope(skopos_sdk::active_span_ids);
    span.record("trace_id", ids.map(|(trace_id, _)| trace_id));
    span
}

fn requires_fresh(inputs: &Map<String, Value>) -> bool {
    inputs.get("require_fresh").and_then(Value::as_bool).unwrap_or_default()
}

/// What the span of a failure says.
fn mark(span: &Span, failure: &Failure) {
    span.record("error", true);
    span.record("error.type", failure.error_type());
    span.record("error.message", failure.to_string());
    span.record("otel.status_code", "ERROR");
}

/// Our own failures are errors in the log; what a caller asks wrongly is told to the caller.
fn tell(pattern_id: &str, failure: &Failure) {
    mark(&Span::current(), failure);
    let error_type = failure.error_type();
    if failure.status() == "error" {
        tracing::error!(
            pattern_id,
            error_type,
            error = failure as &(dyn std::error::Error + 'static),
            "pattern failed"
        );
    } else {
        tracing::info!(pattern_id, error_type, reason = %failure, "pattern rejected");
    }
}
