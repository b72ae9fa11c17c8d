//! The frame of a service process: runtime, observability, the order to stop, drain and flush.

use std::future::Future;
use std::io::BufRead;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use clap::Args;
use rustls::ServerConfig;
use skopos_bus::BusConfig;
use skopos_sdk::log::{self, chain};
use skopos_sdk::{Observability, ObservabilityBuilder, Settings, SetupError};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::tls::TlsListener;
use crate::{FaultSpec, Faults, FleetError, OpenConnections, Order};

/// Time that a service has after the order to stop; what is unfinished then is delivered again to the next one.
pub const DRAIN_LIMIT: Duration = Duration::from_secs(5);
/// Threads of a service's runtime: services wait far more than they work.
const WORKER_THREADS: usize = 2;

/// What every service can be told.
#[derive(Debug, Clone, Args)]
pub struct ProcessArgs {
    /// End when standard input closes, so that a child does not outlive the program that started it, and take orders
    /// from it, one a line: fault NAME on|off.
    #[arg(long)]
    pub exit_with_parent: bool,
    /// A fault to start with; may be given several times.
    #[arg(long = "fault", value_name = "NAME")]
    pub faults: Vec<String>,
}

/// Where the bus is.
#[derive(Debug, Clone, Args)]
pub struct BusArgs {
    /// Event bus, as kafka://HOST:PORT; several brokers joined by commas. TLS and password as KAFKA_SECURITY_PROTOCOL says.
    #[arg(long, env = "SKOPOS_BUS", default_value = crate::DEFAULT_BUS, value_name = "URL")]
    pub bus: String,
}

impl BusArgs {
    /// Settings of a client of the bus that calls itself `client_id`, with TLS and password of the environment.
    pub fn config(&self, client_id: &str) -> Result<BusConfig, FleetError> {
        Ok(BusConfig::from_env(&self.bus, client_id)?)
    }
}

/// What a running service has of its process.
#[derive(Debug, Clone)]
pub struct Context {
    /// The set-up of traces, metrics and logs.
    pub observability: Observability,
    /// Cancelled when the service must stop.
    pub stop: CancellationToken,
    /// What may be made to go wrong.
    pub faults: Faults,
}

impl Context {
    /// What a service answers beside its API: `/metrics`, and `/health` where to run is to be ready.
    pub fn own_routes(&self) -> Router {
        self.observability.metrics_router().merge(health_router())
    }
}

/// Runs a service to its end on a runtime of its own. `faults` is the table of its system.
pub fn run<F>(
    name: &'static str,
    arguments: &ProcessArgs,
    faults: &[FaultSpec],
    service: impl FnOnce(Context) -> F,
) -> Result<(), FleetError>
where
    F: Future<Output = Result<(), FleetError>>,
{
    let observe = || skopos_sdk::setup_observability(name, env!("CARGO_PKG_VERSION"));
    run_observed(name, arguments, faults, observe, service)
}

/// As [`run`], with settings of observability that hold where the environment sets no others.
pub fn run_with<F>(
    name: &'static str,
    arguments: &ProcessArgs,
    faults: &[FaultSpec],
    defaults: &[(&str, &str)],
    service: impl FnOnce(Context) -> F,
) -> Result<(), FleetError>
where
    F: Future<Output = Result<(), FleetError>>,
{
    let observe = || {
        let settings = Settings::from_lookup(name, env!("CARGO_PKG_VERSION"), |variable| {
            std::env::var(variable).ok().or_else(|| {
                let default = defaults.iter().find(|(name, _)| *name == variable);
                default.map(|(_, value)| (*value).to_owned())
            })
        })?;
        ObservabilityBuilder::new(settings).install()
    };
    run_observed(name, arguments, faults, observe, service)
}

