//! Publishing with an acknowledgement for each event. Waiting is bounded by the configuration's delivery timeout.

use std::collections::HashMap;

use opentelemetry::Context;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use rdkafka::util::Timeout;
use skopos_log_macros::{self as log, chain};
use tracing::{Instrument, Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::headers::{self, HeaderInjector};
use crate::{BusConfig, BusError, BusMetrics, Event};

/// Events that may wait in memory for the broker; beyond it publishing waits, then fails.
const QUEUE_EVENTS: &str = "10000";
const QUEUE_KIBIBYTES: &str = "16384";

/// Where an event came to lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Partition of the topic.
    pub partition: i32,
    /// Offset in the partition.
    pub offset: i64,
}

/// Publishes events; clones share the connection.
#[derive(Clone)]
pub struct Producer {
    inner: FutureProducer,
    config: BusConfig,
    metrics: BusMetrics,
}

impl std::fmt::Debug for Producer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Producer")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Producer {
    /// Makes a producer; connects with the first event.
    pub fn new(config: &BusConfig, metrics: BusMetrics) -> Result<Self, BusError> {
        let inner = config
            .client()
            .set("acks", "all")
            .set("linger.ms", "0")
            .set("queue.buffering.max.messages", QUEUE_EVENTS)
            .set("queue.buffering.max.kbytes", QUEUE_KIBIBYTES)
            .set("delivery.timeout.ms", config.delivery_timeout.as_millis().to_string())
            .create()
            .map_err(|source| BusError::Client {
                brokers: config.brokers.clone(),
                source,
            })?;
        Ok(Self {
            inner,
            config: config.clone(),
            metrics,
        })
    }

    /// Publishes one event under a producer span and waits until the broker has it.
    pub async fn publish(&self, topic: &str, key: &str, mut event: Event) -> Result<Receipt, BusError> {
        let span = tracing::info_span!(
            "bus.publish",
            otel.name = format!("publish {topic}"),
            otel.kind = "producer",
            otel.status_code = field::Empty,
            messaging.system = "kafka",
            messaging.operation.type = "send",
            messaging.destination.name = topic,
            messaging.message.id = event.id,
            messaging.kafka.offset = field::Empty,
        );
        let mut headers = HeaderInjector(OwnedHeaders::new());
        headers::inject(&span.context(), &mut headers, &mut event.trace_context);
        let id = event.id.clone();
        let payload = serde_json::to_vec(&event).map_err(|source| BusError::Encode {
            event: id.clone(),
            source,
        })?;
        self.send(topic, key, &id, &payload, headers.0).instrument(span).await
    }

    /// Publishes bytes as they are, with the given trace context; what dead letters, replays and drills need. `id` names
    /// the event in errors only.
    pub async fn publish_raw(
        &self,
        topic: &str,
        key: &str,
        id: &str,
        payload: &[u8],
        context: &Context,
    ) -> Result<Receipt, BusError> {
        self.publish_with_headers(topic, key, id, payload, &headers::to_map(context))
            .await
    }

    /// The same with all headers given.
    pub(crate) async fn publish_with_headers(
        &self,
        topic: &str,
        key: &str,
        id: &str,
        payload: &[u8],
        headers: &HashMap<String, String>,
    ) -> Result<Receipt, BusError> {
        let headers = headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
            headers.insert(Header {
                key,
                value: Some(value),
            })
        });
        self.send(topic, key, id, payload, headers).await
    }

    /// Where this producer counts.
    pub(crate) fn metrics(&self) -> &BusMetrics {
        &self.metrics
    }

    async fn send(
        &self,
        topic: &str,
        key: &str,
        id: &str,
        payload: &[u8],
        headers: OwnedHeaders,
    ) -> Result<Receipt, BusError> {
        let record = FutureRecord::to(topic).key(key).payload(payload).headers(headers);
        let sent = self
            .inner
            .send(record, Timeout::After(self.config.delivery_timeout))
            .await;
        let result = if sent.is_ok() { "ok" } else { "error" };
        self.metrics.published.with_label_values(&[topic, result]).inc();
        match sent {
            Ok(delivery) => {
                Span::current().record("messaging.kafka.offset", delivery.offset);
                Ok(Receipt {
                    partition: delivery.partition,
                    offset: delivery.offset,
                })
            }
            Err((source, _message)) => {
                Span::current().record("otel.status_code", "ERROR");
                Err(BusError::Delivery {
                    topic: topic.to_owned(),
                    event: id.to_owned(),
                    source,
                })
            }
        }
    }

    /// Waits until everything queued is delivered or the delivery timeout has passed. Blocks the thread.
    pub fn flush(&self) {
        if let Err(error) = self.inner.flush(Timeout::After(self.config.delivery_timeout)) {
            log::warn!(
                error = chain(&error),
                "events were still queued when the producer closed"
            );
        }
    }
}
