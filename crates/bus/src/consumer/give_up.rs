//! The end of an event that cannot be handled: the dead-letter topic, a local file, or at the least a log line.

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use skopos_log_macros::{self as log, chain};

use super::attempt::{Attempt, Received};
use super::spill::Spilled;
use crate::dead_letter::{DeadLetter, dlq_topic};
use crate::{HandleError, headers};

/// Attempts to hand a dead letter over before it goes to the local file.
const HANDOVER_ATTEMPTS: u32 = 3;

/// An event at the level of errors with what the letter says, whatever became of it. A log line has a time of its own, so
/// the letter's is `given_up_at`.
macro_rules! log_letter {
    ($spilled:expr, $($more:tt)+) => {
        log::error!(
            original_event = %$spilled.letter.original_event,
            original_bytes = $spilled.letter.original_bytes,
            source_topic = $spilled.letter.source_topic,
            error_message = $spilled.letter.error_message,
            error_type = $spilled.letter.error_type,
            retry_count = $spilled.letter.retry_count,
            replay_count = $spilled.letter.replay_count,
            given_up_at = $spilled.letter.timestamp,
            event_id = $spilled.id,
            $($more)+
        )
    };
}

impl Attempt<'_> {
    /// Hands the event to the dead-letter topic; while the bus is away, to the local file. No failure ends the worker.
    pub(super) async fn give_up(&self, received: &Received, error: &HandleError, retry_count: u32) {
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
        (self.on_dead_letter)(&letter);
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
            log_lost(&spilled);
            "lost"
        };
        self.metrics
            .handovers
            .with_label_values(&[&received.topic, result])
            .inc();
    }

    async fn hand_over(&self, spilled: &Spilled) -> bool {
        let topic = dlq_topic(&spilled.letter.source_topic);
        for attempt in 1..=HANDOVER_ATTEMPTS {
            match spilled.publish(self.producer).await {
                Ok(()) => {
                    log_letter!(spilled, dlq_topic = topic, "event handed over to the dead-letter topic");
                    return true;
                }
                Err(error) => {
                    log::warn!(
                        error = chain(&error),
                        attempt,
                        dlq_topic = topic,
                        "dead-letter hand-over"
                    );
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
                let file = spill.path().display();
                log_letter!(spilled, file = %file, "dead-letter hand-over failed, the letter waits in a local file");
                true
            }
            Err(error) => {
                log::error!(error = chain(&error), "dead letter could not be kept in a local file");
                false
            }
        }
    }
}

fn log_lost(spilled: &Spilled) {
    log_letter!(
        spilled,
        "dead-letter hand-over failed, the event is only in this log line"
    );
}
