//! A running server: opens the stores, wires engines, scraper, rules and APIs, and stops in order.

mod config;
mod maintenance;
mod rules;
mod signals;
pub(crate) mod sources;
mod stores;
mod targets;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use skopos_core::ledger::Ledger;
use skopos_core::limits::Limits;
use skopos_core::{SystemClock, TenantId};
use skopos_rules::RuleGroups;
use skopos_scrape::{ScrapeManager, ScrapeOptions};
use skopos_server::views::Stores as _;
use skopos_server::{
    BuildInfo, ListenOptions, Listeners, OtlpPorts, QueryOptions, Readiness, Server, ServerOptions, State,
};
use skopos_storage::DataDirLock;
use tokio_util::sync::CancellationToken;

use crate::banner::{self, Addresses};
use crate::cli::serve::ServeArgs;
use crate::collect::LogDoor;
use crate::telemetry::{SELF_NAME, Telemetry};

use config::Configuration;
use rules::RuleDriver;
use sources::Sources;
use stores::NodeStores;

/// A server that answers. [`Node::stop`] ends it in order; dropped without it, the stores are left
/// as after a kill.
pub(crate) struct Node {
    addresses: Addresses,
    stores: Arc<NodeStores>,
    ledger: Arc<Ledger>,
    scraper: Arc<ScrapeManager>,
    telemetry: Telemetry,
    asked_to_stop: CancellationToken,
    shutdown: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
    threads: [std::thread::JoinHandle<()>; 2],
    _lock: DataDirLock,
}

impl Node {
    /// Opens everything and starts to answer; prints the banner.
    pub(crate) async fn start(args: &ServeArgs, telemetry: Telemetry) -> anyhow::Result<Self> {
        let started = Instant::now();
        refuse_open_doors(args)?;
        let loaded = Sources::of(args).load()?;
        let listeners = Listeners::bind(&listen_options(args)).await?;
        let addresses = Addresses {
            http: listeners.http_address().context("failed to read the bound address")?,
            otlp_http: listeners.otlp_http_address(),
            otlp_grpc: listeners.otlp_grpc_address(),
        };
        let lock = DataDirLock::acquire(&args.storage_path)?;
        let stores = Arc::new(NodeStores::open(args)?);
        let tenant = stores.tenant(&TenantId::default());
        telemetry.connect(Arc::clone(&tenant.log_sink), Arc::clone(&tenant.trace_sink));

        let ledger = Arc::new(Ledger::default());
        let scraper = Arc::new(ScrapeManager::new(
            Arc::clone(&tenant.metric_sink),
            scrape_options(&ledger),
        ));
        targets::add_self(&scraper, args.self_scrape_interval, addresses.http, &ledger)?;
        let groups = Arc::new(RuleGroups::new());
        let driver = RuleDriver::new(Arc::clone(&groups), &tenant, args);
        let configuration = Arc::new(Configuration::new(
            args,
            loaded,
            Arc::clone(&scraper),
            driver.clone(),
            addresses.http,
        )?);

        let readiness = Arc::new(Readiness::default());
        let server = Server::new(State {
            stores: Arc::clone(&stores) as _,
            promql: rules::engine(args),
            logql: skopos_logql::Engine::new(skopos_logql::EngineOptions::default()),
            rules: groups,
            targets: Arc::clone(&scraper) as _,
            config: Arc::clone(&configuration) as _,
            dashboards: Arc::clone(&configuration) as _,
            reloader: Arc::clone(&configuration) as _,
            ledger: Arc::clone(&ledger),
            limits: Limits::default(),
            clock: Arc::new(SystemClock),
            build: build_info(),
            readiness: Arc::clone(&readiness),
            options: server_options(args, &addresses),
        })?;
        let asked_to_stop = CancellationToken::new();
        let shutdown = CancellationToken::new();
        signals::watch(asked_to_stop.clone(), Arc::clone(&configuration) as _)?;
        let threads = [
            driver.start(shutdown.clone())?,
            maintenance::start(Arc::clone(&stores), shutdown.clone())?,
        ];
        readiness.set(true);
        banner::print_serving(&addresses, &args.storage_path, started.elapsed());
        let serving = tokio::spawn(server.serve(listeners, shutdown.clone()));
        Ok(Self {
            addresses,
            stores,
            ledger,
            scraper,
            telemetry,
            asked_to_stop,
            shutdown,
            serving,
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
            sink: self.stores.tenant(&TenantId::default()).log_sink,
            ledger: Arc::clone(&self.ledger),
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
        self.scraper.shutdown().await;
        self.telemetry.shutdown();
        for thread in self.threads {
            join(thread);
        }
        self.stores.close()
    }
}

/// Nothing checks who asks, so a listener beyond loopback needs a word of consent.
fn refuse_open_doors(args: &ServeArgs) -> anyhow::Result<()> {
    let addresses = [
        Some(args.web_listen_address),
        args.otlp_grpc_listen_address.0,
        args.otlp_http_listen_address.0,
    ];
    match addresses
        .into_iter()
        .flatten()
        .find(|address| !address.ip().is_loopback())
    {
        Some(address) if !args.insecure => bail!(
            "{address} can be reached from other machines, and nothing checks who asks.\n\
             Listen on 127.0.0.1, or say --insecure if the network itself is guarded."
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
    }
}

fn scrape_options(ledger: &Arc<Ledger>) -> ScrapeOptions {
    ScrapeOptions {
        ledger: Arc::clone(ledger),
        ..ScrapeOptions::default()
    }
}

fn server_options(args: &ServeArgs, addresses: &Addresses) -> ServerOptions {
    let port = |address: Option<SocketAddr>| address.map(|address| address.port());
    ServerOptions {
        query: QueryOptions {
            timeout: args.query_timeout,
            max_concurrency: args.query_max_concurrency,
            max_samples: args.query_max_samples,
            ..QueryOptions::default()
        },
        otlp_ports: OtlpPorts {
            grpc: port(addresses.otlp_grpc),
            http: port(addresses.otlp_http),
        },
        ..ServerOptions::default()
    }
}

fn build_info() -> BuildInfo {
    BuildInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        revision: String::new(),
        branch: String::new(),
        build_date: String::new(),
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
