//! What a producer sends, a consumer continues: one trace, both ends measured.

use std::collections::HashMap;

use opentelemetry::trace::SpanKind;
use skopos_sdk::kafka::{KafkaTracer, Received};

use super::recorded::{Recorded, attribute};

#[tokio::test]
async fn producer_and_consumer_are_one_trace() {
    let recorded = Recorded::start();
    let kafka = KafkaTracer::with_meter(&recorded.meter);
    let mut headers = HashMap::new();
    let send = async |sent| {
        headers = sent;
        Ok::<_, String>(())
    };
    kafka.publish("orders", Some("k"), send).await.expect("sent");
    let message = Received {
        topic: "orders",
        group: "billing",
        partition: 3,
        offset: 41,
        headers: &headers,
    };
    kafka
        .process(message, async { Err::<(), _>("poison") })
        .await
        .expect_err("fails");

    let (sent, processed) = (recorded.span("send orders"), recorded.span("process orders"));
    assert_eq!(
        (sent.span_kind, &processed.span_kind),
        (SpanKind::Producer, &SpanKind::Consumer)
    );
    assert_eq!(processed.span_context.trace_id(), sent.span_context.trace_id());
    assert_eq!(processed.parent_span_id, sent.span_context.span_id());
    let expected = [
        ("messaging.system", "kafka"),
        ("messaging.destination.partition.id", "3"),
        ("messaging.kafka.offset", "41"),
        ("messaging.consumer.group.name", "billing"),
        ("error.message", "poison"),
    ];
    for (key, value) in expected {
        assert_eq!(attribute(&processed, key).as_deref(), Some(value), "{key}");
    }
    let topic = [("messaging_destination_name", "orders")];
    assert_eq!(recorded.count("messaging_client_operation_duration_seconds", &topic), 1);
    assert_eq!(recorded.count("messaging_process_duration_seconds", &topic), 1);
}
