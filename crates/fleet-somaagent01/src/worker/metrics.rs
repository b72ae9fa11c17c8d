//! What the worker counts. Names, labels and buckets are those of the system's table.

use std::time::Duration;

use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry};

use super::intent::INTENTS;
use super::slm::{Completion, MODEL};
use crate::policy::Budgets;

const SECONDS_BUCKETS: [f64; 7] = [0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];
/// Classes of errors that can be foreseen.
const ERROR_TYPES: [&str; 5] = ["budget_exceeded", "decode", "malformed_event", "publish", "tool_failed"];
/// Label of tenants and personas that no budget names, so that strangers cannot make series.
const OTHER: &str = "other";

/// Counters of one worker; clones share them.
#[derive(Debug, Clone)]
pub(super) struct WorkerMetrics {
    requests: IntCounter,
    duration: Histogram,
    errors: IntCounterVec,
    slm_requests: IntCounterVec,
    slm_latency: HistogramVec,
    slm_tokens: IntCounterVec,
    budget_tokens: IntCounterVec,
    budget_limits: IntCounterVec,
    intents: IntCounterVec,
    budgets: std::sync::Arc<Budgets>,
}

impl WorkerMetrics {
    pub(super) fn register(registry: &Registry, budgets: &Budgets) -> prometheus::Result<Self> {
        let metrics = Self::new(budgets)?;
        registry.register(Box::new(metrics.requests.clone()))?;
        registry.register(Box::new(metrics.duration.clone()))?;
        registry.register(Box::new(metrics.slm_latency.clone()))?;
        for counter in [
            &metrics.errors,
            &metrics.slm_requests,
            &metrics.slm_tokens,
            &metrics.budget_tokens,
            &metrics.budget_limits,
            &metrics.intents,
        ] {
            registry.register(Box::new(counter.clone()))?;
        }
        metrics.touch();
        Ok(metrics)
    }

    fn new(budgets: &Budgets) -> prometheus::Result<Self> {
        let counter = |name, help, labels: &[&str]| IntCounterVec::new(Opts::new(name, help), labels);
        let seconds = |name, help| HistogramOpts::new(name, help).buckets(SECONDS_BUCKETS.to_vec());
        let budget = ["tenant", "persona_id"];
        Ok(Self {
            requests: IntCounter::new("conversation_requests_total", "Messages taken from the bus.")?,
            duration: Histogram::with_opts(seconds(
                "conversation_processing_duration_seconds",
                "Time from taking a message to its reply in seconds, tools included.",
            ))?,
            errors: counter("conversation_errors_total", "Messages that failed.", &["error_type"])?,
            slm_requests: counter("slm_requests_total", "Calls of the language model.", &["model"])?,
            slm_latency: HistogramVec::new(
                seconds(
                    "slm_latency_seconds",
                    "Time of a call of the language model in seconds.",
                ),
                &["model"],
            )?,
            slm_tokens: counter("slm_tokens_total", "Tokens of the language model.", &["model", "type"])?,
            budget_tokens: counter("budget_tokens_consumed_total", "Tokens booked on a budget.", &budget)?,
            budget_limits: counter(
                "budget_limit_reached_total",
                "Messages that a used-up budget refused.",
                &budget,
            )?,
            intents: counter("intent_classification_total", "Messages by intent.", &["intent"])?,
            budgets: std::sync::Arc::new(budgets.clone()),
        })
    }

    /// Every series that can be foreseen starts at 0, so that its first increase is a rate.
    fn touch(&self) {
        for intent in INTENTS {
            self.intents.with_label_values(&[intent]);
        }
        for error_type in ERROR_TYPES {
            self.errors.with_label_values(&[error_type]);
        }
        for tenant in self.budgets.tokens.keys() {
            for persona in self.budgets.personas.keys() {
                self.budget_tokens.with_label_values(&[tenant, persona]);
                self.budget_limits.with_label_values(&[tenant, persona]);
            }
        }
        self.slm_requests.with_label_values(&[MODEL]);
        self.slm_latency.with_label_values(&[MODEL]);
        for kind in ["input", "output"] {
            self.slm_tokens.with_label_values(&[MODEL, kind]);
        }
    }

    pub(super) fn taken(&self) {
        self.requests.inc();
    }

    pub(super) fn replied(&self, seconds: f64) {
        self.duration.observe(seconds);
    }

    pub(super) fn failed(&self, error_type: &str) {
        self.errors.with_label_values(&[error_type]).inc();
    }

    pub(super) fn classified(&self, intent: &str) {
        self.intents.with_label_values(&[intent]).inc();
    }

    pub(super) fn completed(&self, completion: &Completion, elapsed: Duration) {
        self.slm_requests.with_label_values(&[MODEL]).inc();
        self.slm_latency
            .with_label_values(&[MODEL])
            .observe(elapsed.as_secs_f64());
        let tokens = |kind, count| self.slm_tokens.with_label_values(&[MODEL, kind]).inc_by(count);
        tokens("input", completion.input_tokens);
        tokens("output", completion.output_tokens);
    }

    pub(super) fn spent(&self, tenant: &str, persona: &str, tokens: u64) {
        self.budget_tokens
            .with_label_values(&self.budget_labels(tenant, persona))
            .inc_by(tokens);
    }

    pub(super) fn refused(&self, tenant: &str, persona: &str) {
        self.budget_limits
            .with_label_values(&self.budget_labels(tenant, persona))
            .inc();
    }

    fn budget_labels<'a>(&self, tenant: &'a str, persona: &'a str) -> [&'a str; 2] {
        let known = |is_known, value| if is_known { value } else { OTHER };
        [
            known(self.budgets.tokens.contains_key(tenant), tenant),
            known(self.budgets.personas.contains_key(persona), persona),
        ]
    }
}
