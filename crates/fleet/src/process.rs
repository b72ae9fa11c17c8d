//! The frame of a service process: runtime, observability, the order to stop, drain and flush.

use std::future::Future;
use std::io::Read;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use clap::Args;
use skopos_bus::BusConfig;
use skopos_sdk::Observability;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::FleetError;

/// Time that a service has after the order to stop; what is unfinished then is delivered again to the next one.
pub(crate) const DRAIN_LIMIT: Duration = Duration::from_secs(5);
/// Threads of a service's runtime: services wait far more than they work.
const WORKER_THREADS: usize = 2;

/// What every service can be told.
#[derive(Debug, Clone, Args)]
pub(crate) struct ProcessArgs {
    /// End when standard input closes, so that a child does not outlive the program that started it.
    #[arg(long)]
    pub(crate) exit_with_parent: bool,
}

/// Where the bus is.
#[derive(Debug, Clone, Args)]
pub(crate) struct BusArgs {
    /// Event bus, as kafka://HOST:PORT; several brokers joined by commas.
    #[arg(long, env = "SKOPOS_BUS", default_value = crate::service::DEFAULT_BUS, value_name = "URL")]
    pub(crate) bus: String,
}

impl BusArgs {
    pub(crate) fn config(&self, client_id: &str) -> Result<BusConfig, FleetError> {
        Ok(BusConfig::parse(&self.bus, client_id)?)
    }
}

/// What a running service has of its process.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) observability: Observability,
    /// Cancelled when the service must stop.
    pub(crate) stop: CancellationToken,
}

/// Runs a service to its end on a runtime of its own.
pub(crate) fn run<F>(
    name: &'static str,
    arguments: &ProcessArgs,
    service: impl FnOnce(Context) -> F,
) -> Result<(), FleetError>
where
    F: Future<Output = Result<(), FleetError>>,
{
    let observability = skopos_sdk::setup_observability(name, env!("CARGO_PKG_VERSION"))?;
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
    if arguments.exit_with_parent {
        watch_parent(stop.clone());
    }
    let context = Context {
        observability: observability.clone(),
        stop: stop.clone(),
    };
    let result = runtime.block_on(async {
        watch_signals(&stop)?;
        drained(&stop, service(context)).await
    });
    match &result {
        Ok(()) => tracing::info!("service stopped"),
        Err(error) => tracing::error!(error = error as &(dyn std::error::Error + 'static), "service failed"),
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
            tracing::warn!(limit_seconds = DRAIN_LIMIT.as_secs(), "drain took too long, unfinished events are delivered again");
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

/// Reads standard input to its end on a thread of its own: the pipe closes with the parent, however it ends.
fn watch_parent(stop: CancellationToken) {
    std::thread::spawn(move || {
        let mut ignored = [0_u8; 256];
        let mut input = std::io::stdin().lock();
        while matches!(input.read(&mut ignored), Ok(read) if read > 0) {}
        stop.cancel();
    });
}

/// Serves HTTP until the order to stop, then lets open requests finish.
pub(crate) async fn serve_http(address: SocketAddr, router: Router, stop: CancellationToken) -> Result<(), FleetError> {
    let refused = |source| FleetError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    // With port 0 only the listener knows.
    let bound = listener.local_addr().map_err(refused)?;
    tracing::info!(address = %bound, "listening");
    axum::serve(listener, router)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
        .map_err(|source| FleetError::Io {
            action: "serve HTTP",
            source,
        })
}

/// `/health` for a service whose readiness is that it runs.
pub(crate) fn health_router() -> Router {
    Router::new().route(
        "/health",
        axum::routing::get(|| async { axum::Json(serde_json::json!({ "status": "ok" })) }),
    )
}
