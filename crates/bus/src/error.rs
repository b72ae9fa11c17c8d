//! What can go wrong between a service and its broker, and how a handler says that it failed.

use rdkafka::error::KafkaError;

/// A failure of the bus itself.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The address is not one.
    #[error("read bus address {address}\nwrite it as kafka://host:port, several hosts joined by commas")]
    Address {
        /// The text that was given.
        address: String,
    },
    /// A setting of TLS or of the password does not fit.
    #[error("read {variable}: {problem}\n{remedy}")]
    Security {
        /// The variable of the environment.
        variable: &'static str,
        /// What is wrong with it.
        problem: String,
        /// What to set instead.
        remedy: String,
    },
    /// The client refused its configuration.
    #[error("create the Kafka client for {brokers}")]
    Client {
        /// The brokers it was made for.
        brokers: String,
        /// What librdkafka said.
        #[source]
        source: KafkaError,
    },
    /// The broker did not take the event in time, or refused it.
    #[error("deliver event {event} to topic {topic}")]
    Delivery {
        /// Target topic.
        topic: String,
        /// The event's id.
        event: String,
        /// What librdkafka said.
        #[source]
        source: KafkaError,
    },
    /// An event does not become JSON.
    #[error("encode event {event}")]
    Encode {
        /// The event's id.
        event: String,
        /// What the encoder said.
        #[source]
        source: serde_json::Error,
    },
    /// A subscription was refused.
    #[error("subscribe group {group} to {topics}")]
    Subscribe {
        /// Consumer group.
        group: String,
        /// Topics, joined by commas.
        topics: String,
        /// What librdkafka said.
        #[source]
        source: KafkaError,
    },
    /// A topic could not be created.
    #[error("create topic {topic}: {reason}")]
    CreateTopic {
        /// The topic.
        topic: String,
        /// What the broker said.
        reason: String,
    },
    /// The broker cannot be reached, or does not let us in.
    #[error(
        "reach the broker at {brokers}{}\nis it running, and do the address and the variables KAFKA_SECURITY_PROTOCOL, \
         KAFKA_SASL_… and KAFKA_SSL_… fit it?",
        reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default()
    )]
    Unreachable {
        /// The brokers that were tried.
        brokers: String,
        /// Why the last connection failed, where librdkafka said so.
        reason: Option<String>,
        /// What librdkafka said last.
        #[source]
        source: KafkaError,
    },
    /// None of the brokers takes a connection.
    #[error("connect to the broker at {brokers}\nis it running, and is the address right?")]
    Away {
        /// The brokers that were tried.
        brokers: String,
        /// What the system said last.
        #[source]
        source: std::io::Error,
    },
    /// The embedded broker could not listen.
    #[error("listen on {address} for Kafka clients\nis the port taken? choose another one with --listen")]
    Listen {
        /// The address that was asked for.
        address: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The embedded broker did not start.
    #[error("start the embedded broker: {0}")]
    Embedded(String),
    /// Dead letters could not be read.
    #[error("read dead letters: {0}")]
    DeadLetters(String),
    /// The spill file could not be used.
    #[error("{action} the spill file {path}\nis the folder there and ours, and is there room?")]
    Spill {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Two metrics of one name.
    #[error("register bus metrics")]
    Metrics(#[from] prometheus::Error),
}

/// Why a handler could not handle an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error_type}: {message}")]
pub struct HandleError {
    /// A short class for metrics and dead letters, such as `decode` or `timeout`.
    pub error_type: String,
    /// What happened.
    pub message: String,
    /// Whether another attempt may succeed.
    pub retry: bool,
}

impl HandleError {
    /// Class of an event whose envelope does not read; no handler sees it.
    pub const UNREADABLE: &str = "decode";

    /// A failure that another attempt may mend.
    pub fn transient(error_type: &str, message: impl Into<String>) -> Self {
        Self {
            error_type: error_type.to_owned(),
            message: message.into(),
            retry: true,
        }
    }

    /// A failure that every attempt would meet again.
    pub fn permanent(error_type: &str, message: impl Into<String>) -> Self {
        Self {
            error_type: error_type.to_owned(),
            message: message.into(),
            retry: false,
        }
    }
}
