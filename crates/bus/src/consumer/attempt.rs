//! One event from receipt to its end: decode, attempts with back-off, dead letter.

use std::future::Future;

use opentelemetry::trace::TraceContextExt;
use rdkafka::message::{BorrowedMessage, Message};
use tracing::{Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{ConsumerOptions, Delivery};
use crate::dead_letter::{DeadLetter, dlq_topic};
use crate::{BusMetrics, Event, HandleError, Producer, headers};

/// Attempts to hand a dead letter over before it is only logged.
const HANDOVER_ATTEMPTS: u32 = 3;
/// Longest event text in a log line.
const LOGGED_EVENT_BYTES: usize = 4096;

/// A message detached from the consumer.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) offset: i64,
    key: String,
    payload: Vec<u8>,
    context: opentelemetry::Context,
    event: Result<Event, HandleError>,
}

impl Received {
    pub(super) fn new(message: &BorrowedMessage<'_>) -> Self {
        let payload = message.payload().unwrap_or_default().to_vec();
        let event: Result<Event, HandleError> = serde_json::from_slice(&payload)
            .map_err(|error| HandleError::permanent("decode", format!("event is not readable: {error}")));
        let no_context = std::collections::HashMap::new();
        let trace_context = event.as_ref().map_or(&no_context, |event| &event.trace_context);
        Self {
            topic: message.topic().to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            key: String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned(),
            context: headers::extract(message.headers(), trace_context),
            payload,
            event,
        }
    }

    /// The consumer span, a child of the publisher's.
    pub(super) fn span(&self, group: &str) -> Span {
        let span = tracing::info_span!(
            "bus.process",
            otel.name = format!("process {}", self.topic),
            otel.kind = "consumer",
            otel.status_code = field::Empty,
            messaging.system = "kafka",
            messaging.operation.type = "process",
            messaging.destination.name = self.topic,
            messaging.consumer.group.name = group,
            messaging.destination.partition.id = self.partition,
            messaging.kafka.offset = self.offset,
            messaging.message.id = self.event.as_ref().map_or("", |event| event.id.as_str()),
        );
        // Fails only where no OpenTelemetry layer listens, and then there is no trace to continue.
        drop(span.set_parent(self.context.clone()));
        span
    }

    fn id(&self) -> String {
        self.event.as_ref().map_or_else(
            |_| format!("{}/{}/{}", self.topic, self.partition, self.offset),
            |e| e.id.clone(),
        )
    }
}

/// What an attempt needs of its consumer.
pub(super) struct Attempt<'a> {
    pub(super) options: &'a ConsumerOptions,
    pub(super) producer: &'a Producer,
    pub(super) metrics: &'a BusMetrics,
    pub(super) on_dead_letter: &'a (dyn Fn(&HandleError) + Send + Sync),
}

impl Attempt<'_> {
    /// Handles the event; the result is the label of `bus_events_consumed_total`.
    pub(super) async fn handle<H, F>(&self, received: &Received, handler: &H) -> &'static str
    where
        H: Fn(Delivery) -> F,
        F: Future<Output = Result<(), HandleError>>,
    {
        let event = match &received.event {
            Ok(event) => event,
            Err(error) => {
                self.give_up(received, error, 0).await;
                return "dead_letter";
            }
        };
        let mut retry = 0;
        loop {
            let delivery = Delivery {
                event: event.clone(),
                topic: received.topic.clone(),
                position: (received.partition, received.offset),
                retry,
            };
            let Err(error) = handler(delivery).await else {
                return "ok";
            };
            if !error.retry || retry >= self.options.retry.max_retries {
                self.give_up(received, &error, retry).await;
                return "dead_letter";
            }
            retry += 1;
            self.metrics
                .retries
                .with_label_values(&[&self.options.group, &received.topic])
                .inc();
            tracing::warn!(
                error_type = error.error_type,
                error = error.message,
                retry,
                topic = received.topic,
                "event is tried again"
            );
            tokio::time::sleep(self.options.retry.backoff(retry)).await;
        }
    }

    /// Hands the event to the dead-letter topic. A hand-over that fails is logged with the event, and that is all.
    async fn give_up(&self, received: &Received, error: &HandleError, retry_count: u32) {
        (self.on_dead_letter)(error);
        let context = Span::current().context();
        let span_context = context.span().span_context().clone();
        let letter = DeadLetter {
            original_event: DeadLetter::original(&received.payload),
            source_topic: received.topic.clone(),
            error_message: error.message.clone(),
            error_type: error.error_type.clone(),
            retry_count,
            timestamp: jiff::Timestamp::now().to_string(),
            trace_id: span_context.is_valid().then(|| span_context.trace_id().to_string()),
        };
        let handed_over = self.hand_over(received, &letter, &context).await;
        let result = if handed_over { "handed_over" } else { "lost" };
        self.metrics
            .dead_letters
            .with_label_values(&[&received.topic, &error.error_type, result])
            .inc();
    }

    async fn hand_over(&self, received: &Received, letter: &DeadLetter, context: &opentelemetry::Context) -> bool {
        let payload = serde_json::to_vec(letter).expect("a dead letter has text keys only");
        let topic = dlq_topic(&received.topic);
        let id = received.id();
        for attempt in 1..=HANDOVER_ATTEMPTS {
            match self
                .producer
                .publish_raw(&topic, &received.key, &id, &payload, context)
                .await
            {
                Ok(_) => {
                    tracing::error!(
                        source_topic = letter.source_topic,
                        error_message = letter.error_message,
                        error_type = letter.error_type,
                        retry_count = letter.retry_count,
                        event_id = id,
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
        let text = String::from_utf8_lossy(&received.payload);
        tracing::error!(
            source_topic = letter.source_topic,
            error_message = letter.error_message,
            error_type = letter.error_type,
            retry_count = letter.retry_count,
            event_id = id,
            event = &text[..text.floor_char_boundary(LOGGED_EVENT_BYTES)],
            "dead-letter hand-over failed, the event is only in this log line"
        );
        false
    }
}
