//! The end of an event that cannot be handled: the dead-letter topic, a local file, or at the least a log line.

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;

use super::attempt::{Attempt, Received};
use super::spill::Spilled;
use crate::dead_letter::{DeadLetter, dlq_topic};
use crate::{HandleError, headers};

/// Attempts to hand a dead letter over before it goes to the local file.
const HANDOVER_ATTEMPTS: u32 = 3;
/// Longest event text in a log line.
const LOGGED_EVENT_BYTES: usize = 4096;

impl Attempt<'_> {
    /// Hands the event to the dead-letter topic; while the bus is away, to the local file. No failure ends the worker.
    pub(super) async fn give_up(&self, received: &Received, error: &HandleError, retry_count: u32) {
        (self.on_dead_letter)(error);
        let context = Context::current();
        let span_context = context.span().span_context().clone();
        let (original_event, original_bytes) = DeadLetter::original(&received.payload);
        let letter = DeadLetter {
            original_event,
            original_bytes,
            source_topic: received.topic.clone(),
            error_message: error.message.clone(),
            error_type: error.error_type.clone(),
            retry_count,
            replay_count: received.replays,
            timestamp: jiff::Timestamp::now().to_string(),
            consumer_group: self.options.group.clone(),
            trace_id: span_context.is_valid().then(|| span_context.trace_id().to_string()),
        };
        self.metrics
            .dead_letters
            .with_label_values(&[&received.topic, &error.error_type])
            .inc();
        let spilled = Spilled {
            key: received.key.clone(),
            id: received.id(),
            headers: headers::to_map(&context),
            letter,
        };
        let result = if self.hand_over(&spilled).await {
            "handed_over"
        } else if self.keep(&spilled).await {
            "spilled"
        } else {
            log_lost(&spilled, &received.payload);
            "lost"
        };
        self.metrics
            .handovers
            .with_label_values(&[&received.topic, result])
            .inc();
    }

    async fn hand_over(&self, spilled: &Spilled) -> bool {
        let letter = &spilled.letter;
        let topic = dlq_topic(&letter.source_topic);
        for attempt in 1..=HANDOVER_ATTEMPTS {
            match spilled.publish(self.producer).await {
                Ok(()) => {
                    tracing::error!(
                        original_event = %letter.original_event,
                        source_topic = letter.source_topic,
                        error_message = letter.error_message,
                        error_type = letter.error_type,
                        retry_count = letter.retry_count,
                        replay_count = letter.replay_count,
                        event_id = spilled.id,
                        dlq_topic = topic,
                        "event handed over to the dead-letter topic"
                    );
                    return true;
                }
                Err(error) => {
                    let error: &(dyn std::error::Error + 'static) = &error;
                    tracing::warn!(error, attempt, dlq_topic = topic, "dead-letter hand-over");
                }
            }
            tokio::time::sleep(self.options.retry.backoff(attempt)).await;
        }
        false
    }

    /// Writes the letter to the local file, where there is one.
    async fn keep(&self, spilled: &Spilled) -> bool {
        let Some(spill) = self.spill else { return false };
        match spill.keep(spilled).await {
            Ok(()) => {
                tracing::error!(
                    source_topic = spilled.letter.source_topic,
                    error_message = spilled.letter.error_message,
                    error_type = spilled.letter.error_type,
                    retry_count = spilled.letter.retry_count,
                    event_id = spilled.id,
                    file = %spill.path().display(),
                    "dead-letter hand-over failed, the letter waits in a local file"
                );
                true
            }
            Err(error) => {
                let error: &(dyn std::error::Error + 'static) = &error;
                tracing::error!(error, "dead letter could not be kept in a local file");
                false
            }
        }
    }
}

fn log_lost(spilled: &Spilled, payload: &[u8]) {
    let text = String::from_utf8_lossy(payload);
    tracing::error!(
        source_topic = spilled.letter.source_topic,
        error_message = spilled.letter.error_message,
        error_type = spilled.letter.error_type,
        retry_count = spilled.letter.retry_count,
        event_id = spilled.id,
        event = &text[..text.floor_char_boundary(LOGGED_EVENT_BYTES)],
        "dead-letter hand-over failed, the event is only in this log line"
    );
}
