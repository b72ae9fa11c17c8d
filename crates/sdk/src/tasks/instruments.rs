//! The instruments, with their OpenTelemetry names, units and bounds.

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter};

/// Milliseconds from a look-up to a task of two minutes; every bound that the alerts name is one of these.
const DURATION_MS: [f64; 16] = [
    5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10_000.0, 15_000.0, 30_000.0, 60_000.0,
    120_000.0, 300_000.0,
];
/// Bounds of `gen_ai.client.operation.duration` in the GenAI conventions, in seconds.
const GEN_AI_SECONDS: [f64; 14] = [
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
/// Powers of four up to a million, the bounds of the GenAI conventions that a call of today can reach.
const TOKENS: [f64; 11] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
];
/// The conventions' bounds beyond those.
const LONG_TOKENS: [f64; 3] = [4_194_304.0, 16_777_216.0, 67_108_864.0];

/// The exporter for Prometheus leaves out units that it does not know: this one belongs to the name on export.
pub(crate) const UNITS_BY_NAME: [(&str, &str); 1] = [("llm_token_usage", "llm_token_usage_tokens")];

#[derive(Debug)]
pub(super) struct Instruments {
    pub(super) task_time: Histogram<f64>,
    pub(super) task_completions: Counter<u64>,
    pub(super) task_errors: Counter<u64>,
    pub(super) llm_duration: Histogram<f64>,
    pub(super) llm_tokens: Histogram<u64>,
    pub(super) gen_ai_duration: Histogram<f64>,
    pub(super) gen_ai_tokens: Histogram<u64>,
    pub(super) scan_duration: Histogram<f64>,
    pub(super) bids: Counter<u64>,
    pub(super) payment_duration: Histogram<f64>,
    pub(super) rag_duration: Histogram<f64>,
    pub(super) arena_duration: Histogram<f64>,
}

impl Instruments {
    pub(super) fn new(meter: &Meter) -> Self {
        let duration = |name: &'static str, description: &'static str| {
            meter
                .f64_histogram(name)
                .with_unit("ms")
                .with_description(description)
                .with_boundaries(DURATION_MS.to_vec())
                .build()
        };
        let counter = |name: &'static str, description: &'static str| {
            meter.u64_counter(name).with_description(description).build()
        };
        Self {
            task_time: duration("task.execution.time", "Time of a task from start to end."),
            task_completions: counter("task.completion.total", "Tasks that succeeded."),
            task_errors: counter("task.error.total", "Tasks that failed, by type of error."),
            llm_duration: duration("llm.call.duration", "Time of a model call."),
            llm_tokens: meter
                .u64_histogram("llm.token.usage")
                .with_unit("tokens")
                .with_description("Tokens of a model call, by direction: input, output.")
                .with_boundaries(TOKENS.to_vec())
                .build(),
            gen_ai_duration: meter
                .f64_histogram("gen_ai.client.operation.duration")
                .with_unit("s")
                .with_description("Duration of GenAI client operation")
                .with_boundaries(GEN_AI_SECONDS.to_vec())
                .build(),
            gen_ai_tokens: meter
                .u64_histogram("gen_ai.client.token.usage")
                .with_unit("{token}")
                .with_description("Number of input and output tokens used by GenAI clients")
                .with_boundaries([&TOKENS[..], &LONG_TOKENS].concat())
                .build(),
            scan_duration: duration("marketplace.scan.duration", "Time of a scan of a marketplace."),
            bids: counter("bid.placement.total", "Bids placed, by outcome."),
            payment_duration: duration("payment.processing.duration", "Time of a payment, by outcome."),
            rag_duration: duration("rag.query.duration", "Time of a retrieval."),
            arena_duration: duration("arena.competition.duration", "Time of a competition, by outcome."),
        }
    }

    pub(super) fn error(&self, task_type: &str, error_type: String) {
        let labels = [
            KeyValue::new("task_type", task_type.to_owned()),
            KeyValue::new("error_type", error_type),
        ];
        self.task_errors.add(1, &labels);
    }
}
