//! A broker, a worker that refuses what it is told to, and a look at both.

use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use opentelemetry::trace::TraceContextExt;
use prometheus::Registry;
use serde_json::{Value, json};
use skopos_bus::{
    BrokerOptions, BusConfig, BusMetrics, Consumer, ConsumerOptions, DeadLetter, DeadLetters, Delivery, EmbeddedBroker,
    Event, HandleError, Producer, RetryPolicy, dlq_topic, ensure_topics,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing_opentelemetry::OpenTelemetrySpanExt;

pub(crate) const TOPIC: &str = "orders";
pub(crate) const GROUP: &str = "packer";
/// Longest time that anything here may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a worker tries to hand a letter over before it takes the bus for away, where that is what is tried.
const OUTAGE_TIMEOUT: Duration = Duration::from_millis(800);

/// An event that the worker was given, with the trace it came in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) event: Event,
    pub(crate) trace_id: String,
}

/// What the worker answers to every event; none is a success.
type Refusal = Arc<Mutex<Option<HandleError>>>;

pub(crate) struct Site {
    pub(crate) broker: EmbeddedBroker,
    /// What the consumer told of each letter: topic and error type.
    pub(crate) told: Arc<Mutex<Vec<(String, String)>>>,
    pub(crate) producer: Producer,
    pub(crate) letters: DeadLetters,
    pub(crate) registry: Registry,
    refuses: Refusal,
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: CancellationToken,
    worker: JoinHandle<()>,
}

/// Log lines of the process.
static LINES: Mutex<Vec<Value>> = Mutex::new(Vec::new());

/// Traces and lines need a subscriber, which a process has once.
fn observe() {
    static ONCE: OnceLock<skopos_sdk::Observability> = OnceLock::new();
    ONCE.get_or_init(|| {
        let settings = skopos_sdk::Settings::from_env("bus-test", "0").expect("what is set can be meant");
        let keep = |line: &[u8]| {
            let line = serde_json::from_slice(line).expect("a line is JSON");
            LINES.lock().expect("not poisoned").push(line);
        };
        let builder = skopos_sdk::ObservabilityBuilder::new(settings).log_sink(Arc::new(keep));
        builder.install().expect("first of the process")
    });
}

/// The log lines that name the event.
pub(crate) fn lines_of(event_id: &str) -> Vec<Value> {
    let lines = LINES.lock().expect("not poisoned");
    lines
        .iter()
        .filter(|line| line["event_id"] == event_id)
        .cloned()
        .collect()
}

impl Site {
    /// With a bus that stays: whatever takes long is waited for.
    pub(crate) async fn start() -> Self {
        Self::start_with(None, Duration::from_millis(10), PATIENCE).await
    }

    /// With a worker that soon finds the bus away. Its two retries are patient, so that there is time to take the bus
    /// away between receipt and hand-over. Letters that the bus does not take go to the folder, where there is one.
    pub(crate) async fn start_for_outage(spill_folder: Option<PathBuf>) -> Self {
        Self::start_with(spill_folder, Duration::from_secs(2), OUTAGE_TIMEOUT).await
    }

