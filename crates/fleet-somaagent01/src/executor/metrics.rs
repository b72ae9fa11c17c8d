//! What the executor counts. Names, labels and buckets are those of the system's table.

use prometheus::{CounterVec, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry};

use super::UNKNOWN_TOOL;
use super::sandbox::{self, Run};
use crate::policy::Policy;
use crate::tools;
use crate::topics::ToolOutcome;

const DURATION_BUCKETS: [f64; 7] = [0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0];
const MEMORY_BUCKETS: [f64; 6] = [1e6, 1e7, 5e7, 1e8, 5e8, 1e9];

pub(super) struct ExecutorMetrics {
    executions: IntCounterVec,
    duration: HistogramVec,
    failures: IntCounterVec,
    blocked: IntCounterVec,
    active: IntGauge,
    cpu_seconds: CounterVec,
    memory_bytes: HistogramVec,
}

impl ExecutorMetrics {
    pub(super) fn register(registry: &Registry, policy: &Policy) -> prometheus::Result<Self> {
        let metrics = Self::new()?;
        registry.register(Box::new(metrics.executions.clone()))?;
        registry.register(Box::new(metrics.duration.clone()))?;
        registry.register(Box::new(metrics.failures.clone()))?;
        registry.register(Box::new(metrics.blocked.clone()))?;
        registry.register(Box::new(metrics.active.clone()))?;
        registry.register(Box::new(metrics.cpu_seconds.clone()))?;
        registry.register(Box::new(metrics.memory_bytes.clone()))?;
        metrics.touch(policy);
        Ok(metrics)
    }

    fn new() -> prometheus::Result<Self> {
        let counter = |name, help, labels: &[&str]| IntCounterVec::new(Opts::new(name, help), labels);
        let histogram = |name, help, buckets: &[f64]| {
            HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), &["tool_name"])
        };
        Ok(Self {
            executions: counter("tool_execution_total", "Tool calls executed.", &["tool_name", "status"])?,
            duration: histogram(
                "tool_execution_duration_seconds",
                "Wall time of tool calls in seconds.",
                &DURATION_BUCKETS,
            )?,
            failures: counter(
                "tool_execution_failures_total",
                "Tool calls that failed.",
                &["tool_name", "error_type"],
            )?,
            blocked: counter(
                "policy_blocked_total",
                "Tool calls that policy refused.",
                &["tool_name", "tenant"],
            )?,
            active: IntGauge::new("sandbox_active_executions", "Tool calls being executed.")?,
            cpu_seconds: CounterVec::new(
                Opts::new(
                    "resource_usage_cpu_seconds",
                    "CPU time that tools have used in seconds.",
                ),
                &["tool_name"],
            )?,
            memory_bytes: histogram(
                "resource_usage_memory_bytes",
                "Peak resident memory of tool calls in bytes.",
                &MEMORY_BUCKETS,
            )?,
        })
    }

    /// Every series that can be foreseen starts at 0, so that its first increase is a rate.
    fn touch(&self, policy: &Policy) {
        for tool in tools::NAMES {
            for status in ["success", "error"] {
                self.executions.with_label_values(&[tool, status]);
            }
            for error_type in sandbox::ERROR_TYPES {
                self.failures.with_label_values(&[tool, error_type]);
            }
            for tenant in policy.tenants().filter(|tenant| !policy.allows_tool(tenant, tool)) {
                self.blocked.with_label_values(&[tool, tenant]);
            }
            self.duration.with_label_values(&[tool]);
            self.cpu_seconds.with_label_values(&[tool]);
            self.memory_bytes.with_label_values(&[tool]);
        }
        self.executions.with_label_values(&[UNKNOWN_TOOL, "error"]);
        self.failures.with_label_values(&[UNKNOWN_TOOL, "unknown_tool"]);
    }

    /// An execution begins; it ends when the guard is dropped.
    pub(super) fn start(&self) -> Active {
        self.active.inc();
        Active(self.active.clone())
    }

    pub(super) fn finished(&self, tool: &str, run: &Run) {
        self.duration.with_label_values(&[tool]).observe(run.wall.as_secs_f64());
        self.cpu_seconds
            .with_label_values(&[tool])
            .inc_by(run.cpu.as_secs_f64());
        self.memory_bytes
            .with_label_values(&[tool])
            .observe(run.peak_resident_bytes as f64);
        match &run.outcome {
            ToolOutcome::Failed { error_type, .. } => self.failed(tool, error_type),
            _ => self.executions.with_label_values(&[tool, "success"]).inc(),
        }
    }

    pub(super) fn failed(&self, tool: &str, error_type: &str) {
        self.executions.with_label_values(&[tool, "error"]).inc();
        self.failures.with_label_values(&[tool, error_type]).inc();
    }

    pub(super) fn blocked(&self, tool: &str, tenant: &str) {
        self.blocked.with_label_values(&[tool, tenant]).inc();
    }
}

/// One execution in progress.
pub(super) struct Active(IntGauge);

impl Drop for Active {
    fn drop(&mut self) {
        self.0.dec();
    }
}
