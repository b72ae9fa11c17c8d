//! What can be made to go wrong, and which alerts of the pack come of it.

use skopos_fleet_frame::FaultSpec;

use crate::{DELEGATION, EXECUTOR, GATEWAY, TRAFFIC, WORKER, delegation, executor, gateway, traffic, worker};

/// The faults of the system.
pub(crate) const FAULTS: &[FaultSpec] = &[
    FaultSpec::switch(
        gateway::SLOW,
        GATEWAY,
        "each request waits 3 to 4 s for a place in the gateway",
        &["HighGatewayLatency"],
    ),
    FaultSpec::switch(
        gateway::STORE_FULL,
        GATEWAY,
        "the session store has no room: sessions cannot be opened, the answer is 503",
        &["HighGatewayErrorRate"],
    ),
    FaultSpec::switch(
        worker::SLM_SLOW,
        WORKER,
        "the language model takes 6 to 8 s a call",
        &["SlowConversationProcessing"],
    ),
    FaultSpec::switch(
        traffic::POISON,
        TRAFFIC,
        "a client writes four unreadable events a second straight to the topic",
        &["HighConversationFailureRate", "HighDeadLetters"],
    ),
    FaultSpec::switch(
        traffic::BUDGET_DRAIN,
        TRAFFIC,
        "a tenant goes on asking after its token budget is used up",
        &["TenantBudgetExhausted"],
    ),
    FaultSpec::switch(
        executor::NO_MEMORY,
        EXECUTOR,
        "the sandbox gives a tool no more memory than a start needs: tools end with memory_limit or crash",
        &["HighToolExecutionFailures"],
    ),
    FaultSpec::switch(
        traffic::POLICY_STORM,
        TRAFFIC,
        "a client asks twenty times a second for a tool that its tenant may not use",
        &["HighPolicyBlockRate"],
    ),
    FaultSpec::switch(
        delegation::SUBAGENTS_STUCK,
        DELEGATION,
        "sub-agents hang while the planner splits each question into 150 tasks: the consumer falls behind",
        &["HighKafkaConsumerLag"],
    ),
    FaultSpec::stop(
        "somaagent01-redis-down",
        "redis",
        "Redis and its exporter are killed; services go on with what they have in memory",
        &["RedisDown"],
    ),
    FaultSpec::stop(
        "somaagent01-postgres-down",
        "postgres",
        "PostgreSQL and its exporter are killed; services go on with what they have in memory",
        &["PostgresDown"],
    ),
    FaultSpec::stop(
        "somaagent01-kafka-down",
        "broker",
        "the event bus is killed, and comes back empty",
        &["KafkaDown"],
    ),
];
