//! A bus with a worker that refuses poison, which leaves dead letters behind.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use prometheus::Registry;
use serde_json::json;
use skopos_bus::{
    BrokerOptions, BusConfig, BusMetrics, Consumer, ConsumerOptions, Delivery, EmbeddedBroker, Event, HandleError,
    Producer, RetryPolicy, dlq_topic, ensure_topics,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub(super) const TOPIC: &str = "orders";

/// A bus with a worker that refuses every event whose data has `poison`, until it is mended.
pub(super) struct Bus {
    broker: EmbeddedBroker,
    producer: Producer,
    is_mended: Arc<AtomicBool>,
    /// The traces in which events were handled.
    handled: Arc<Mutex<Vec<String>>>,
    stop: CancellationToken,
    worker: JoinHandle<()>,
}

/// The worker's spans, which no one stores, are of traces that its events carry on.
fn trace() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        let tracer = SdkTracerProvider::default().tracer("test");
        let spans = tracing_opentelemetry::layer().with_tracer(tracer);
        tracing_subscriber::registry().with(spans).init();
    });
}

impl Bus {
    pub(super) async fn start() -> Self {
        trace();
        let broker = EmbeddedBroker::start(BrokerOptions::new("127.0.0.1:0".parse().expect("an address")))
            .await
            .expect("a broker");
        let config = BusConfig::parse(&format!("kafka://{}", broker.address()), "test").expect("its address");
        ensure_topics(&config, &[TOPIC, &dlq_topic(TOPIC)], 2, Duration::from_secs(30))
            .await
            .expect("topics");
        let metrics = BusMetrics::register(&Registry::new()).expect("once");
        let producer = Producer::new(&config, metrics.clone()).expect("a producer");
        let options = ConsumerOptions {
            retry: RetryPolicy {
                max_retries: 1,
                initial_backoff: Duration::from_millis(5),
                max_backoff: Duration::from_millis(5),
            },
            spill_folder: None,
            ..ConsumerOptions::new("packer", &[TOPIC])
        };
        let consumer = Consumer::subscribe(&config, options, producer.clone(), metrics).expect("a group");
        let (is_mended, handled) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Vec<_>>>::default());
        let stop = CancellationToken::new();
        let worker = tokio::spawn({
            let (is_mended, handled, stop) = (Arc::clone(&is_mended), Arc::clone(&handled), stop.clone());
            async move {
                let handle = move |delivery: Delivery| {
                    let answer = pack(&delivery, is_mended.load(Ordering::SeqCst));
                    if answer.is_ok() {
                        let context = Span::current().context();
                        let trace = context.span().span_context().trace_id().to_string();
                        handled.lock().expect("not poisoned").push(trace);
                    }
                    async move { answer }
                };
                consumer.run(stop, handle).await;
            }
        });
        Self {
            broker,
            producer,
            is_mended,
            handled,
            stop,
            worker,
        }
    }

    pub(super) fn address(&self) -> String {
        format!("kafka://{}", self.broker.address())
    }

    /// Publishes an event that is given up for this reason.
    pub(super) async fn poison(&self, why: &str, number: usize) {
        let event = Event::new("order", json!({ "poison": why, "number": number }));
        self.producer.publish(TOPIC, "shop", event).await.expect("it is up");
    }

    /// From now on the worker takes everything.
    pub(super) fn mend(&self) {
        self.is_mended.store(true, Ordering::SeqCst);
    }

    /// The traces in which events were handled.
    pub(super) fn handled(&self) -> Vec<String> {
        self.handled.lock().expect("not poisoned").clone()
    }

    /// Stops the worker; by then it has handled so many events, each in a trace of its own.
    pub(super) async fn stop_and_count(self, count: usize) {
        let handled = Arc::clone(&self.handled);
        self.stop().await;
        let mut traces = handled.lock().expect("not poisoned").clone();
        assert_eq!(traces.len(), count, "{traces:?}");
        traces.sort_unstable();
        traces.dedup();
        assert_eq!(traces.len(), count, "one was handled twice");
    }

    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.worker.await.expect("no panic in the worker");
    }
}

fn pack(delivery: &Delivery, is_mended: bool) -> Result<(), HandleError> {
    match delivery.event.data["poison"].as_str() {
        Some(why) if !is_mended => Err(HandleError::transient(
            why,
            format!("no box for {}", delivery.event.data),
        )),
        _ => Ok(()),
    }
}
