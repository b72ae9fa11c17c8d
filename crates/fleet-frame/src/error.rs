//! Why a service of the fleet could not run.

use std::net::SocketAddr;

/// What ends a service, or keeps it from starting.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The address of the service is taken or not ours.
    #[error("failed to listen on {address}\nis the port taken? choose another one with --listen")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The service's own telemetry could not be set up.
    #[error("failed to set up observability")]
    Observability(#[from] skopos_sdk::SetupError),
    /// The bus is away or refused something.
    #[error("failed to use the bus")]
    Bus(#[source] Box<skopos_bus::BusError>),
    /// Two metrics of one name.
    #[error("failed to register metrics")]
    Metrics(#[from] prometheus::Error),
    /// The runtime or the HTTP server failed.
    #[error("failed to {action}")]
    Io {
        /// What was tried, completing the sentence.
        action: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// An outgoing HTTP client could not be made.
    #[error("failed to make the HTTP client")]
    HttpClient(#[source] reqwest::Error),
    /// A file that ships with the fleet does not read.
    #[error("failed to read the shipped file {file}: {reason}\nthis build is broken: rebuild it from a clean checkout")]
    Asset {
        /// Which file.
        file: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A fault that this service does not have.
    #[error(
        "there is no fault {name} here\nthose of this service are: {}",
        if known.is_empty() { "none".to_owned() } else { known.join(", ") }
    )]
    NoSuchFault {
        /// The name that was asked for.
        name: String,
        /// The names that exist.
        known: Vec<&'static str>,
    },
    /// What the service needs beside it failed: a database, a cache, a model, a program.
    #[error("failed to {action}")]
    Needed {
        /// What was tried, completing the sentence.
        action: String,
        /// What went wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A part of the service ended before it was told to.
    #[error("{part} ended unexpectedly: {reason}")]
    Ended {
        /// Which part.
        part: &'static str,
        /// Why.
        reason: String,
    },
}

impl From<skopos_bus::BusError> for FleetError {
    fn from(error: skopos_bus::BusError) -> Self {
        Self::Bus(Box::new(error))
    }
}
