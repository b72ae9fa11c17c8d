//! What the orchestrator counts. Names and labels are those of the system's table and of its alerts.

use std::time::{Duration, Instant};

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

use super::gates::Gate;
use super::graph::Graph;
use super::project::{ProjectError, WORKFLOWS};

/// How an execution ends.
const OUTCOMES: [&str; 5] = ["success", "gate_failed", "policy_denied", "agent_failed", "timed_out"];
/// Upper bounds in seconds.
const WORKFLOW_BUCKETS: [f64; 9] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];
const DECOMPOSITION_BUCKETS: [f64; 8] = [0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.01, 0.1];
/// Label of projects that could not be read.
const UNREADABLE: &str = "unreadable";

/// Instruments; clones share them.
#[derive(Debug, Clone)]
pub(super) struct OrchestratorMetrics {
    executions: IntCounterVec,
    duration: HistogramVec,
    decomposition: HistogramVec,
    agents: IntCounterVec,
    failed_attempts: IntCounterVec,
    gates: IntCounterVec,
}

impl OrchestratorMetrics {
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name, help, labels: &[&str]| IntCounterVec::new(Opts::new(name, help), labels);
        let histogram = |name, help, buckets: &[f64], labels: &[&str]| {
            HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels)
        };
        let metrics = Self {
            executions: counter(
                "workflow_executions_total",
                "Executions of workflows by how they ended.",
                &["workflow", "outcome"],
            )?,
            duration: histogram(
                "workflow_duration_seconds",
                "Time from the project to its end in seconds.",
                &WORKFLOW_BUCKETS,
                &["workflow", "outcome"],
            )?,
            decomposition: histogram(
                "project_decomposition_latency_seconds",
                "Time to make a task graph of a project in seconds.",
                &DECOMPOSITION_BUCKETS,
                &["workflow", "outcome"],
            )?,
            agents: counter("agents_spawned_total", "Agents spawned.", &["workflow", "stage"])?,
            failed_attempts: counter(
                "agent_failures_total",
                "Agents that failed, most of which another one follows, by reason.",
                &["workflow", "reason"],
            )?,
            gates: counter(
                "quality_gate_results_total",
                "Verdicts of the quality gates.",
                &["workflow", "gate", "outcome"],
            )?,
        };
        metrics.touch();
        registry.register(Box::new(metrics.executions.clone()))?;
        registry.register(Box::new(metrics.duration.clone()))?;
        registry.register(Box::new(metrics.decomposition.clone()))?;
        registry.register(Box::new(metrics.agents.clone()))?;
        registry.register(Box::new(metrics.failed_attempts.clone()))?;
        registry.register(Box::new(metrics.gates.clone()))?;
        Ok(metrics)
    }

    /// Counters that begin at 0 give rates from the first event on.
    fn touch(&self) {
        for (workflow, stages) in WORKFLOWS {
            for outcome in OUTCOMES {
                self.executions.with_label_values(&[workflow, outcome]);
            }
            for stage in stages {
                self.agents.with_label_values(&[workflow, stage]);
            }
            for reason in &OUTCOMES[1..] {
                self.failed_attempts.with_label_values(&[workflow, reason]);
            }
            for gate in Gate::ALL {
                for outcome in ["passed", "failed"] {
                    self.gates.with_label_values(&[workflow, gate.name(), outcome]);
                }
            }
        }
    }

    /// Measures one decomposition.
    pub(super) fn decomposition(
        &self,
        decompose: impl FnOnce() -> Result<Graph, ProjectError>,
    ) -> Result<Graph, ProjectError> {
        let started = Instant::now();
        let graph = decompose();
        let elapsed = started.elapsed().as_secs_f64();
        let labels = match &graph {
            Ok(graph) => [graph.workflow, "success"],
            Err(_) => [UNREADABLE, "refused"],
        };
        self.decomposition.with_label_values(&labels).observe(elapsed);
        graph
    }

    pub(super) fn spawned(&self, workflow: &str, stage: &str) {
        self.agents.with_label_values(&[workflow, stage]).inc();
    }

    pub(super) fn attempt_failed(&self, workflow: &str, reason: &str) {
        self.failed_attempts.with_label_values(&[workflow, reason]).inc();
    }

    pub(super) fn gate(&self, workflow: &str, gate: Gate, passed: bool) {
        let outcome = if passed { "passed" } else { "failed" };
        self.gates.with_label_values(&[workflow, gate.name(), outcome]).inc();
    }

    pub(super) fn executed(&self, workflow: &str, outcome: &str, elapsed: Duration) {
        let labels = [workflow, outcome];
        self.executions.with_label_values(&labels).inc();
        self.duration.with_label_values(&labels).observe(elapsed.as_secs_f64());
    }
}
