//! The critical paths of an agent marketplace, each a span with its metric: tasks, model calls, scans, payments, retrieval.
//!
//! Each `trace_*` function starts a span and gives a guard. [`Operation::run`] takes a future, [`Operation::run_sync`]
//! plain code; without either the guard measures until it is dropped and [`Operation::fail`] marks an error. Instruments
//! are those of the process's OpenTelemetry meter, so observability is set up before the first of these is called.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), std::io::Error> {
//! use skopos_sdk::tasks::{Usage, trace_llm_call, trace_task_execution};
//!
//! let answer = trace_task_execution("task-17", "price_watch")
//!     .run(async {
//!         let call = trace_llm_call("gpt-4o-mini", "https://api.openai.com/v1/chat/completions");
//!         let answer = call.run(async { Ok::<_, std::io::Error>("sell") }).await?;
//!         call.usage(Usage { input_tokens: 52, output_tokens: 17, ..Usage::default() });
//!         call.cost_usd(0.000_018);
//!         Ok::<_, std::io::Error>(answer)
//!     })
//!     .await?;
//! # assert_eq!(answer, "sell");
//! # Ok(()) }
//! ```
//!
//! Ten of the marketplace's instruments are recorded here; the two of HTTP are a metric set of the
//! [layer](crate::HttpMetricSet::RequestDurationMilliseconds).
//!
//! Errors of a task count in `task.error.total` under their type. Where the error came from a model call or another
//! operation inside the task, the type is that operation's, such as `llm.timeout`; an operation outside of any task counts
//! with its own area as task type. A function of a service's own is traced with `#[tracing::instrument]`:
//!
//! ```
//! #[tracing::instrument(fields(ticker = symbol), skip(symbol), err)]
//! async fn quote(symbol: &str) -> Result<f64, std::num::ParseFloatError> {
//!     "101.5".parse()
//! }
//! # drop(quote("ACME"));
//! ```

use std::fmt::Display;
use std::sync::OnceLock;

use opentelemetry::global;

pub use error_type::ErrorType;
#[cfg(any(feature = "grpc", feature = "redis", feature = "sqlx"))]
pub(crate) use error_type::OTHER;
pub(crate) use instruments::UNITS_BY_NAME;
pub use llm::{LlmCall, Usage};
pub use operation::Operation;
pub use tracer::TaskTracer;

mod error_type;
mod instruments;
mod llm;
mod operation;
mod tracer;

/// Whether payment spans bear the amount: `true` or `1`. It is financial data, so nothing else switches it on.
pub const AMOUNT_SETTING: &str = "APM_PAYMENT_AMOUNT_ATTRIBUTE";

/// The tracer of this process, on the global meter that is set when it is first asked for.
pub fn global_tracer() -> &'static TaskTracer {
    static TRACER: OnceLock<TaskTracer> = OnceLock::new();
    TRACER.get_or_init(|| {
        let amounts = std::env::var(AMOUNT_SETTING).is_ok_and(|value| matches!(value.as_str(), "true" | "1"));
        TaskTracer::new(&global::meter("skopos-sdk")).with_amounts(amounts)
    })
}

/// One task, from start to end: `task.execution.time`, `task.completion.total`, `task.error.total`.
pub fn trace_task_execution(task_id: &str, task_type: &str) -> Operation {
    global_tracer().task_execution(task_id, task_type)
}

/// One call of a model: `llm.call.duration`, `llm.token.usage`; span and the metrics `gen_ai.client.operation.duration`
/// and `gen_ai.client.token.usage` follow the GenAI conventions.
pub fn trace_llm_call(model: &str, endpoint: &str) -> LlmCall {
    global_tracer().llm_call(model, endpoint)
}

/// One scan of a marketplace, which the host of the URL names: `marketplace.scan.duration`.
pub fn trace_marketplace_scan(url: &str) -> Operation {
    global_tracer().marketplace_scan(url)
}

/// One payment: `payment.processing.duration`. The amount is on the span where [`AMOUNT_SETTING`] asks for it.
pub fn trace_payment_processing(payment_id: &str, amount: impl Display) -> Operation {
    global_tracer().payment_processing(payment_id, amount)
}

/// One retrieval: `rag.query.duration`. Of the query only the length is kept.
pub fn trace_rag_query(query: &str, top_k: usize) -> Operation {
    global_tracer().rag_query(query, top_k)
}

/// One competition: `arena.competition.duration`.
pub fn trace_arena_competition(competition_id: &str) -> Operation {
    global_tracer().arena_competition(competition_id)
}

/// Counts a bid in `bid.placement.total`. `rejected` and `failed` are the bad outcomes.
pub fn record_bid(marketplace: &str, outcome: &'static str) {
    global_tracer().bid(marketplace, outcome);
}

#[cfg(test)]
mod tests;
