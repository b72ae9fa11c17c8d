//! Dead letters after they were handed over: listed, inspected, replayed to their topics, discarded.
//!
//! Works against any Kafka broker with what each of them can do: read a log and append to it. A letter stays on `T.dlq`;
//! that it was dealt with is a record on the topic [`SETTLED_TOPIC`], which is also the history of who did what. What
//! has no such record is waiting.
//!
//! ```text
//! T.dlq ──────────────┐
//! dead-letters.settled┴▶ list, show ─▶ Filter ─┬▶ replay  ─▶ T, with the letter's trace and one more on its count
//!                                              └▶ discard      └──────▶ dead-letters.settled ◀──────┘
//! ```
//!
//! Every call reads what it needs and keeps nothing. Bounds: [`MAX_READ`] newest records of a partition are looked at,
//! and a broker that is away is given [`READ_LIMIT`].

use std::time::Duration;

pub use self::depth::watch_depth;
pub use self::filter::Filter;
pub use self::letter::{Letter, LetterId, ParseIdError, Queue};
use self::read::read_letters;
pub use self::settle::{Action, SETTLED_TOPIC, Settled};
use self::survey::read_survey;
pub use self::survey::{Reason, Survey};
pub use self::work::{Order, Outcome, Pace, Progress};
use crate::{BusConfig, BusError, BusMetrics, Producer};

mod depth;
mod filter;
mod letter;
mod read;
mod settle;
mod survey;
mod work;

/// Newest records of a partition that are looked at.
pub const MAX_READ: i64 = 10_000;
/// How long a broker may take to hand out what it has.
pub const READ_LIMIT: Duration = Duration::from_secs(10);
/// How long each broker may take to take a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// The dead letters of a bus. Cheap to make; clones share one producer.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    config: BusConfig,
    producer: Producer,
}

impl DeadLetters {
    /// A view of the dead letters of the bus at `config`. Connects with the first call.
    pub fn new(config: &BusConfig, metrics: BusMetrics) -> Result<Self, BusError> {
        Ok(Self {
            config: config.clone(),
            producer: Producer::new(config, metrics)?,
        })
    }

    /// The dead-letter topics, by name, with how many letters wait on each and how many were dealt with.
    pub async fn queues(&self) -> Result<Vec<Queue>, BusError> {
        let counts_only = Filter {
            limit: 0,
            ..Filter::default()
        };
        Ok(self.survey(&counts_only).await?.queues)
    }

    /// What lies on the dead-letter topics, with the newest letters that match.
    pub async fn survey(&self, filter: &Filter) -> Result<Survey, BusError> {
        self.config.reach(CONNECT_LIMIT).await?;
        let (config, filter) = (self.config.clone(), filter.clone());
        blocking(move || read_survey(&config, &filter)).await
    }

    /// Letters that match, newest first, at most `filter.limit`.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<Letter>, BusError> {
        self.config.reach(CONNECT_LIMIT).await?;
        let (config, filter) = (self.config.clone(), filter.clone());
        blocking(move || read_letters(&config, &filter)).await
    }

    /// One letter, dealt with or not; none where its topic has no such record (any more).
    pub async fn show(&self, id: &LetterId) -> Result<Option<Letter>, BusError> {
        let filter = Filter {
            ids: vec![id.clone()],
            is_settled: None,
            ..Filter::default()
        };
        Ok(self.list(&filter).await?.into_iter().next())
    }
}

/// The Kafka consumer blocks; a thread for blocking work waits for it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BusError> + Send + 'static,
) -> Result<T, BusError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(BusError::DeadLetters(format!("the reading thread ended: {error}"))))
}
