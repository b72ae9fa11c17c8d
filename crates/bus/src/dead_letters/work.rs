//! Replaying and discarding the letters that a filter chooses, one by one, at a pace.

use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use serde::Serialize;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{Action, DeadLetters, Filter, Letter, LetterId, SETTLED_TOPIC};
use crate::dead_letter::REPLAYS_HEADER;
use crate::{BusError, ensure_topics, headers};

/// How fast letters are worked through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// One after the other without a pause.
    Full,
    /// So many letters a second; above 0.
    PerSecond(f64),
}

/// What is to be done with the chosen letters, and who says so.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// What is to be done.
    pub action: Action,
    /// How fast.
    pub pace: Pace,
    /// Who asks, as they call themselves.
    pub by: String,
    /// Why, for the record; may be empty.
    pub reason: String,
}

/// How far an order is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Letters that were chosen.
    pub total: usize,
    /// Letters that are done.
    pub done: usize,
    /// Letters that could not be.
    pub failed: usize,
}

/// What became of the chosen letters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Letters that are done.
    pub done: Vec<LetterId>,
    /// Letters that could not be, each with the reason; they wait on.
    pub failed: Vec<(LetterId, String)>,
}

impl DeadLetters {
    /// Publishes the events of the chosen letters to their source topics again, oldest first, and settles the letters.
    ///
    /// Each goes out in the trace in which it was given up, linked to the current span, with one more on its count of
    /// replays. An event is replayed at least once: one whose record of settlement could not be written is named as
    /// failed and waits on. `by` is who asks, for the record.
    pub async fn replay(&self, filter: &Filter, pace: Pace, by: &str) -> Result<Outcome, BusError> {
        let order = Order {
            action: Action::Replayed,
            pace,
            by: by.to_owned(),
            reason: String::new(),
        };
        self.carry_out(filter, &order, &CancellationToken::new(), |_| {}).await
    }

    /// Puts the chosen letters away, oldest first. They stay on their topic until its retention ends, as settled, with
    /// who put them away and why.
    pub async fn discard(&self, filter: &Filter, by: &str, reason: &str) -> Result<Outcome, BusError> {
        let order = Order {
            action: Action::Discarded,
            pace: Pace::Full,
            by: by.to_owned(),
            reason: reason.to_owned(),
        };
        self.carry_out(filter, &order, &CancellationToken::new(), |_| {}).await
    }

    /// Does what [`DeadLetters::replay`] and [`DeadLetters::discard`] do, and tells how far it is: once when the letters
    /// are chosen, and after each. Cancelled by `stop`, it ends between two letters, and those that it did not reach
    /// wait on.
    pub async fn carry_out(
        &self,
        filter: &Filter,
        order: &Order,
        stop: &CancellationToken,
        mut tell: impl FnMut(Progress) + Send,
    ) -> Result<Outcome, BusError> {
        let filter = Filter {
            // What was dealt with is not dealt with again.
            is_settled: Some(false),
            ..filter.clone()
        };
        let mut letters = self.list(&filter).await?;
        letters.reverse();
        let mut progress = Progress {
            total: letters.len(),
            ..Progress::default()
        };
        tell(progress);
        ensure_topics(&self.config, &[SETTLED_TOPIC], 1, super::READ_LIMIT).await?;
        let mut outcome = Outcome::default();
        let mut pause = order.pace.interval();
        for letter in letters {
            if stop.run_until_cancelled(next_turn(pause.as_mut())).await.is_none() {
                break;
            }
            match self.carry_out_one(&letter, order).await {
                Ok(()) => outcome.done.push(letter.id),
                Err(error) => outcome.failed.push((letter.id, with_cause(&error))),
            }
            progress.done = outcome.done.len();
            progress.failed = outcome.failed.len();
            tell(progress);
        }
        Ok(outcome)
    }

    async fn carry_out_one(&self, letter: &Letter, order: &Order) -> Result<(), BusError> {
        if order.action == Action::Replayed {
            self.send_back(letter).await?;
        }
        self.settle(letter, order).await
    }

    /// Publishes the event of a letter to its topic.
    async fn send_back(&self, letter: &Letter) -> Result<(), BusError> {
        let topic = &letter.letter.source_topic;
        let replays = letter.letter.replay_count + 1;
        let asked_in = Context::map_current(|context| context.span().span_context().clone());
        let span = tracing::info_span!(
            "bus.replay",
            otel.name = format!("replay {topic}"),
            otel.kind = "producer",
            otel.status_code = field::Empty,
            messaging.system = "kafka",
            messaging.operation.type = "send",
            messaging.destination.name = topic,
            messaging.message.id = %letter.id,
            messaging.kafka.offset = field::Empty,
            dlq.replay_count = replays,
        );
        // Fails only where no OpenTelemetry layer listens, and then there is no trace to continue.
        drop(span.set_parent(headers::extract(None, &letter.headers)));
        if asked_in.is_valid() {
            span.add_link(asked_in);
        }
        let mut headers = headers::to_map(&span.context());
        if headers.is_empty() {
            // Nothing here writes traces: the letter's own goes on.
            headers.clone_from(&letter.headers);
        }
        headers.insert(REPLAYS_HEADER.to_owned(), replays.to_string());
        let (id, payload) = (letter.id.to_string(), letter.letter.payload());
        self.producer
            .publish_with_headers(topic, &letter.key, &id, &payload, &headers)
            .instrument(span)
            .await
            .map(|_| ())
    }
}

impl Pace {
    /// Ticks at the pace; none where there is no pause.
    fn interval(self) -> Option<tokio::time::Interval> {
        let Self::PerSecond(rate) = self else { return None };
        let period = Duration::try_from_secs_f64(1.0 / rate)
            .ok()
            .filter(|period| !period.is_zero())?;
        let mut interval = tokio::time::interval(period);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Some(interval)
    }
}

/// Returns when the next letter may go.
async fn next_turn(pause: Option<&mut tokio::time::Interval>) {
    if let Some(pause) = pause {
        pause.tick().await;
    }
}

/// The error and what caused it, in one line.
fn with_cause(error: &BusError) -> String {
    let source = std::error::Error::source(error);
    source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
