//! The topics of the system and the events on them.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use skopos_bus::dead_letters::SETTLED_TOPIC;
use skopos_bus::{BusConfig, ConsumerOptions, HandleError, dlq_topic, ensure_topics};
use skopos_sdk::log::{self, chain};
use tokio_util::sync::CancellationToken;

use crate::router::Effort;
use skopos_fleet_frame::FleetError;

/// Messages of users, gateway to worker.
pub(crate) const INBOUND: &str = "conversation.inbound";
/// Replies, worker to gateway.
pub(crate) const OUTBOUND: &str = "conversation.outbound";
/// Tool calls, worker to executor.
pub(crate) const TOOL_REQUESTS: &str = "tool.requests";
/// Results of tool calls, executor to worker.
pub(crate) const TOOL_RESULTS: &str = "tool.results";

/// Tasks of sub-agents, within the delegation gateway.
pub(crate) const DELEGATION_TASKS: &str = "delegation.tasks";

/// Type of an event with a [`Message`].
pub(crate) const MESSAGE_EVENT: &str = "conversation.message";
/// Type of an event with a [`Reply`].
pub(crate) const REPLY_EVENT: &str = "conversation.reply";
/// Type of an event with a [`ToolRequest`].
pub(crate) const TOOL_REQUEST_EVENT: &str = "tool.request";
/// Type of an event with a [`ToolResult`].
pub(crate) const TOOL_RESULT_EVENT: &str = "tool.result";
/// Type of an event with a task of a sub-agent.
pub(crate) const DELEGATION_TASK_EVENT: &str = "delegation.task";

/// Partitions of each topic.
const PARTITIONS: i32 = 2;
/// How long a service waits for a bus that is still starting.
const BUS_PATIENCE: Duration = Duration::from_secs(30);
/// How often the topics are looked after: an embedded bus that was killed comes back without them.
const CARE_INTERVAL: Duration = Duration::from_secs(5);
/// How long one look may take.
const CARE_PATIENCE: Duration = Duration::from_secs(1);

/// A user's message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_field_names,
    reason = "the event's own names, as they stand on the topic"
)]
pub(crate) struct Message {
    /// Event id that the gateway gave; the reply names it.
    pub(crate) message_id: String,
    pub(crate) session_id: String,
    pub(crate) tenant: String,
    pub(crate) persona_id: String,
    pub(crate) text: String,
    /// When the gateway took it, in milliseconds since the epoch.
    pub(crate) received_ms: i64,
}

/// How a turn ended, as the user sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReplyStatus {
    Answered,
    BudgetExceeded,
    ToolFailed,
    ToolBlocked,
}

/// The answer to a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reply {
    pub(crate) in_reply_to: String,
    pub(crate) session_id: String,
    pub(crate) status: ReplyStatus,
    pub(crate) intent: String,
    pub(crate) text: String,
    /// Tool that was asked, where one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tool: Option<String>,
}

/// A tool call. It carries the message, so that any worker can finish the reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ToolRequest {
    pub(crate) tool: String,
    pub(crate) input: Value,
    pub(crate) intent: String,
    pub(crate) message: Message,
    /// When the worker took the message, in milliseconds since the epoch.
    pub(crate) started_ms: i64,
    /// How much the model may do with the result.
    #[serde(default = "full_effort")]
    pub(crate) effort: Effort,
}

/// What a call of an older worker means.
fn full_effort() -> Effort {
    Effort::Full
}

/// What became of a tool call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub(crate) enum ToolOutcome {
    Success { output: String },
    Failed { error_type: String, reason: String },
    Blocked { rule: String },
}

/// The answer to a tool call, with the call itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ToolResult {
    pub(crate) request: ToolRequest,
    pub(crate) outcome: ToolOutcome,
}

/// Milliseconds since the epoch.
pub(crate) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// The topics and their dead-letter topics.
fn names() -> ([&'static str; 5], [String; 5]) {
    let topics = [INBOUND, OUTBOUND, TOOL_REQUESTS, TOOL_RESULTS, DELEGATION_TASKS];
    (topics, topics.map(dlq_topic))
}

/// Makes the topics and their dead-letter topics, waiting for a bus that is still starting.
pub(crate) async fn ensure(bus: &BusConfig) -> Result<(), FleetError> {
    let (topics, dead) = names();
    let all: Vec<&str> = topics.into_iter().chain(dead.iter().map(String::as_str)).collect();
    ensure_topics(bus, &all, PARTITIONS, BUS_PATIENCE).await?;
    Ok(ensure_topics(bus, &[SETTLED_TOPIC], 1, BUS_PATIENCE).await?)
}

/// Makes topics again that are gone, until cancelled. One service of the system does so.
pub(crate) async fn care(bus: &BusConfig, stop: &CancellationToken) {
    let (topics, dead) = names();
    let all: Vec<&str> = topics.into_iter().chain(dead.iter().map(String::as_str)).collect();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(CARE_INTERVAL) => {}
        }
        for (topics, partitions) in [(all.as_slice(), PARTITIONS), (&[SETTLED_TOPIC], 1)] {
            if let Err(error) = ensure_topics(bus, topics, partitions, CARE_PATIENCE).await {
                log::debug!(error = chain(&error), "topics could not be looked after");
            }
        }
    }
}

/// How a service reads its topics; what it cannot handle is kept even while the bus is away.
pub(crate) fn reading(service: &str, topics: &[&str]) -> ConsumerOptions {
    ConsumerOptions {
        spill_folder: Some(spill_folder()),
        ..ConsumerOptions::new(service, topics)
    }
}

/// Where dead letters wait while the bus is away.
fn spill_folder() -> PathBuf {
    std::env::var_os("SOMA_SPILL_FOLDER").map_or_else(
        || std::env::temp_dir().join(format!("skopos-dead-letters-{}", rustix::process::geteuid().as_raw())),
        PathBuf::from,
    )
}

/// The data of an event; an event of another shape is no use to retry.
pub(crate) fn decode<T: serde::de::DeserializeOwned>(data: Value) -> Result<T, HandleError> {
    serde_json::from_value(data)
        .map_err(|error| HandleError::permanent("malformed_event", format!("event data is not readable: {error}")))
}

/// Data as an event carries it.
pub(crate) fn encode<T: Serialize>(data: &T) -> Value {
    serde_json::to_value(data).expect("event data has text keys only")
}
