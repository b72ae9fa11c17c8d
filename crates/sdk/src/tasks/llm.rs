//! A model call: tokens, cost and answer on the span by the GenAI semantic conventions, tokens and duration in their
//! metrics too (`gen_ai.client.token.usage`, `gen_ai.client.operation.duration`), beside the marketplace's own.

use std::fmt::Display;
use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, PoisonError};

use opentelemetry::{Array, KeyValue, StringValue, Value};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::operation::Operation;
use crate::address::Address;

/// Tokens of one call, as the provider reports them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// All input tokens; cached ones are among them.
    pub input_tokens: u64,
    /// All output tokens; those of reasoning are among them. None are told where there are none, as with embeddings.
    pub output_tokens: u64,
    /// Input tokens that were read from a cache, where the provider says so.
    pub cache_read_input_tokens: Option<u64>,
    /// Output tokens that were spent on reasoning, where the provider says so.
    pub reasoning_output_tokens: Option<u64>,
}

/// The guard of a model call. Never holds prompts or answers.
#[derive(Debug)]
pub struct LlmCall {
    model: String,
    name: String,
    provider: Option<String>,
    host: Option<String>,
    port: Option<u16>,
    answer: Mutex<Answer>,
    operation: Operation,
}

/// What is known of the answer, for the metrics at the end.
#[derive(Debug, Default)]
struct Answer {
    usage: Option<Usage>,
    model: Option<String>,
}

impl Deref for LlmCall {
    type Target = Operation;

    fn deref(&self) -> &Operation {
        &self.operation
    }
}

impl LlmCall {
    pub(super) fn new(model: &str, address: &Address, operation: Operation) -> Self {
        Self {
            model: model.to_owned(),
            name: "chat".to_owned(),
            provider: provider_of(address.host.as_deref()).map(str::to_owned),
            host: address.host.clone(),
            port: address.port,
            answer: Mutex::default(),
            operation,
        }
    }

    /// `gen_ai.operation.name`, where it is not `chat`: `embeddings`, `text_completion`, …
    pub fn operation_name(mut self, name: &str) -> Self {
        self.span().record("otel.name", format!("{name} {}", self.model));
        name.clone_into(&mut self.name);
        self
    }

    /// `gen_ai.provider.name`, where the endpoint's host does not tell.
    pub fn provider(mut self, name: &str) -> Self {
        self.provider = Some(name.to_owned());
        self
    }

    /// Records the tokens on the span, in `llm.token.usage` and, when the guard is dropped, in `gen_ai.client.token.usage`.
    /// Once for each call.
    pub fn usage(&self, usage: Usage) {
        let span = self.span();
        span.record("gen_ai.usage.input_tokens", usage.input_tokens);
        let output = Some(usage.output_tokens).filter(|tokens| *tokens > 0);
        span.record("gen_ai.usage.output_tokens", output);
        span.record("gen_ai.usage.cache_read.input_tokens", usage.cache_read_input_tokens);
        span.record("gen_ai.usage.reasoning.output_tokens", usage.reasoning_output_tokens);
        for (direction, tokens) in [("input", Some(usage.input_tokens)), ("output", output)] {
            let Some(tokens) = tokens else { continue };
            let labels = [
                KeyValue::new("model", self.model.clone()),
                KeyValue::new("direction", direction),
            ];
            self.operation.instruments().llm_tokens.record(tokens, &labels);
        }
        self.answer().usage = Some(usage);
    }

    /// `gen_ai.usage.cost`: what the call cost, in US dollars. Unknown cost is not recorded; it is not zero.
    pub fn cost_usd(&self, cost: f64) {
        self.span().record("gen_ai.usage.cost", cost);
    }

    /// What the answer says of itself: the model that answered, its id, and why it ended (`stop`, `length`, …).
    pub fn response(&self, model: &str, id: impl Display, finish_reasons: &[&str]) {
        let span = self.span();
        span.record("gen_ai.response.model", model);
        self.answer().model = Some(model.to_owned());
        span.record("gen_ai.response.id", id.to_string());
        let reasons = finish_reasons
            .iter()
            .map(|r| StringValue::from((*r).to_owned()))
            .collect();
        span.set_attribute("gen_ai.response.finish_reasons", Value::Array(Array::String(reasons)));
    }

    fn answer(&self) -> MutexGuard<'_, Answer> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The metrics of the conventions: how long it took and what it failed of, and its tokens by kind.
    fn measure(&self) {
        let answer = self.answer();
        let mut labels = vec![
            KeyValue::new("gen_ai.operation.name", self.name.clone()),
            KeyValue::new("gen_ai.request.model", self.model.clone()),
        ];
        let mut add =
            |key: &'static str, value: Option<Value>| labels.extend(value.map(|value| KeyValue::new(key, value)));
        add("gen_ai.provider.name", self.provider.clone().map(Value::from));
        add("gen_ai.response.model", answer.model.clone().map(Value::from));
        add("server.address", self.host.clone().map(Value::from));
        add("server.port", self.port.map(|port| Value::I64(port.into())));
        let instruments = self.operation.instruments();
        if let Some(usage) = answer.usage {
            let output = Some(usage.output_tokens).filter(|tokens| *tokens > 0);
            for (kind, tokens) in [("input", Some(usage.input_tokens)), ("output", output)] {
                let Some(tokens) = tokens else { continue };
                labels.push(KeyValue::new("gen_ai.token.type", kind));
                instruments.gen_ai_tokens.record(tokens, &labels);
                labels.pop();
            }
        }
        if let Some(end) = self.operation.end() {
            labels.extend(end.error_type.map(|kind| KeyValue::new("error.type", kind)));
            instruments.gen_ai_duration.record(end.seconds, &labels);
        }
    }
}

/// A span keeps every value that a field is given, so what may be corrected is written last.
impl Drop for LlmCall {
    fn drop(&mut self) {
        let span = self.operation.span();
        span.record("gen_ai.operation.name", self.name.as_str());
        span.record("gen_ai.provider.name", self.provider.as_deref());
        self.operation.finish();
        self.measure();
    }
}

/// The provider's name in the conventions, by the host of its API.
fn provider_of(host: Option<&str>) -> Option<&'static str> {
    const BY_DOMAIN: [(&str, &str); 9] = [
        ("openai.com", "openai"),
        ("openai.azure.com", "azure.ai.openai"),
        ("anthropic.com", "anthropic"),
        ("generativelanguage.googleapis.com", "gcp.gemini"),
        ("aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("mistral.ai", "mistral_ai"),
        ("cohere.com", "cohere"),
        ("groq.com", "groq"),
        ("deepseek.com", "deepseek"),
    ];
    let host = host?;
    let within = |domain: &str| {
        host.strip_suffix(domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.') || rest.ends_with('-'))
    };
    BY_DOMAIN
        .iter()
        .find(|(domain, _)| within(domain))
        .map(|(_, name)| *name)
}
