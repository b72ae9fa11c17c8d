//! That a letter was dealt with: one record on a topic of its own, by whom and how.

use serde::{Deserialize, Serialize};
use skopos_log_macros as log;

use super::{DeadLetters, Letter, LetterId, Order};
use crate::BusError;

/// Topic of the records that say which letters were dealt with.
pub const SETTLED_TOPIC: &str = "dead-letters.settled";

/// What was done with a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Its event went back to the source topic.
    Replayed,
    /// It was put away.
    Discarded,
}

impl Action {
    /// Its name in metrics and records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Replayed => "replayed",
            Self::Discarded => "discarded",
        }
    }
}

/// The record on [`SETTLED_TOPIC`], as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// The letter.
    pub id: LetterId,
    /// What was done.
    pub action: Action,
    /// When, RFC 3339.
    pub at: String,
    /// Who asked for it, as they call themselves.
    pub by: String,
    /// Why, in their words; empty where nothing was said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

impl DeadLetters {
    pub(super) async fn settle(&self, letter: &Letter, order: &Order) -> Result<(), BusError> {
        let Order { action, by, reason, .. } = order;
        let record = Settled {
            id: letter.id.clone(),
            action: *action,
            at: jiff::Timestamp::now().to_string(),
            by: by.clone(),
            reason: reason.clone(),
        };
        let payload = serde_json::to_vec(&record).expect("a record has text keys only");
        let id = letter.id.to_string();
        let context = opentelemetry::Context::new();
        self.producer
            .publish_raw(SETTLED_TOPIC, &id, &id, &payload, &context)
            .await?;
        self.producer
            .metrics()
            .settled
            .with_label_values(&[&letter.letter.source_topic, action.name()])
            .inc();
        log::info!(letter = id, action = action.name(), by, reason, "dead letter settled");
        Ok(())
    }
}
