//! A member of a consumer group: hands each event to a handler, commits after handling, gives up to the dead letters.
//!
//! Several events are handled at once up to the limit; commits follow the lowest unhandled offset. No failure of a
//! handler, a broker or a dead-letter topic ends the loop.

use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use rdkafka::consumer::{CommitMode, Consumer as _, StreamConsumer};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};
use skopos_log_macros::{self as log, chain};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use self::attempt::{Attempt, Received};
use self::member::Member;
use self::spill::Spill;
use crate::offsets::OffsetTracker;
use crate::{BusConfig, BusError, BusMetrics, DeadLetter, Event, HandleError, Producer, RetryPolicy};

mod attempt;
mod give_up;
mod lag;
mod member;
mod spill;

/// Pause after an error of the broker connection, so that an outage does not spin.
const ERROR_PAUSE: Duration = Duration::from_millis(250);
/// How long leaving the group may take; a broker that is away is not waited for.
const LEAVE_LIMIT: Duration = Duration::from_secs(1);

/// How a group member reads.
#[derive(Debug, Clone)]
pub struct ConsumerOptions {
    /// Consumer group.
    pub group: String,
    /// Topics to subscribe to.
    pub topics: Vec<String>,
    /// Events handled at one time.
    pub concurrency: usize,
    /// Retries before an event is given up.
    pub retry: RetryPolicy,
    /// How often `kafka_consumer_lag` is refreshed.
    pub lag_interval: Duration,
    /// Folder for dead letters that the bus does not take; each group has a file there and hands it over when the bus is
    /// back. Without one such a letter is only logged.
    pub spill_folder: Option<PathBuf>,
}

impl ConsumerOptions {
    /// One event at a time, default retries, lag every 5 s.
    #[must_use]
    pub fn new(group: &str, topics: &[&str]) -> Self {
        Self {
            group: group.to_owned(),
            topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
            concurrency: 1,
            retry: RetryPolicy::default(),
            lag_interval: Duration::from_secs(5),
            spill_folder: None,
        }
    }
}

/// One event as it is handed to the handler.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// The event.
    pub event: Event,
    /// Topic it was read from.
    pub topic: String,
    /// Partition and offset.
    pub position: (i32, i64),
    /// Which retry this is; 0 for the first attempt.
    pub retry: u32,
}

/// Told of each event that is given up.
type DeadLetterHook = Box<dyn Fn(&DeadLetter) + Send + Sync>;

/// A group member; see [`Consumer::run`].
pub struct Consumer {
    inner: Arc<Member>,
    options: ConsumerOptions,
    producer: Producer,
    metrics: BusMetrics,
    offsets: Arc<Mutex<OffsetTracker>>,
    on_dead_letter: DeadLetterHook,
    spill: Option<Arc<Spill>>,
}

