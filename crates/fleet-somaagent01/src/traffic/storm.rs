//! A client that goes past the worker and asks the executor for a tool that its tenant may not use, again and again.

use std::time::Duration;

use serde_json::json;
use skopos_bus::{Event, Producer};
use skopos_fleet_frame::Fault;
use skopos_sdk::log::{self, chain};
use tokio_util::sync::CancellationToken;

use crate::router::Effort;
use crate::topics::{self, Message, ToolRequest};

/// Pause between two calls.
const PAUSE: Duration = Duration::from_millis(50);
/// How often it looks whether the fault was switched on.
const LOOK_PAUSE: Duration = Duration::from_millis(500);
/// Who asks for what it may not use.
const TENANT: &str = "initech";
const TOOL: &str = "hash";

/// Asks while the fault is on.
pub(super) async fn policy(producer: Producer, fault: Fault, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(if fault.is_on() { PAUSE } else { LOOK_PAUSE }) => {}
        }
        if !fault.is_on() {
            continue;
        }
        let event = Event::new(topics::TOOL_REQUEST_EVENT, serde_json::Value::Null);
        if let Err(error) = ask(&producer, event).await {
            log::warn!(error = chain(&error), "a call past the worker");
        }
    }
}

async fn ask(producer: &Producer, mut event: Event) -> Result<(), skopos_bus::BusError> {
    let now_ms = topics::now_ms();
    let request = ToolRequest {
        tool: TOOL.to_owned(),
        input: json!({ "text": "let me in" }),
        intent: "hash".to_owned(),
        message: Message {
            message_id: event.id.clone(),
            session_id: "storm".to_owned(),
            tenant: TENANT.to_owned(),
            persona_id: "assistant".to_owned(),
            text: "let me in".to_owned(),
            received_ms: now_ms,
        },
        started_ms: now_ms,
        effort: Effort::Low,
    };
    event.data = topics::encode(&request);
    producer
        .publish(topics::TOOL_REQUESTS, &event.id.clone(), event)
        .await
        .map(|_| ())
}
