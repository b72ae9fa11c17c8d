//! Why a connection to a broker failed. librdkafka's errors only say that there is none; the reason (a refused password,
//! an unknown authority, TLS against a port without) it only logs.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::client::DefaultClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use skopos_log_macros::{self as log, chain};

use crate::BusConfig;

/// librdkafka's word for a line about a connection that failed.
const FACILITY: &str = "FAIL";
/// How long a broker is asked for a reason.
const ASK_LIMIT: Duration = Duration::from_secs(2);
/// Lines and errors wait in the client's queue; each look at it ends with an error, or when it is empty for so long.
const LOOK: Duration = Duration::from_millis(50);
const MAX_LOOKS: usize = 64;

/// The context of a consumer that keeps the last such line.
#[derive(Debug, Default)]
pub(crate) struct LastFailure(Mutex<Option<String>>);

impl LastFailure {
    /// What the client said last of a connection that failed, without the name of its thread in front of it. Only for a
    /// client whose messages nobody waits for any more: they are dropped.
    pub(crate) fn of(consumer: &BaseConsumer<Self>) -> Option<String> {
        for _ in 0..MAX_LOOKS {
            if consumer.poll(LOOK).is_none() {
                break;
            }
        }
        let last = consumer.context().0.lock();
        last.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks the brokers, for a client that tells nothing: the admin client never reads its queue. Blocks the thread.
    pub(crate) fn ask(config: &BusConfig) -> Option<String> {
        let created: Result<BaseConsumer<Self>, _> = config.client().create_with_context(Self::default());
        match created {
            Ok(consumer) => match consumer.fetch_metadata(None, ASK_LIMIT) {
                Ok(_) => None,
                Err(_) => Self::of(&consumer),
            },
            Err(error) => {
                log::debug!(error = chain(&error), "no client to ask for a reason");
                None
            }
        }
    }
}

impl ClientContext for LastFailure {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        if facility == FACILITY {
            let text = line.split_once("]: ").map_or(line, |(_, text)| text);
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.to_owned());
        }
        DefaultClientContext.log(level, facility, line);
    }
}

impl ConsumerContext for LastFailure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_are_kept() {
        let heard = LastFailure::default();
        heard.log(
            RDKafkaLogLevel::Error,
            "FAIL",
            "[thrd:a:9092/1]: a:9092/1: Connect failed",
        );
        heard.log(RDKafkaLogLevel::Error, "ERROR", "[thrd:a:9092/1]: 1/1 brokers are down");
        let kept = heard.0.into_inner().expect("not poisoned");
        assert_eq!(kept.as_deref(), Some("a:9092/1: Connect failed"));
    }
}