    async fn start_with(spill_folder: Option<PathBuf>, backoff: Duration, handover_timeout: Duration) -> Self {
        observe();
        let address = "127.0.0.1:0".parse().expect("an address");
        let broker = EmbeddedBroker::start(BrokerOptions::new(address))
            .await
            .expect("a broker");
        let mut config = BusConfig::parse(&format!("kafka://{}", broker.address()), "test").expect("its address");
        config.delivery_timeout = PATIENCE;
        ensure_topics(&config, &[TOPIC, &dlq_topic(TOPIC)], 2, PATIENCE)
            .await
            .expect("topics");
        let registry = Registry::new();
        let metrics = BusMetrics::register(&registry).expect("once");
        let producer = Producer::new(&config, metrics.clone()).expect("a producer");
        let letters = DeadLetters::new(&config, metrics.clone()).expect("a view");
        let options = ConsumerOptions {
            retry: RetryPolicy {
                max_retries: 2,
                initial_backoff: backoff,
                max_backoff: backoff,
            },
            spill_folder,
            ..ConsumerOptions::new(GROUP, &[TOPIC])
        };
        config.delivery_timeout = handover_timeout;
        let of_worker = Producer::new(&config, metrics.clone()).expect("a producer");
        let consumer = Consumer::subscribe(&config, options, of_worker, metrics).expect("a group");
        let told = Arc::new(Mutex::new(Vec::new()));
        let consumer = consumer.on_dead_letter({
            let told = Arc::clone(&told);
            move |letter: &DeadLetter| {
                let one = (letter.source_topic.clone(), letter.error_type.clone());
                told.lock().expect("not poisoned").push(one);
            }
        });
        let (refuses, seen) = (Refusal::default(), Arc::new(Mutex::new(Vec::new())));
        let stop = CancellationToken::new();
        let worker = tokio::spawn({
            let (refuses, seen, stop) = (Arc::clone(&refuses), Arc::clone(&seen), stop.clone());
            async move {
                consumer
                    .run(stop, move |delivery| {
                        let answer = handle(&delivery, &refuses, &seen);
                        async move { answer }
                    })
                    .await;
            }
        });
        Self {
            broker,
            told,
            producer,
            letters,
            registry,
            refuses,
            seen,
            stop,
            worker,
        }
    }

    pub(crate) fn refuse(&self, error: Option<HandleError>) {
        *self.refuses.lock().expect("not poisoned") = error;
    }

    /// Publishes an order.
    pub(crate) async fn publish(&self, data: Value) -> Event {
        let event = Event::new("order", data);
        self.producer
            .publish(TOPIC, "shop", event.clone())
            .await
            .expect("the broker is up");
        event
    }

    /// Publishes an order that is given up; its letter's place is the answer of the next listing.
    pub(crate) async fn fail(&self, error_type: &str, number: u32) -> Event {
        self.refuse(Some(HandleError::permanent(
            error_type,
            format!("order {number} cannot be packed"),
        )));
        let before = self.waiting().await;
        let event = self.publish(json!({ "number": number })).await;
        eventually(async || (self.waiting().await > before).then_some(())).await;
        event
    }

    pub(crate) async fn waiting(&self) -> u64 {
        let queues = self.letters.queues().await.expect("the broker is up");
        queues.iter().map(|queue| queue.waiting).sum()
    }

    /// Orders that were given to the worker with that id.
    pub(crate) fn seen(&self, id: &str) -> Vec<Seen> {
        let seen = self.seen.lock().expect("not poisoned");
        seen.iter().filter(|one| one.event.id == id).cloned().collect()
    }

    /// The value of a counter with these label values, in any order.
    fn counter(&self, name: &str, labels: &[&str]) -> f64 {
        let families = self.registry.gather();
        let metrics = families
            .iter()
            .filter(|family| family.name() == name)
            .flat_map(prometheus::proto::MetricFamily::get_metric);
        metrics
            .filter(|metric| {
                labels
                    .iter()
                    .all(|value| metric.get_label().iter().any(|label| label.value() == *value))
            })
            .map(|metric| metric.get_counter().get_value())
            .sum()
    }

    /// Waits until the counter has that value: what it counts may be seen before it is counted.
    pub(crate) async fn counted(&self, name: &str, labels: &[&str], value: f64) {
        eventually(async || (self.counter(name, labels) >= value).then_some(())).await;
        assert_eq!(self.counter(name, labels), value, "{name} {labels:?}");
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.worker.await.expect("no panic in the worker");
    }
}

fn handle(
    delivery: &Delivery,
    refuses: &Mutex<Option<HandleError>>,
    seen: &Mutex<Vec<Seen>>,
) -> Result<(), HandleError> {
    let context = tracing::Span::current().context();
    seen.lock().expect("not poisoned").push(Seen {
        event: delivery.event.clone(),
        trace_id: context.span().span_context().trace_id().to_string(),
    });
    refuses.lock().expect("not poisoned").clone().map_or(Ok(()), Err)
}

/// The first answer of `ask`; fails the test when none comes.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(mut ask: impl FnMut() -> F) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "it did not come");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
