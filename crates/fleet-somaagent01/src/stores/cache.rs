//! Redis, one command at a time.

use redis::aio::MultiplexedConnection;
use redis::{Client, Cmd, FromRedisValue, RedisError};
use skopos_fleet_frame::FleetError;
use skopos_sdk::redis::TracedRedis;
use tokio::sync::Mutex;

use super::{ANSWER_LIMIT, Health, Kept, StoreMetrics, unreadable};

/// Name in metrics and logs.
const STORE: &str = "redis";

type Connection = TracedRedis<MultiplexedConnection>;

/// A cache that may be away.
#[derive(Debug)]
pub(crate) struct Cache {
    client: Client,
    kept: Mutex<Kept<Connection>>,
    health: Health,
}

impl Cache {
    pub(crate) fn new(url: &str, metrics: StoreMetrics) -> Result<Self, FleetError> {
        Ok(Self {
            client: Client::open(url).map_err(|error| unreadable("Redis", error))?,
            kept: Mutex::new(Kept::Waiting(None)),
            health: Health::new(STORE, metrics),
        })
    }

    /// The answer to a command; none where Redis is away.
    pub(crate) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Option<T> {
        let answer = self.try_ask(command).await;
        if answer.is_none() {
            self.health.went_without();
        }
        answer
    }

    async fn try_ask<T: FromRedisValue>(&self, command: &Cmd) -> Option<T> {
        let mut connection = self.connection().await?;
        let answer = tokio::time::timeout(ANSWER_LIMIT, command.query_async(&mut connection)).await;
        match answer {
            Ok(Ok(answer)) => {
                self.health.answered();
                Some(answer)
            }
            Ok(Err(error)) => self.lose(&error.to_string()).await,
            Err(_) => self.lose("it does not answer in time").await,
        }
    }

    async fn connection(&self) -> Option<Connection> {
        let mut kept = self.kept.lock().await;
        if let Kept::Connected(connection) = &*kept {
            return Some(connection.clone());
        }
        if kept.is_too_early() {
            return None;
        }
        let connected: Result<_, RedisError> =
            match tokio::time::timeout(ANSWER_LIMIT, self.client.get_multiplexed_async_connection()).await {
                Ok(connected) => connected,
                Err(_) => Err(RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut))),
            };
        match connected {
            Ok(connection) => {
                let connection = TracedRedis::new(connection);
                *kept = Kept::Connected(connection.clone());
                Some(connection)
            }
            Err(error) => {
                *kept = Kept::after_failure();
                self.health.failed(&error.to_string());
                None
            }
        }
    }

    async fn lose<T>(&self, reason: &str) -> Option<T> {
        *self.kept.lock().await = Kept::after_failure();
        self.health.failed(reason);
        None
    }
}
