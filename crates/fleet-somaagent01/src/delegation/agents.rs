//! The sub-agents: each takes a task from the bus, looks into the documents, and gives what it found to whoever waits.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use skopos_bus::{Delivery, HandleError};
use skopos_fleet_frame::Fault;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::metrics::DelegationMetrics;
use crate::{tools, topics};

/// How often a hanging sub-agent looks whether it may go on.
const STUCK_PAUSE: Duration = Duration::from_millis(200);

/// A task on the bus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) delegation: String,
    pub(super) query: String,
    /// When nobody waits any more, in milliseconds since the epoch.
    pub(super) expires_ms: i64,
}

/// All sub-agents of this process, and who waits for them.
#[derive(Debug)]
pub(super) struct Agents {
    waiting: Mutex<HashMap<String, mpsc::UnboundedSender<String>>>,
    metrics: DelegationMetrics,
    stuck: Fault,
    stop: CancellationToken,
}

impl Agents {
    pub(super) fn new(metrics: DelegationMetrics, stuck: Fault, stop: CancellationToken) -> Self {
        Self {
            waiting: Mutex::default(),
            metrics,
            stuck,
            stop,
        }
    }

    /// Findings of a delegation as they come, until it is forgotten.
    pub(super) fn expect(&self, delegation: &str) -> mpsc::UnboundedReceiver<String> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(delegation.to_owned(), sender);
        receiver
    }

    pub(super) fn forget(&self, delegation: &str) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.remove(delegation);
    }

    /// Works a task off.
    pub(super) async fn work(&self, delivery: Delivery) -> Result<(), HandleError> {
        let task: Task = topics::decode(delivery.event.data)?;
        while self.stuck.is_on() && !self.stop.is_cancelled() {
            tokio::time::sleep(STUCK_PAUSE).await;
        }
        if topics::now_ms() >= task.expires_ms {
            self.metrics.task("expired");
            return Ok(());
        }
        let finding = tools::call("file-search", &json!({ "query": task.query }))
            .map_err(|refusal| HandleError::permanent(&refusal.error_type, refusal.reason))?;
        self.metrics.task("done");
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = waiting.get(&task.delegation) {
            // Fails where the delegation has just ended, which is no loss.
            drop(sender.send(finding));
        }
        Ok(())
    }
}
