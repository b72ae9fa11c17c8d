//! Starts operations on one meter: their spans, and which instrument measures them.

use std::fmt::Display;
use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;
use tracing::field::Empty;

use super::instruments::Instruments;
use super::llm::LlmCall;
use super::operation::{Area, Operation};
use crate::address::Address;

/// The instruments on one meter, and the operations that record them. Most services use the free functions.
#[derive(Debug, Clone)]
pub struct TaskTracer {
    pub(super) instruments: Arc<Instruments>,
    amounts: bool,
}

impl TaskTracer {
    /// Makes the instruments on this meter.
    pub fn new(meter: &Meter) -> Self {
        Self {
            instruments: Arc::new(Instruments::new(meter)),
            amounts: false,
        }
    }

    /// Whether payment spans bear the amount.
    pub fn with_amounts(self, amounts: bool) -> Self {
        Self { amounts, ..self }
    }

    fn start(&self, area: Area, span: tracing::Span, labels: Vec<KeyValue>) -> Operation {
        Operation::start(area, span, labels, Arc::clone(&self.instruments))
    }

    /// See [`super::trace_task_execution`].
    pub fn task_execution(&self, task_id: &str, task_type: &str) -> Operation {
        let span = tracing::info_span!(
            "task.execute",
            otel.name = format!("task.execute {task_type}"),
            otel.status_code = Empty,
            task.id = task_id,
            task.type = task_type,
            task.status = Empty,
            error.type = Empty,
            error.message = Empty,
        );
        self.start(Area::Task, span, vec![KeyValue::new("task_type", task_type.to_owned())])
    }

    /// See [`super::trace_llm_call`].
    pub fn llm_call(&self, model: &str, endpoint: &str) -> LlmCall {
        let address = Address::read(endpoint);
        let span = tracing::info_span!(
            "gen_ai.call",
            otel.name = format!("chat {model}"),
            otel.kind = "client",
            otel.status_code = Empty,
            gen_ai.operation.name = Empty,
            gen_ai.provider.name = Empty,
            gen_ai.request.model = model,
            gen_ai.response.model = Empty,
            gen_ai.response.id = Empty,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            gen_ai.usage.cache_read.input_tokens = Empty,
            gen_ai.usage.reasoning.output_tokens = Empty,
            gen_ai.usage.cost = Empty,
            server.address = address.host.as_deref(),
            server.port = address.port,
            error.type = Empty,
            error.message = Empty,
        );
        let labels = vec![
            KeyValue::new("model", model.to_owned()),
            KeyValue::new("endpoint", address.plain.clone()),
        ];
        LlmCall::new(model, &address, self.start(Area::Llm, span, labels))
    }

    /// See [`super::trace_marketplace_scan`].
    pub fn marketplace_scan(&self, url: &str) -> Operation {
        let address = Address::read(url);
        let marketplace = address.host.clone().unwrap_or_else(|| address.plain.clone());
        let span = tracing::info_span!(
            "marketplace.scan",
            otel.name = format!("marketplace.scan {marketplace}"),
            otel.kind = "client",
            otel.status_code = Empty,
            marketplace = marketplace,
            url.full = address.plain,
            server.address = address.host,
            server.port = address.port,
            error.type = Empty,
            error.message = Empty,
        );
        self.start(Area::Marketplace, span, vec![KeyValue::new("marketplace", marketplace)])
    }

    /// See [`super::trace_payment_processing`].
    pub fn payment_processing(&self, payment_id: &str, amount: impl Display) -> Operation {
        let span = tracing::info_span!(
            "payment.process",
            otel.status_code = Empty,
            payment.id = payment_id,
            payment.amount = self.amounts.then(|| amount.to_string()),
            payment.outcome = Empty,
            error.type = Empty,
            error.message = Empty,
        );
        self.start(Area::Payment, span, Vec::new())
    }

    /// See [`super::trace_rag_query`].
    pub fn rag_query(&self, query: &str, top_k: usize) -> Operation {
        let span = tracing::info_span!(
            "rag.query",
            otel.status_code = Empty,
            gen_ai.operation.name = "retrieval",
            rag.query.length = query.chars().count(),
            rag.top_k = top_k,
            error.type = Empty,
            error.message = Empty,
        );
        self.start(Area::Rag, span, vec![KeyValue::new("top_k", top_k.to_string())])
    }

    /// See [`super::trace_arena_competition`].
    pub fn arena_competition(&self, competition_id: &str) -> Operation {
        let span = tracing::info_span!(
            "arena.compete",
            otel.status_code = Empty,
            arena.competition.id = competition_id,
            arena.outcome = Empty,
            error.type = Empty,
            error.message = Empty,
        );
        self.start(Area::Arena, span, Vec::new())
    }

    /// See [`super::record_bid`].
    pub fn bid(&self, marketplace: &str, outcome: &'static str) {
        let labels = [
            KeyValue::new("marketplace", marketplace.to_owned()),
            KeyValue::new("outcome", outcome),
        ];
        self.instruments.bids.add(1, &labels);
    }
}
