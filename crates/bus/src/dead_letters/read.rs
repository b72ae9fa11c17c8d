//! Reads dead-letter topics and the records of settlement from the log, without joining a group. Blocks the thread.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};

use super::survey::keep_newest;
use super::{Filter, Letter, LetterId, MAX_READ, READ_LIMIT, SETTLED_TOPIC, Settled};
use crate::last_failure::LastFailure;
use crate::{BusConfig, BusError, DeadLetter, headers};

/// The consumer wants a group; nothing is ever committed in it.
const GROUP: &str = "skopos-dead-letters";
/// One look at the log.
const POLL: Duration = Duration::from_millis(200);

/// How each letter was settled.
pub(super) type Settlements = HashMap<LetterId, Settled>;

/// A connection for reading logs.
pub(super) struct Reader<'a> {
    config: &'a BusConfig,
    consumer: BaseConsumer<LastFailure>,
    deadline: Instant,
}

/// From where to where a partition is read.
#[derive(Debug, Clone)]
pub(super) struct Span {
    topic: String,
    partition: i32,
    from: i64,
    to: i64,
}

impl<'a> Reader<'a> {
    pub(super) fn connect(config: &'a BusConfig) -> Result<Self, BusError> {
        let consumer = config
            .client()
            .set("group.id", GROUP)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("fetch.wait.max.ms", "100")
            .create_with_context(LastFailure::default())
            .map_err(|source| BusError::Client {
                brokers: config.brokers.clone(),
                source,
            })?;
        Ok(Self {
            config,
            consumer,
            deadline: Instant::now() + READ_LIMIT,
        })
    }

    fn unreachable(&self, source: KafkaError) -> BusError {
        BusError::Unreachable {
            brokers: self.config.brokers.clone(),
            reason: LastFailure::of(&self.consumer),
            source,
        }
    }

    /// Topics with their numbers of partitions.
    pub(super) fn topics(&self) -> Result<Vec<(String, i32)>, BusError> {
        let metadata = self
            .consumer
            .fetch_metadata(None, READ_LIMIT)
            .map_err(|source| self.unreachable(source))?;
        let count = |partitions: usize| i32::try_from(partitions).unwrap_or(i32::MAX);
        let mut topics: Vec<(String, i32)> = metadata
            .topics()
            .iter()
            .map(|topic| (topic.name().to_owned(), count(topic.partitions().len())))
            .collect();
        topics.sort();
        Ok(topics)
    }

    /// What is to be read of a topic: the newest records of each partition. Also whether older ones are left out.
    pub(super) fn spans(&self, topic: &str, partitions: i32) -> Result<(Vec<Span>, bool), BusError> {
        let (mut spans, mut is_truncated) = (Vec::new(), false);
        for partition in 0..partitions {
            let (low, high) = self
                .consumer
                .fetch_watermarks(topic, partition, READ_LIMIT)
                .map_err(|source| self.unreachable(source))?;
            is_truncated |= high - low > MAX_READ;
            let from = low.max(high - MAX_READ);
            if from < high {
                spans.push(Span {
                    topic: topic.to_owned(),
                    partition,
                    from,
                    to: high,
                });
            }
        }
        Ok((spans, is_truncated))
    }

