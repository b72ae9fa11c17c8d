//! Kafka messages, whichever client carries them: a producer or consumer span each, their duration, and one trace for both.
//!
//! Headers are a map of texts; `skopos-bus` and any client of Kafka can fill theirs from it. Spans and the
//! histograms `messaging.client.operation.duration` and `messaging.process.duration` (s) follow the semantic conventions for Kafka.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), std::io::Error> {
//! use std::collections::HashMap;
//! use skopos_sdk::kafka::{KafkaTracer, Received};
//!
//! let kafka = KafkaTracer::new();
//! let mut sent = HashMap::new();
//! kafka.publish("orders", Some("order-17"), async |headers| {
//!     sent = headers;
//!     Ok::<_, std::io::Error>(())
//! }).await?;
//!
//! let received = Received { topic: "orders", group: "billing", partition: 0, offset: 41, headers: &sent };
//! kafka.process(received, async { Ok::<_, std::io::Error>(()) }).await?;
//! # Ok(()) }
//! ```

use std::collections::HashMap;
use std::future::Future;

use opentelemetry::metrics::{Histogram, Meter};
use opentelemetry::trace::SpanKind;
use opentelemetry::{KeyValue, global};
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::observed::Observed;
use crate::propagation::{extract_trace_context, inject_trace_context};
use crate::sampler::{UNSAMPLED_TARGET, span_of_caller};
use crate::tasks::ErrorType;

/// Upper bounds in seconds, as the conventions advise.
const BUCKETS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// One message as a consumer sees it.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// Its topic.
    pub topic: &'a str,
    /// The group that reads it.
    pub group: &'a str,
    /// Its partition.
    pub partition: i32,
    /// Its offset in the partition.
    pub offset: i64,
    /// Its headers; those that are no text are of no use here.
    pub headers: &'a HashMap<String, String>,
}

/// The instruments; clones share them.
#[derive(Debug, Clone)]
pub struct KafkaTracer {
    sends: Histogram<f64>,
    processes: Histogram<f64>,
}

impl Default for KafkaTracer {
    fn default() -> Self {
        Self::new()
    }
}

impl KafkaTracer {
    /// On the process's own meter, so observability is set up first.
    pub fn new() -> Self {
        Self::with_meter(&global::meter("skopos-sdk"))
    }

    /// On any meter.
    pub fn with_meter(meter: &Meter) -> Self {
        let histogram = |name: &'static str, description: &'static str| {
            let builder = meter.f64_histogram(name).with_unit("s").with_description(description);
            builder.with_boundaries(BUCKETS.to_vec()).build()
        };
        Self {
            sends: histogram("messaging.client.operation.duration", "Duration of sending messages."),
            processes: histogram("messaging.process.duration", "Duration of processing messages."),
        }
    }

    /// Sends a message in a producer span. The headers that `send` gets carry the trace and go with the message.
    pub async fn publish<T, E: ErrorType>(
        &self,
        topic: &str,
        key: Option<&str>,
        send: impl AsyncFnOnce(HashMap<String, String>) -> Result<T, E>,
    ) -> Result<T, E> {
        let span = tracing::info_span!(
            "kafka.send",
            otel.name = format!("send {topic}"),
            otel.kind = "producer",
            otel.status_code = Empty,
            messaging.system = "kafka",
            messaging.operation.name = "send",
            messaging.operation.type = "send",
            messaging.destination.name = topic,
            messaging.kafka.message.key = key,
            error.type = Empty,
            error.message = Empty,
        );
        let mut headers = HashMap::new();
        inject_trace_context(&span.context(), &mut headers);
        observe(span, &self.sends, labels("send", topic))
            .run(send(headers))
            .await
    }

    /// Processes a message in a consumer span, a child of the producer's.
    pub async fn process<T, E: ErrorType>(
        &self,
        message: Received<'_>,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let span = span_of_caller(
            &SpanKind::Consumer,
            extract_trace_context(message.headers),
            || tracing::info_span!(target: UNSAMPLED_TARGET, "kafka.process", otel.kind = "consumer"),
            || process_span(message),
        );
        let mut labels = labels("process", message.topic);
        labels.push(KeyValue::new("messaging.consumer.group.name", message.group.to_owned()));
        observe(span, &self.processes, labels).run(future).await
    }
}

fn process_span(message: Received<'_>) -> Span {
    tracing::info_span!(
        "kafka.process",
        otel.name = format!("process {}", message.topic),
        otel.kind = "consumer",
        otel.status_code = Empty,
        messaging.system = "kafka",
        messaging.operation.name = "process",
        messaging.operation.type = "process",
        messaging.destination.name = message.topic,
        messaging.destination.partition.id = message.partition.to_string(),
        messaging.consumer.group.name = message.group,
        messaging.kafka.offset = message.offset,
        error.type = Empty,
        error.message = Empty,
    )
}

fn labels(operation: &'static str, topic: &str) -> Vec<KeyValue> {
    vec![
        KeyValue::new("messaging.system", "kafka"),
        KeyValue::new("messaging.operation.name", operation),
        KeyValue::new("messaging.destination.name", topic.to_owned()),
    ]
}

fn observe(
    span: Span,
    histogram: &Histogram<f64>,
    mut labels: Vec<KeyValue>,
) -> Observed<impl FnOnce(f64, Option<&str>) + use<>> {
    let histogram = histogram.clone();
    Observed::start(span, move |seconds, error| {
        labels.extend(error.map(|error| KeyValue::new("error.type", error.to_owned())));
        histogram.record(seconds, &labels);
    })
}
