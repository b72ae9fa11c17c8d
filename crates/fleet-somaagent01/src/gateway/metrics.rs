//! What the gateway counts beside its requests. Names and labels are those of the system's table.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

#[derive(Debug, Clone)]
pub(super) struct GatewayMetrics {
    pub(super) websockets: IntGauge,
    pub(super) sessions_created: IntCounter,
    auth_attempts: IntCounterVec,
    policy_evaluations: IntCounterVec,
}

impl GatewayMetrics {
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name, help| IntCounterVec::new(Opts::new(name, help), &["result"]);
        let metrics = Self {
            websockets: IntGauge::new("websocket_connections_active", "Open WebSocket connections.")?,
            sessions_created: IntCounter::new("sessions_created_total", "Sessions opened.")?,
            auth_attempts: counter("auth_attempts_total", "Authentications: success, failure, missing.")?,
            policy_evaluations: counter("policy_evaluations_total", "Policy decisions: allow, deny, error.")?,
        };
        for result in ["success", "failure", "missing"] {
            metrics.auth_attempts.with_label_values(&[result]);
        }
        for result in ["allow", "deny", "error"] {
            metrics.policy_evaluations.with_label_values(&[result]);
        }
        registry.register(Box::new(metrics.websockets.clone()))?;
        registry.register(Box::new(metrics.sessions_created.clone()))?;
        registry.register(Box::new(metrics.auth_attempts.clone()))?;
        registry.register(Box::new(metrics.policy_evaluations.clone()))?;
        Ok(metrics)
    }

    pub(super) fn authenticated(&self, result: &str) {
        self.auth_attempts.with_label_values(&[result]).inc();
    }

    pub(super) fn decided(&self, result: &str) {
        self.policy_evaluations.with_label_values(&[result]).inc();
    }
}