fn run_observed<F>(
    name: &'static str,
    arguments: &ProcessArgs,
    faults: &[FaultSpec],
    observe: impl FnOnce() -> Result<Observability, SetupError>,
    service: impl FnOnce(Context) -> F,
) -> Result<(), FleetError>
where
    F: Future<Output = Result<(), FleetError>>,
{
    let faults = Faults::new(name, faults, &arguments.faults)?;
    let observability = observe()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .thread_name(name)
        .enable_all()
        .build()
        .map_err(|source| FleetError::Io {
            action: "start the runtime",
            source,
        })?;
    let stop = CancellationToken::new();
    for fault in &arguments.faults {
        log::warn!(fault, "running with a fault");
    }
    if arguments.exit_with_parent {
        watch_parent(faults.clone(), stop.clone());
    }
    let context = Context {
        observability: observability.clone(),
        stop: stop.clone(),
        faults,
    };
    let result = runtime.block_on(async {
        watch_signals(&stop)?;
        drained(&stop, service(context)).await
    });
    match &result {
        Ok(()) => log::info!("service stopped"),
        Err(error) => log::error!(error = error as &(dyn std::error::Error + 'static), "service failed"),
    }
    runtime.shutdown_timeout(Duration::from_millis(200));
    observability.shutdown();
    result
}

/// Waits for the service; once it has been told to stop, no longer than the limit.
async fn drained(
    stop: &CancellationToken,
    service: impl Future<Output = Result<(), FleetError>>,
) -> Result<(), FleetError> {
    let out_of_time = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN_LIMIT).await;
    };
    tokio::select! {
        result = service => result,
        () = out_of_time => {
            log::warn!(limit_seconds = DRAIN_LIMIT.as_secs(), "drain took too long, unfinished events are delivered again");
            Ok(())
        }
    }
}

fn watch_signals(stop: &CancellationToken) -> Result<(), FleetError> {
    let install = |kind| {
        signal(kind).map_err(|source| FleetError::Io {
            action: "listen for signals",
            source,
        })
    };
    let (mut terminate, mut interrupt) = (install(SignalKind::terminate())?, install(SignalKind::interrupt())?);
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    });
    Ok(())
}

/// Reads orders from standard input on a thread of its own. Its end, which comes with the parent's however that ends,
/// stops the service.
fn watch_parent(faults: Faults, stop: CancellationToken) {
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            obey(&line, &faults);
        }
        stop.cancel();
    });
}

fn obey(line: &str, faults: &Faults) {
    match line.parse() {
        Ok(Order::Fault { name, is_on }) => match faults.set(&name, is_on) {
            Ok(()) => log::warn!(fault = name, is_on, "a fault was switched"),
            Err(error) => log::error!(error = chain(&error), "failed to switch a fault"),
        },
        Err(reason) => log::error!(reason, "an order on standard input is not readable"),
    }
}

/// Serves HTTP until the order to stop, then lets open requests finish.
pub async fn serve_http(address: SocketAddr, router: Router, stop: CancellationToken) -> Result<(), FleetError> {
    serve_on(listen(address).await?, router, stop).await
}

/// As [`serve_http`], with the open connections counted.
pub async fn serve_http_counted(
    address: SocketAddr,
    router: Router,
    stop: CancellationToken,
    connections: OpenConnections,
) -> Result<(), FleetError> {
    serve_on(connections.of(listen(address).await?), router, stop).await
}

/// As [`serve_http`] over TLS, where `config` has the certificate.
pub async fn serve_https(
    address: SocketAddr,
    router: Router,
    stop: CancellationToken,
    config: Arc<ServerConfig>,
) -> Result<(), FleetError> {
    serve_on(TlsListener::new(listen(address).await?, config), router, stop).await
}

async fn listen(address: SocketAddr) -> Result<TcpListener, FleetError> {
    let refused = |source| FleetError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    // With port 0 only the listener knows.
    let bound = listener.local_addr().map_err(refused)?;
    log::info!(address = %bound, "listening");
    Ok(listener)
}

async fn serve_on(
    listener: impl Listener<Addr = SocketAddr>,
    router: Router,
    stop: CancellationToken,
) -> Result<(), FleetError> {
    axum::serve(listener, router)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
        .map_err(|source| FleetError::Io {
            action: "serve HTTP",
            source,
        })
}

/// `/health` for a service whose readiness is that it runs.
pub fn health_router() -> Router {
    Router::new().route(
        "/health",
        axum::routing::get(|| async { axum::Json(serde_json::json!({ "status": "ok" })) }),
    )
}