impl std::fmt::Debug for Consumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consumer")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Consumer {
    /// Subscribes; joins the group with the first read. `producer` takes the dead letters.
    pub fn subscribe(
        config: &BusConfig,
        options: ConsumerOptions,
        producer: Producer,
        metrics: BusMetrics,
    ) -> Result<Self, BusError> {
        let inner: StreamConsumer = config
            .client()
            .set("group.id", &options.group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("session.timeout.ms", "10000")
            .set("fetch.wait.max.ms", "500")
            .set("fetch.error.backoff.ms", "100")
            // Prefetch is bounded: what waits here is not seen by anyone else.
            .set("queued.min.messages", "100")
            .set("queued.max.messages.kbytes", "4096")
            .create()
            .map_err(|source| BusError::Client {
                brokers: config.brokers.clone(),
                source,
            })?;
        let topics: Vec<&str> = options.topics.iter().map(String::as_str).collect();
        inner.subscribe(&topics).map_err(|source| BusError::Subscribe {
            group: options.group.clone(),
            topics: topics.join(","),
            source,
        })?;
        let spill = options.spill_folder.as_ref();
        Ok(Self {
            inner: Arc::new(Member::new(inner)),
            spill: spill.map(|folder| Arc::new(Spill::new(folder, &options.group))),
            options,
            producer,
            metrics,
            offsets: Arc::default(),
            on_dead_letter: Box::new(|_| {}),
        })
    }

    /// Calls `hook` for each event that is given up, also for one that never reached the handler because it does not
    /// read ([`HandleError::UNREADABLE`]), so that a service can count its failures in one place.
    pub fn on_dead_letter(mut self, hook: impl Fn(&DeadLetter) + Send + Sync + 'static) -> Self {
        self.on_dead_letter = Box::new(hook);
        self
    }

    /// Reads until cancelled; then lets what is in flight finish and commits it.
    pub async fn run<H, F>(self, cancel: CancellationToken, handler: H)
    where
        H: Fn(Delivery) -> F,
        F: Future<Output = Result<(), HandleError>>,
    {
        let lag = tokio::spawn(lag::report(
            Arc::clone(&self.inner),
            Arc::clone(&self.offsets),
            self.metrics.clone(),
            self.options.clone(),
            cancel.clone(),
        ));
        let spill = self.spill.clone().map(|spill| {
            let (producer, metrics, cancel) = (self.producer.clone(), self.metrics.clone(), cancel.clone());
            tokio::spawn(async move { spill.drain(producer, metrics, cancel).await })
        });
        let mut in_flight = FuturesUnordered::new();
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                Some(finished) = in_flight.next(), if !in_flight.is_empty() => self.commit(&finished),
                message = self.inner.recv(), if in_flight.len() < self.options.concurrency.max(1) => match message {
                    Ok(message) => in_flight.push(self.handle(&self.receive(&message), &handler)),
                    Err(error) => {
                        log::warn!(error = chain(&error), group = self.options.group, "read from the bus");
                        tokio::time::sleep(ERROR_PAUSE).await;
                    }
                },
            }
        }
        while let Some(finished) = in_flight.next().await {
            self.commit(&finished);
        }
        drop(in_flight);
        for task in std::iter::once(lag).chain(spill) {
            if let Err(error) = task.await {
                log::warn!(error = chain(&error), "a task of the consumer ended early");
            }
        }
        let left = self.inner.left();
        drop(self);
        if tokio::time::timeout(LEAVE_LIMIT, left.cancelled()).await.is_err() {
            log::debug!("the group was left without an answer of the broker");
        }
    }

    fn receive(&self, message: &BorrowedMessage<'_>) -> Received {
        let mut offsets = self.offsets.lock().unwrap_or_else(PoisonError::into_inner);
        offsets.start(message.topic(), message.partition(), message.offset());
        Received::new(message)
    }

    /// Handles one event to its end: done, or given up.
    fn handle<'a, H, F>(&'a self, received: &Received, handler: &'a H) -> impl Future<Output = Received> + use<'a, H, F>
    where
        H: Fn(Delivery) -> F,
        F: Future<Output = Result<(), HandleError>>,
    {
        let received = received.clone();
        let span = received.span(&self.options.group);
        let attempt = Attempt {
            options: &self.options,
            producer: &self.producer,
            metrics: &self.metrics,
            on_dead_letter: &self.on_dead_letter,
            spill: self.spill.as_deref(),
        };
        async move {
            let result = attempt.handle(&received, handler).await;
            if result == "dead_letter" {
                Span::current().record("otel.status_code", "ERROR");
            }
            let labels = [self.options.group.as_str(), received.topic.as_str(), result];
            self.metrics.consumed.with_label_values(&labels).inc();
            received
        }
        .instrument(span)
    }

    fn commit(&self, received: &Received) {
        let mut offsets = self.offsets.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(position) = offsets.finish(&received.topic, received.partition, received.offset) else {
            return;
        };
        drop(offsets);
        let mut list = TopicPartitionList::new();
        let result = list
            .add_partition_offset(&received.topic, received.partition, Offset::Offset(position))
            .and_then(|()| self.inner.commit(&list, CommitMode::Async));
        if let Err(error) = result {
            log::warn!(
                error = chain(&error),
                topic = received.topic,
                offset = position,
                "commit"
            );
        }
    }
}
