//! A running server: binds, wires its parts, answers, and stops in order.

mod alerting;
mod config;
mod maintenance;
mod otlp;
mod proving;
mod remote_read;
mod remote_write;
mod rules;
mod signals;
pub(crate) mod sources;
mod stores;
mod targets;
mod wiring;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use skopos_core::TenantId;
use skopos_server::views::Stores as _;
use skopos_server::{FleetView, ListenOptions, Listeners, Readiness, WebGuard};
use skopos_storage::DataDirLock;
use tokio_util::sync::CancellationToken;

use crate::banner::{self, Addresses};
use crate::cli::serve::ServeArgs;
use crate::collect::LogDoor;
use crate::telemetry::{SELF_NAME, Telemetry};

use alerting::Feed;
use sources::Sources;
use wiring::Wiring;

/// A server that answers. [`Node::stop`] ends it in order; dropped without it, the stores are left
/// as after a kill.
pub(crate) struct Node {
    addresses: Addresses,
    wiring: Wiring,
    telemetry: Arc<Telemetry>,
    asked_to_stop: CancellationToken,
    shutdown: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
    alerting: tokio::task::JoinHandle<()>,
    dead_letters: Option<tokio::task::JoinHandle<()>>,
    threads: [std::thread::JoinHandle<()>; 2],
    _lock: DataDirLock,
}

impl Node {
    /// Opens everything and starts to answer; prints the banner. `fleet` is shown where this server runs one.
    pub(crate) async fn start(
        args: &ServeArgs,
        telemetry: Telemetry,
        fleet: Option<Arc<dyn FleetView>>,
    ) -> anyhow::Result<Self> {
        let started = Instant::now();
        let web = args.web_config_file.as_deref().map(WebGuard::open).transpose()?;
        let web = web.map(Arc::new);
        refuse_open_doors(args, web.as_deref())?;
        crate::cli::remote::refuse_in_agent_mode(args)?;
        let loaded = Sources::of(args).load()?;
        let listeners = Listeners::bind(&listen_options(args)).await?;
        let addresses = Addresses {
            http: listeners.http_address().context("failed to read the bound address")?,
            otlp_http: listeners.otlp_http_address(),
            otlp_grpc: listeners.otlp_grpc_address(),
            statsd: listeners.statsd_address(),
            classic: listeners.classic_addresses(),
            scheme: if web.as_ref().is_some_and(|web| web.has_tls()) {
                "https"
            } else {
                "http"
            },
        };
        let lock = DataDirLock::acquire(&args.storage_path)?;
        let telemetry = Arc::new(telemetry);
        let wiring = Wiring::new(args, loaded, &addresses, &telemetry).await?;
        let readiness = Arc::new(Readiness::default());
        let server = wiring.server(args, &addresses, Arc::clone(&readiness), fleet, web)?;
        let asked_to_stop = CancellationToken::new();
        let shutdown = CancellationToken::new();
        signals::watch(asked_to_stop.clone(), Arc::clone(&wiring.configuration) as _)?;
        wiring
            .driver
            .listen(Arc::new(Feed::start(Arc::clone(&wiring.alerting), shutdown.clone())));
        let alerting = tokio::spawn(Arc::clone(&wiring.alerting).drive(shutdown.clone()));
        // Ends before the bus of a demo does: nobody waits then for a broker that is gone.
        let dead_letters = wiring.dead_letters.clone();
        let dead_letters = dead_letters.map(|desk| tokio::spawn(desk.keep(asked_to_stop.clone())));
        let threads = [
            wiring.driver.clone().start(shutdown.clone())?,
            maintenance::start(Arc::clone(&wiring.stores), args.maintenance_interval, shutdown.clone())?,
        ];
        wiring.configuration.follow_cluster(shutdown.clone());
        readiness.set(true);
        banner::print_serving(&addresses, &args.storage_path, started.elapsed());
        let serving = tokio::spawn(server.serve(listeners, shutdown.clone()));
        Ok(Self {
            addresses,
            wiring,
            telemetry,
            asked_to_stop,
            shutdown,
            serving,
            alerting,
            dead_letters,
            threads,
            _lock: lock,
        })
    }

    /// Where it listens.
    pub(crate) fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Where log lines that are collected here go, and who counts them.
    pub(crate) fn log_door(&self) -> LogDoor {
        LogDoor {
            sink: self.wiring.stores.tenant(&TenantId::default()).log_sink,
            ledger: Arc::clone(&self.wiring.ledger),
        }
    }

    /// Returns when a signal asks for the end.
    pub(crate) async fn asked_to_stop(&self) {
        self.asked_to_stop.cancelled().await;
    }

    /// Answers what is in flight, then flushes and closes everything.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        self.serving.await.context("the server ended by a panic")?;
        self.wiring.scraper.shutdown().await;
        self.alerting.await.context("alerting ended by a panic")?;
        if let Some(dead_letters) = self.dead_letters {
            dead_letters.await.context("counting dead letters ended by a panic")?;
        }
        self.telemetry.shutdown();
        for thread in self.threads {
            join(thread);
        }
        self.wiring.alerting.close().await;
        self.wiring.remote_writes.stop().await;
        self.wiring.stores.close()
    }
}

/// Where nothing checks who asks, a listener beyond loopback needs a word of consent. StatsD is never guarded.
fn refuse_open_doors(args: &ServeArgs, web: Option<&WebGuard>) -> anyhow::Result<()> {
    let guarded = [
        Some(args.web_listen_address),
        args.otlp_grpc_listen_address.0,
        args.otlp_http_listen_address.0,
    ];
    let classic = args.compat.addresses(args.web_listen_address);
    let guarded = guarded.into_iter().flatten();
    let guarded = guarded.chain(classic.iter().map(|open| open.address));
    let guarded: Vec<SocketAddr> = if web.is_some_and(WebGuard::knows_clients) {
        Vec::new()
    } else {
        guarded.collect()
    };
    match guarded
        .into_iter()
        .chain(args.statsd_listen_address.0)
        .find(|address| !address.ip().is_loopback())
    {
        Some(address) if !args.insecure => bail!(
            "{address} can be reached from other machines, and nothing checks who asks.\n\
             Listen on 127.0.0.1, ask for passwords by --web.config.file, or say --insecure if the network itself is guarded."
        ),
        _ => Ok(()),
    }
}

fn listen_options(args: &ServeArgs) -> ListenOptions {
    let text = |address: SocketAddr| address.to_string();
    ListenOptions {
        http: text(args.web_listen_address),
        otlp_http: args.otlp_http_listen_address.0.map(text),
        otlp_grpc: args.otlp_grpc_listen_address.0.map(text),
        statsd: args.statsd_listen_address.0.map(text),
        classic: args
            .compat
            .addresses(args.web_listen_address)
            .into_iter()
            .map(Into::into)
            .collect(),
    }
}

fn join(thread: std::thread::JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a background thread of {SELF_NAME} had panicked");
    }
}

/// Waits, but no longer than until the end is asked for. Returns whether to go on.
fn pause(shutdown: &CancellationToken, wait: Duration) -> bool {
    const SLICE: Duration = Duration::from_millis(100);
    let deadline = Instant::now() + wait;
    while !shutdown.is_cancelled() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        std::thread::sleep(left.min(SLICE));
    }
    false
}
