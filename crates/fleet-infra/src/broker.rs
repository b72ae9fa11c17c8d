//! The embedded Kafka broker as a process, with `/metrics` over HTTP on the same port.

use std::io;
use std::net::SocketAddr;

use axum::serve::Listener;
use clap::Args;
use skopos_bus::{BrokerOptions, EmbeddedBroker, HttpConnection};
use skopos_fleet_frame::FleetError;
use skopos_fleet_frame::process::{self, Context, ProcessArgs};
use skopos_log_macros as log;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use self::metrics::BrokerCollector;
use super::{BROKER, SYSTEM};

mod metrics;

/// Settings of the broker.
#[derive(Debug, Args)]
pub(crate) struct BrokerArgs {
    /// Where Kafka clients and scrapes connect.
    #[arg(long, default_value = "127.0.0.1:9092", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Host that clients are told to connect to, where they reach it by another one than --listen names.
    #[arg(long, value_name = "HOST")]
    advertise: Option<String>,
    /// KiB of records that every group has read which a partition keeps.
    #[arg(long, default_value_t = 256, value_name = "KIB")]
    retain_read_kib: usize,
    /// KiB that a partition keeps at most; older records are dropped and counted.
    #[arg(long, default_value_t = 8192, value_name = "KIB")]
    max_partition_kib: usize,
    #[command(flatten)]
    process: ProcessArgs,
}

pub(super) fn run(arguments: BrokerArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    process::run(BROKER, &process, SYSTEM.faults, |context| serve(arguments, context))
}

async fn serve(arguments: BrokerArgs, context: Context) -> Result<(), FleetError> {
    let mut broker = EmbeddedBroker::start(BrokerOptions {
        listen: arguments.listen,
        advertise: arguments.advertise,
        retain_read_bytes: arguments.retain_read_kib * 1024,
        max_partition_bytes: arguments.max_partition_kib * 1024,
    })
    .await?;
    let address = broker.address();
    context
        .observability
        .registry()
        .register(Box::new(BrokerCollector::new(broker.stats_source())?))?;
    log::info!(address = %address, "bus is up");
    let connections = broker.take_http().ok_or_else(|| FleetError::Ended {
        part: "the broker's HTTP door",
        reason: "it was taken already".to_owned(),
    })?;
    axum::serve(HttpOnBus { address, connections }, context.own_routes())
        .with_graceful_shutdown(context.stop.clone().cancelled_owned())
        .await
        .map_err(|source| FleetError::Io {
            action: "serve HTTP on the bus port",
            source,
        })
}

/// The HTTP connections that came in on the Kafka port, as a listener.
struct HttpOnBus {
    address: SocketAddr,
    connections: mpsc::Receiver<HttpConnection>,
}

impl Listener for HttpOnBus {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> HttpConnection {
        match self.connections.recv().await {
            Some(connection) => connection,
            // The broker is gone: nothing will come any more.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}
