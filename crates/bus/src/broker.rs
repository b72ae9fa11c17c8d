//! A Kafka broker inside the process, for demonstrations and tests: one node, logs in memory, bounded, nothing kept.
//!
//! The protocol is spoken by krafka's `FakeBroker`, which listens on a port of its own choosing. A front listener on
//! the chosen port is what it advertises: it forwards bytes, counts them, and passes HTTP requests (`GET `, which no
//! Kafka frame starts with) to whoever serves `/metrics`. A housekeeper trims the logs once a second.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use krafka::testing::FakeBroker;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use self::stats::Traffic;
pub use self::stats::{BrokerStats, GroupStats, PartitionStats};
use crate::BusError;

mod front;
mod retention;
mod stats;

/// HTTP connections that may wait to be served.
const HTTP_BACKLOG: usize = 16;

/// How the broker listens and how much it keeps.
#[derive(Debug, Clone)]
pub struct BrokerOptions {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Host that clients are told to connect to; the listening address where there is none.
    pub advertise: Option<String>,
    /// Bytes of records that every group has read which a partition keeps, so that they can be looked at.
    pub retain_read_bytes: usize,
    /// Bytes that a partition keeps at most, read or not; older records are dropped and counted.
    pub max_partition_bytes: usize,
}

impl BrokerOptions {
    /// The given address, 256 KiB of read records and at most 8 MiB a partition.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            advertise: None,
            retain_read_bytes: 256 * 1024,
            max_partition_bytes: 8 * 1024 * 1024,
        }
    }
}

/// An HTTP connection that came in on the broker's port.
pub type HttpConnection = (TcpStream, SocketAddr);

/// The running broker; dropped, it is gone with all its records.
#[derive(Debug)]
pub struct EmbeddedBroker {
    address: SocketAddr,
    fake: Arc<FakeBroker>,
    traffic: Arc<Traffic>,
    http: Option<mpsc::Receiver<HttpConnection>>,
    tasks: Vec<JoinHandle<()>>,
}

impl EmbeddedBroker {
    /// Listens and serves.
    pub async fn start(options: BrokerOptions) -> Result<Self, BusError> {
        let listen = |source| BusError::Listen {
            address: options.listen.to_string(),
            source,
        };
        let listener = TcpListener::bind(options.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let fake = FakeBroker::start()
            .await
            .map_err(|error| BusError::Embedded(error.to_string()))?;
        let inner = fake
            .broker_addr(0)
            .ok_or_else(|| BusError::Embedded("it has no address".to_owned()))?;
        fake.with_state(|state| {
            for broker in &mut state.brokers {
                broker.host = options.advertise.clone().unwrap_or_else(|| address.ip().to_string());
                broker.port = i32::from(address.port());
            }
            state.auto_create_topics = false;
        });
        let fake = Arc::new(fake);
        let traffic = Arc::new(Traffic::default());
        let (http_sender, http) = mpsc::channel(HTTP_BACKLOG);
        let tasks = vec![
            tokio::spawn(front::accept(listener, inner, Arc::clone(&traffic), http_sender)),
            tokio::spawn(retention::keep_bounded(
                Arc::clone(&fake),
                options,
                Arc::clone(&traffic),
            )),
        ];
        Ok(Self {
            address,
            fake,
            traffic,
            http: Some(http),
            tasks,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// HTTP connections on the broker's port. Taken once; until then such connections wait, then are closed.
    pub fn take_http(&mut self) -> Option<mpsc::Receiver<HttpConnection>> {
        self.http.take()
    }

    /// What the broker holds now.
    #[must_use]
    pub fn stats(&self) -> BrokerStats {
        self.fake.with_state(|state| BrokerStats::read(state, &self.traffic))
    }

    /// A handle that reads the figures while the broker runs.
    pub fn stats_source(&self) -> impl Fn() -> BrokerStats + Send + Sync + use<> {
        let (fake, traffic) = (Arc::clone(&self.fake), Arc::clone(&self.traffic));
        move || fake.with_state(|state| BrokerStats::read(state, &traffic))
    }

    /// Drops every client connection and refuses new ones until [`EmbeddedBroker::resume`]: an outage for tests.
    pub fn interrupt(&self) {
        self.traffic.refuse.store(true, Ordering::Relaxed);
        self.fake.crash(0);
    }

    /// Ends the outage; the records are still there.
    pub fn resume(&self) {
        self.fake.restart(0);
        self.traffic.refuse.store(false, Ordering::Relaxed);
    }
}

impl Drop for EmbeddedBroker {
    fn drop(&mut self) {
        // These tasks own sockets only: nothing to drain.
        for task in &self.tasks {
            task.abort();
        }
    }
}
