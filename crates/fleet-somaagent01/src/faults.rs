//! What can be made to go wrong, and which alerts of the pack come of it.

use skopos_fleet_frame::{FaultKind, FaultSpec};

use crate::{DELEGATION, EXECUTOR, GATEWAY, TRAFFIC, WORKER, delegation, executor, gateway, traffic, worker};

/// The faults of the system.
pub(crate) const FAULTS: &[FaultSpec] = &[
    FaultSpec {
        name: gateway::SLOW,
        service: GATEWAY,
        kind: FaultKind::Switch,
        about: "each request waits 3 to 4 s for a place in the gateway",
        alerts: &["HighGatewayLatency"],
    },
    FaultSpec {
        name: gateway::STORE_FULL,
        service: GATEWAY,
        kind: FaultKind::Switch,
        about: "the session store has no room: sessions cannot be opened, the answer is 503",
        alerts: &["HighGatewayErrorRate"],
    },
    FaultSpec {
        name: worker::SLM_SLOW,
        service: WORKER,
        kind: FaultKind::Switch,
        about: "the language model takes 6 to 8 s a call",
        alerts: &["SlowConversationProcessing"],
    },
    FaultSpec {
        name: traffic::POISON,
        service: TRAFFIC,
        kind: FaultKind::Switch,
        about: "a client writes four unreadable events a second straight to the topic",
        alerts: &["HighConversationFailureRate", "HighDeadLetters"],
    },
    FaultSpec {
        name: traffic::BUDGET_DRAIN,
        service: TRAFFIC,
        kind: FaultKind::Switch,
        about: "a tenant goes on asking after its token budget is used up",
        alerts: &["TenantBudgetExhausted"],
    },
    FaultSpec {
        name: executor::NO_MEMORY,
        service: EXECUTOR,
        kind: FaultKind::Switch,
        about: "the sandbox gives a tool no more memory than a start needs: tools end with memory_limit or crash",
        alerts: &["HighToolExecutionFailures"],
    },
    FaultSpec {
        name: traffic::POLICY_STORM,
        service: TRAFFIC,
        kind: FaultKind::Switch,
        about: "a client asks twenty times a second for a tool that its tenant may not use",
        alerts: &["HighPolicyBlockRate"],
    },
    FaultSpec {
        name: delegation::SUBAGENTS_STUCK,
        service: DELEGATION,
        kind: FaultKind::Switch,
        about: "sub-agents hang while the planner splits each question into 150 tasks: the consumer falls behind",
        alerts: &["HighKafkaConsumerLag"],
    },
    FaultSpec {
        name: "somaagent01-redis-down",
        service: "redis",
        kind: FaultKind::Stop,
        about: "Redis and its exporter are killed; services go on with what they have in memory",
        alerts: &["RedisDown"],
    },
    FaultSpec {
        name: "somaagent01-postgres-down",
        service: "postgres",
        kind: FaultKind::Stop,
        about: "PostgreSQL and its exporter are killed; services go on with what they have in memory",
        alerts: &["PostgresDown"],
    },
    FaultSpec {
        name: "somaagent01-kafka-down",
        service: "broker",
        kind: FaultKind::Stop,
        about: "the event bus is killed, and comes back empty",
        alerts: &["KafkaDown"],
    },
];
