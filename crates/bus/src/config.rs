//! Where the brokers are and under which name we speak to them.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use tokio::net::TcpStream;
use tracing::subscriber::{NoSubscriber, with_default};

use crate::{BusError, Security};

/// Address of the bus and identity of the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusConfig {
    /// Bootstrap brokers as `host:port`, joined by commas.
    pub brokers: String,
    /// Name of this client in the broker's eyes.
    pub client_id: String,
    /// How long one event may take to be acknowledged.
    pub delivery_timeout: Duration,
    /// TLS and password.
    pub security: Security,
}

impl BusConfig {
    /// Reads `kafka://host:port[,host:port]`, with the TLS and the password that the environment asks for.
    pub fn from_env(address: &str, client_id: &str) -> Result<Self, BusError> {
        Ok(Self {
            security: Security::from_env()?,
            ..Self::parse(address, client_id)?
        })
    }

    /// Reads `kafka://host:port[,host:port]`, without TLS and password.
    pub fn parse(address: &str, client_id: &str) -> Result<Self, BusError> {
        let refuse = || BusError::Address {
            address: address.to_owned(),
        };
        let brokers = address
            .strip_prefix("kafka://")
            .ok_or_else(refuse)?
            .trim_end_matches('/');
        let valid = |broker: &str| {
            broker
                .rsplit_once(':')
                .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        if !brokers.split(',').all(valid) {
            return Err(refuse());
        }
        Ok(Self {
            brokers: brokers.to_owned(),
            client_id: client_id.to_owned(),
            delivery_timeout: Duration::from_secs(10),
            security: Security::default(),
        })
    }

    /// Whether one of the brokers takes connections: an answer within `limit`, where librdkafka would go on trying.
    pub(crate) async fn reach(&self, limit: Duration) -> Result<(), BusError> {
        let mut last = None;
        for broker in self.brokers.split(',') {
            match tokio::time::timeout(limit, TcpStream::connect(broker)).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) => last = Some(error),
                Err(_) => last = Some(std::io::ErrorKind::TimedOut.into()),
            }
        }
        Err(BusError::Away {
            brokers: self.brokers.clone(),
            source: last.unwrap_or_else(|| std::io::ErrorKind::NotFound.into()),
        })
    }

    /// Settings that producer, consumer and admin client share.
    pub(crate) fn client(&self) -> ClientConfig {
        // rdkafka asks the logger for its level. Asked so, without an event to follow, a subscriber with filters of its
        // layers keeps the answer for the thread and drops the next span there: nobody listens while it asks.
        let mut config = with_default(NoSubscriber::default(), ClientConfig::new);
        config
            .set_log_level(RDKafkaLogLevel::Info)
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", &self.client_id)
            .set("socket.keepalive.enable", "true")
            .set("reconnect.backoff.ms", "100")
            .set("reconnect.backoff.max.ms", "2000")
            // librdkafka's own metrics subscription: nothing here answers it.
            .set("enable.metrics.push", "false");
        self.security.apply(&mut config);
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_there_is_told_at_once() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        // The second of two will do.
        let config = BusConfig::parse(&format!("kafka://127.0.0.1:1,{address}"), "svc").expect("valid");
        assert!(config.reach(Duration::from_secs(30)).await.is_ok());
        drop(listener);
        let error = config.reach(Duration::from_secs(30)).await.expect_err("nobody listens");
        assert!(error.to_string().contains(&config.brokers), "{error}");
    }

    #[test]
    fn addresses() {
        let parsed = BusConfig::parse("kafka://a:9092,b:9093/", "svc").expect("valid");
        assert_eq!(parsed.brokers, "a:9092,b:9093");
        for bad in [
            "a:9092",
            "kafka://",
            "kafka://a",
            "kafka://a:x",
            "kafka://:9092",
            "kafka://a:1,,b:2",
        ] {
            assert!(BusConfig::parse(bad, "svc").is_err(), "{bad}");
        }
    }
}
