//! One event from receipt to its end: decode, attempts with back-off.

use std::future::Future;

use rdkafka::message::{BorrowedMessage, Message};
use skopos_log_macros as log;
use tracing::{Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::spill::Spill;
use super::{ConsumerOptions, Delivery};
use crate::dead_letter::{DeadLetter, REPLAYS_HEADER};
use crate::{BusMetrics, Event, HandleError, Producer, headers};

/// A message detached from the consumer.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) key: String,
    pub(super) payload: Vec<u8>,
    /// How often it has been replayed.
    pub(super) replays: u32,
    context: opentelemetry::Context,
    event: Result<Event, HandleError>,
}

impl Received {
    pub(super) fn new(message: &BorrowedMessage<'_>) -> Self {
        let payload = message.payload().unwrap_or_default().to_vec();
        let event: Result<Event, HandleError> = serde_json::from_slice(&payload).map_err(|error| {
            HandleError::permanent(HandleError::UNREADABLE, format!("event is not readable: {error}"))
        });
        let no_context = std::collections::HashMap::new();
        let trace_context = event.as_ref().map_or(&no_context, |event| &event.trace_context);
        Self {
            topic: message.topic().to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            key: String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned(),
            replays: headers::text(message.headers(), REPLAYS_HEADER)
                .and_then(|text| text.parse().ok())
                .unwrap_or_default(),
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

    pub(super) fn id(&self) -> String {
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
    pub(super) on_dead_letter: &'a (dyn Fn(&DeadLetter) + Send + Sync),
    pub(super) spill: Option<&'a Spill>,
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
            log::warn!(
                error_type = error.error_type,
                error = error.message,
                retry,
                topic = received.topic,
                "event is tried again"
            );
            tokio::time::sleep(self.options.retry.backoff(retry)).await;
        }
    }
}
