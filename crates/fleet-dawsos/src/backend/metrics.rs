//! What the executor measures, under the names of the system's table.

use std::time::Duration;

use prometheus::Registry;
use skopos_sdk::family::{CounterFamily, HistogramFamily};

use super::failure::{ERROR_TYPES, Failure};
use super::pattern::{Pattern, Patterns, Step};

/// Upper bounds in seconds; 0.3 and 0.5 are the objectives.
const BUCKETS: [f64; 15] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0,
];
/// Label of patterns that do not exist, so that strangers cannot make series.
const UNKNOWN: &str = "unknown";
const SUCCESS: &str = "success";

#[derive(Debug, Clone)]
pub(super) struct BackendMetrics {
    durations: HistogramFamily<2>,
    requests: CounterFamily<2>,
    errors: CounterFamily<2>,
    invocations: CounterFamily<3>,
    agent_latency: HistogramFamily<2>,
    executions: CounterFamily<2>,
    steps: HistogramFamily<3>,
}

impl BackendMetrics {
    /// Registers all, with the series of all patterns at 0.
    pub(super) fn register(registry: &Registry, patterns: &Patterns) -> prometheus::Result<Self> {
        let metrics = Self {
            durations: HistogramFamily::register(
                registry,
                "dawsos_api_request_duration_seconds",
                "Time of a request to run a pattern in seconds.",
                ["pattern_id", "status"],
                &BUCKETS,
            )?,
            requests: CounterFamily::register(
                registry,
                "dawsos_requests_total",
                "Requests to run a pattern: success, error of the system, rejected as they were put.",
                ["pattern_id", "status"],
            )?,
            errors: CounterFamily::register(
                registry,
                "dawsos_request_errors_total",
                "Requests that failed by an error of the system.",
                ["pattern_id", "error_type"],
            )?,
            invocations: CounterFamily::register(
                registry,
                "dawsos_agent_invocations_total",
                "Calls of agents, those that the circuit breaker refused included.",
                ["agent_name", "capability", "status"],
            )?,
            agent_latency: HistogramFamily::register(
                registry,
                "dawsos_agent_latency_seconds",
                "Time of a call of an agent in seconds; refused calls are not among them.",
                ["agent_name", "capability"],
                &BUCKETS,
            )?,
            executions: CounterFamily::register(
                registry,
                "dawsos_pattern_executions_total",
                "Patterns that began to run, by how they ended.",
                ["pattern_id", "status"],
            )?,
            steps: HistogramFamily::register(
                registry,
                "dawsos_pattern_step_duration_seconds",
                "Time of a step of a pattern in seconds.",
                ["pattern_id", "step_index", "capability"],
                &BUCKETS,
            )?,
        };
        metrics.touch(patterns);
        Ok(metrics)
    }

    fn touch(&self, patterns: &Patterns) {
        for pattern in patterns.iter() {
            let id = pattern.pattern_id.as_str();
            for status in [SUCCESS, "error"] {
                self.requests.add([id, status], 0);
                self.executions.add([id, status], 0);
            }
            for error_type in ERROR_TYPES {
                self.errors.add([id, error_type], 0);
            }
        }
        for (agent, capability) in patterns.capabilities() {
            for status in [SUCCESS, "error"] {
                self.invocations.add([agent, capability, status], 0);
            }
        }
    }

    pub(super) fn request(&self, pattern: Option<&Pattern>, failure: Option<&Failure>, took: Duration) {
        let pattern = pattern.map_or(UNKNOWN, |pattern| pattern.pattern_id.as_str());
        let status = failure.map_or(SUCCESS, Failure::status);
        self.durations.observe([pattern, status], took.as_secs_f64());
        self.requests.inc([pattern, status]);
        if let Some(failure) = failure.filter(|_| status == "error") {
            self.errors.inc([pattern, failure.error_type()]);
        }
    }

    pub(super) fn execution(&self, pattern: &Pattern, failure: Option<&Failure>) {
        let status = failure.map_or(SUCCESS, Failure::status);
        self.executions.inc([pattern.pattern_id.as_str(), status]);
    }

    pub(super) fn step(&self, pattern: &Pattern, index: usize, step: &Step, took: Duration) {
        let labels = [
            pattern.pattern_id.as_str(),
            &index.to_string(),
            step.capability.as_str(),
        ];
        self.steps.observe(labels, took.as_secs_f64());
    }

    /// A call that was made, or that the breaker refused.
    pub(super) fn invocation(&self, step: &Step, failure: Option<&Failure>, took: Duration) {
        let is_refused = matches!(failure, Some(Failure::CircuitOpen(_)));
        let status = if is_refused {
            "circuit_open"
        } else {
            failure.map_or(SUCCESS, Failure::status)
        };
        self.invocations
            .inc([step.agent.as_str(), step.capability.as_str(), status]);
        if !is_refused {
            let labels = [step.agent.as_str(), step.capability.as_str()];
            self.agent_latency.observe(labels, took.as_secs_f64());
        }
    }
}