    /// Hands each record of the spans to `take`.
    pub(super) fn read(&self, spans: &[Span], mut take: impl FnMut(&BorrowedMessage<'_>)) -> Result<(), BusError> {
        if spans.is_empty() {
            return Ok(());
        }
        let mut list = TopicPartitionList::new();
        for span in spans {
            list.add_partition_offset(&span.topic, span.partition, Offset::Offset(span.from))
                .map_err(|source| self.unreachable(source))?;
        }
        self.consumer.assign(&list).map_err(|source| self.unreachable(source))?;
        let mut left: HashMap<(String, i32), i64> = spans
            .iter()
            .map(|span| ((span.topic.clone(), span.partition), span.to))
            .collect();
        while !left.is_empty() {
            if Instant::now() >= self.deadline {
                return Err(BusError::DeadLetters(format!(
                    "the broker at {} did not hand out {} partitions within {} s",
                    self.config.brokers,
                    left.len(),
                    READ_LIMIT.as_secs()
                )));
            }
            let message = match self.consumer.poll(POLL) {
                None => {
                    self.drop_read(&mut left);
                    continue;
                }
                Some(Ok(message)) => message,
                Some(Err(source)) => return Err(self.unreachable(source)),
            };
            let key = (message.topic().to_owned(), message.partition());
            if left.get(&key).is_some_and(|to| message.offset() < *to) {
                take(&message);
            }
            if left.get(&key).is_some_and(|to| message.offset() + 1 >= *to) {
                left.remove(&key);
            }
        }
        Ok(())
    }

    /// A log may end in records that are not handed out (of transactions, or trimmed meanwhile): the position passes them.
    fn drop_read(&self, left: &mut HashMap<(String, i32), i64>) {
        let Ok(positions) = self.consumer.position() else {
            return;
        };
        for element in positions.elements() {
            let key = (element.topic().to_owned(), element.partition());
            let position = element.offset().to_raw().unwrap_or_default();
            if left.get(&key).is_some_and(|to| position >= *to) {
                left.remove(&key);
            }
        }
    }

    pub(super) fn settlements(&self, topics: &[(String, i32)]) -> Result<Settlements, BusError> {
        let mut settlements = Settlements::new();
        for (topic, partitions) in topics.iter().filter(|(topic, _)| topic == SETTLED_TOPIC) {
            let (spans, _) = self.spans(topic, *partitions)?;
            self.read(&spans, |message| {
                // A record of another writer says nothing to us.
                if let Ok(settled) = serde_json::from_slice::<Settled>(message.payload().unwrap_or_default()) {
                    settlements.insert(settled.id.clone(), settled);
                }
            })?;
        }
        Ok(settlements)
    }
}

/// Letters that match, newest first.
pub(super) fn read_letters(config: &BusConfig, filter: &Filter) -> Result<Vec<Letter>, BusError> {
    let reader = Reader::connect(config)?;
    let topics = reader.topics()?;
    let settlements = reader.settlements(&topics)?;
    let mut spans = Vec::new();
    for (topic, partitions) in topics.iter().filter(|(topic, _)| filter.wants_topic(topic)) {
        spans.extend(reader.spans(topic, *partitions)?.0);
    }
    if !filter.ids.is_empty() {
        spans = single_records(&spans, &filter.ids);
    }
    let mut letters = Vec::new();
    reader.read(&spans, |message| {
        letters.extend(letter(message, &settlements).filter(|letter| filter.matches(letter)));
    })?;
    keep_newest(&mut letters, filter.limit);
    Ok(letters)
}

/// The stretch of each partition that holds the wanted records, so that one letter does not cost a whole log.
fn single_records(spans: &[Span], ids: &[LetterId]) -> Vec<Span> {
    let narrowed = spans.iter().filter_map(|span| {
        let offsets = ids
            .iter()
            .filter(|id| id.topic == span.topic && id.partition == span.partition)
            .map(|id| id.offset)
            .filter(|offset| (span.from..span.to).contains(offset));
        let (first, last) = offsets.fold(None, |range: Option<(i64, i64)>, offset| {
            let (first, last) = range.unwrap_or((offset, offset));
            Some((first.min(offset), last.max(offset)))
        })?;
        Some(Span {
            from: first,
            to: last + 1,
            ..span.clone()
        })
    });
    narrowed.collect()
}

/// The letter in a record; none where the record is no letter.
pub(super) fn letter(message: &BorrowedMessage<'_>, settlements: &Settlements) -> Option<Letter> {
    let letter: DeadLetter = serde_json::from_slice(message.payload()?).ok()?;
    let id = LetterId {
        topic: message.topic().to_owned(),
        partition: message.partition(),
        offset: message.offset(),
    };
    Some(Letter {
        key: String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned(),
        headers: headers::all(message.headers()),
        settled: settlements.get(&id).cloned(),
        letter,
        id,
    })
}
