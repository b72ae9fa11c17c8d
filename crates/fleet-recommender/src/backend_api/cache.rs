//! The cache of recommendations: in Redis where there is one, else in the process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use skopos_fleet_frame::Fault;
use skopos_sdk::cache::CacheTracer;
use skopos_sdk::redis::TracedRedis;
use tokio_util::sync::CancellationToken;

use super::metrics::BackendMetrics;
use crate::ranking::Ranking;

/// How long a list is served; hot ones are renewed before.
const LIFETIME: Duration = Duration::from_secs(150);
/// How long after its last look-up a list counts as hot.
const HOT: Duration = Duration::from_mins(10);
/// Lists in the process; where Redis is used it has a bound of its own.
const MAX_ENTRIES: usize = 5000;
/// Time that Redis has to answer.
const ANSWER_LIMIT: Duration = Duration::from_millis(500);
/// How often a Redis that is away is tried again, and one that is there is asked how it is.
const LOOK_PAUSE: Duration = Duration::from_secs(5);
/// What the slow look-up of the fault takes, in milliseconds, at least and at most.
const SLOW_MS: std::ops::Range<u64> = 1300..2100;

/// The only kind of cache here, as a label.
const CACHE_TYPE: &str = "recommendations";

/// A connection to Redis.
type Connection = TracedRedis<MultiplexedConnection>;

/// Whose list: tenant and user.
pub(super) type Key = (&'static str, u32);

/// The cache.
pub(super) struct Cache {
    client: Option<redis::Client>,
    connection: Mutex<Option<Connection>>,
    entries: Mutex<HashMap<Key, (Ranking, Instant)>>,
    hot: Mutex<HashMap<Key, Instant>>,
    tracer: CacheTracer,
    metrics: BackendMetrics,
    slow: Fault,
    cold: Fault,
}

impl Cache {
    /// `url` is empty where there is to be no Redis.
    pub(super) fn new(
        url: &str,
        tracer: CacheTracer,
        metrics: BackendMetrics,
        slow: Fault,
        cold: Fault,
    ) -> redis::RedisResult<Self> {
        let client = (!url.is_empty()).then(|| redis::Client::open(url)).transpose()?;
        metrics.store_up("redis", false);
        Ok(Self {
            client,
            connection: Mutex::default(),
            entries: Mutex::default(),
            hot: Mutex::default(),
            tracer,
            metrics,
            slow,
            cold,
        })
    }

    /// Connects to Redis, and again when it was away, until told to stop.
    pub(super) async fn keep_connected(&self, stop: CancellationToken) {
        let Some(client) = &self.client else { return };
        let mut was_up = true;
        while !stop.is_cancelled() {
            let is_up = self.look(client).await;
            self.metrics.store_up("redis", is_up);
            if was_up && !is_up {
                tracing::warn!("redis is away: recommendations are cached in the process");
            } else if is_up && !was_up {
                tracing::info!("redis is back");
            }
            was_up = is_up;
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK_PAUSE) => {}
            }
        }
    }

    async fn look(&self, client: &redis::Client) -> bool {
        if let Some(mut connection) = self.connection() {
            let ping = redis::cmd("PING").exec_async(&mut connection).await;
            if ping.is_ok() {
                return true;
            }
        }
        let config = redis::AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ANSWER_LIMIT))
            .set_response_timeout(Some(ANSWER_LIMIT));
        let connection = client.get_multiplexed_async_connection_with_config(&config).await;
        let connection = connection.ok().map(TracedRedis::new);
        let is_up = connection.is_some();
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = connection;
        is_up
    }

    fn connection(&self) -> Option<Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks a list up on behalf of a user.
    pub(super) async fn get(&self, key: Key) -> Option<Ranking> {
        self.hot
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, Instant::now());
        let found = self.tracer.get(CACHE_TYPE, self.look_up(key)).await;
        found.unwrap_or_else(|error| {
            self.lost(&error);
            None
        })
    }

    async fn look_up(&self, key: Key) -> redis::RedisResult<Option<Ranking>> {
        if self.slow.is_on() {
            // Not a secret and not a sample: any spread will do.
            let spread = uuid::Uuid::new_v4().as_u128() as u64 % (SLOW_MS.end - SLOW_MS.start);
            tokio::time::sleep(Duration::from_millis(SLOW_MS.start + spread)).await;
        }
        if self.cold.is_on() {
            self.evict(key).await?;
        }
        let Some(mut connection) = self.connection() else {
            let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            let young = entries.get(&key).filter(|(_, made)| made.elapsed() < LIFETIME);
            return Ok(young.map(|(ranking, _)| ranking.clone()));
        };
        let text: Option<String> = redis::cmd("GET").arg(name(key)).query_async(&mut connection).await?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Keeps a list.
    pub(super) async fn put(&self, key: Key, ranking: &Ranking) {
        let Some(mut connection) = self.connection() else {
            let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            if entries.len() >= MAX_ENTRIES {
                entries.retain(|_, (_, made)| made.elapsed() < LIFETIME);
                if entries.len() >= MAX_ENTRIES {
                    entries.clear();
                }
            }
            entries.insert(key, (ranking.clone(), Instant::now()));
            return;
        };
        let text = serde_json::to_string(ranking).expect("a ranking has text keys only");
        let set = redis::cmd("SET")
            .arg(name(key))
            .arg(text)
            .arg("EX")
            .arg(LIFETIME.as_secs())
            .exec_async(&mut connection)
            .await;
        if let Err(error) = set {
            self.lost(&error);
        }
    }

    async fn evict(&self, key: Key) -> redis::RedisResult<()> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
        match self.connection() {
            Some(mut connection) => redis::cmd("DEL").arg(name(key)).exec_async(&mut connection).await,
            None => Ok(()),
        }
    }

    /// The process's own cache serves until [`Self::keep_connected`] finds Redis again.
    fn lost(&self, error: &redis::RedisError) {
        tracing::warn!(
            error = error as &(dyn std::error::Error + 'static),
            "redis does not answer"
        );
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The keys that were looked up lately.
    pub(super) fn hot(&self) -> Vec<Key> {
        let mut hot = self.hot.lock().unwrap_or_else(PoisonError::into_inner);
        hot.retain(|_, looked_up| looked_up.elapsed() < HOT);
        hot.keys().copied().collect()
    }

    /// Counts a key as hot before anybody has asked.
    pub(super) fn expect(&self, key: Key) {
        let mut hot = self.hot.lock().unwrap_or_else(PoisonError::into_inner);
        hot.entry(key).or_insert_with(Instant::now);
    }
}

fn name((tenant, user): Key) -> String {
    format!("recommender:{tenant}:{user}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_redis_the_process_remembers_and_a_cold_cache_does_not() {
        let registry = prometheus::Registry::new();
        let metrics = BackendMetrics::register(&registry).expect("a new registry");
        let cold = Fault::default();
        let tracer = CacheTracer::register(&registry).expect("a new registry");
        let cache =
            Cache::new("", tracer.clone(), metrics, Fault::default(), cold.clone()).expect("no address to read");
        let ranking = Ranking {
            algorithm: "als".to_owned(),
            model_version: None,
            items: Vec::new(),
        };
        let key = ("acme-video", 1);
        assert_eq!(cache.get(key).await, None);
        cache.put(key, &ranking).await;
        assert_eq!(cache.get(key).await, Some(ranking));
        assert_eq!(cache.hot(), [key]);
        cold.set(true);
        assert_eq!(cache.get(key).await, None);
        assert_eq!((tracer.hits(CACHE_TYPE), tracer.misses(CACHE_TYPE)), (1, 2));
    }
}
