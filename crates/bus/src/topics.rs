//! Topics made when they are missing; a topic that exists stays as it is.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use skopos_log_macros::{self as log, chain};

use crate::last_failure::LastFailure;
use crate::{BusConfig, BusError};

/// One request to the broker.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// Pause between attempts while the broker comes up.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// Creates the missing ones of `topics` with `partitions` each, waiting up to `patience` for the broker.
pub async fn ensure_topics(
    config: &BusConfig,
    topics: &[&str],
    partitions: i32,
    patience: Duration,
) -> Result<(), BusError> {
    let admin: AdminClient<DefaultClientContext> = config.client().create().map_err(|source| BusError::Client {
        brokers: config.brokers.clone(),
        source,
    })?;
    let new: Vec<NewTopic<'_>> = topics
        .iter()
        .map(|name| NewTopic::new(name, partitions, TopicReplication::Fixed(1)))
        .collect();
    let options = AdminOptions::new()
        .request_timeout(Some(REQUEST_TIMEOUT))
        .operation_timeout(Some(REQUEST_TIMEOUT));
    let deadline = Instant::now() + patience;
    loop {
        match admin.create_topics(&new, &options).await {
            Ok(results) => return check(results),
            Err(source) if Instant::now() >= deadline => {
                return Err(BusError::Unreachable {
                    brokers: config.brokers.clone(),
                    reason: reason(config).await,
                    source,
                });
            }
            Err(error) => log::debug!(error = chain(&error), brokers = config.brokers, "broker not ready"),
        }
        tokio::time::sleep(RETRY_PAUSE).await;
    }
}

/// Why no broker answers.
async fn reason(config: &BusConfig) -> Option<String> {
    let config = config.clone();
    let asked = tokio::task::spawn_blocking(move || LastFailure::ask(&config));
    asked.await.unwrap_or_else(|error| {
        log::warn!(error = chain(&error), "the thread that asks for a reason ended");
        None
    })
}

fn check(results: Vec<Result<String, (String, RDKafkaErrorCode)>>) -> Result<(), BusError> {
    for result in results {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => {
                return Err(BusError::CreateTopic {
                    topic,
                    reason: KafkaError::AdminOp(code).to_string(),
                });
            }
        }
    }
    Ok(())
}
