//! The jobs beside the requests: one round reconciles the ledger with its valuation, computes the economy, and delivers
//! alerts on prices. Each run is a trace and is counted and timed by its job.

use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use clap::Args;
use skopos_fleet_frame::FleetError;
use skopos_fleet_frame::process::{Context, ProcessArgs, serve_http};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, field};

use self::delivery::Delivery;
use self::metrics::JobMetrics;
use self::peers::{JobError, Peers};
use self::reconciliation::PORTFOLIOS;
use crate::JOBS;
use crate::addresses::{AgentsUrl, PacksUrl};

mod delivery;
mod metrics;
mod peers;
mod reconciliation;

const RECONCILIATION: &str = "reconciliation";
const MACRO: &str = "macro";
const ALERT_DELIVERY: &str = "alert_delivery";
/// All jobs, as their metrics name them.
const NAMES: [&str; 3] = [RECONCILIATION, MACRO, ALERT_DELIVERY];
/// Longest time of one call.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Settings of the jobs.
#[derive(Debug, Args)]
pub(crate) struct JobsArgs {
    /// Where metrics are served.
    #[arg(long, default_value = "127.0.0.1:8033", value_name = "ADDRESS")]
    listen: SocketAddr,
    #[command(flatten)]
    agents: AgentsUrl,
    #[command(flatten)]
    packs: PacksUrl,
    /// Where alerts on prices are delivered to: the notices of the executor API.
    #[arg(
        long,
        env = "DAWSOS_NOTICES_URL",
        default_value = "http://127.0.0.1:8030/v1/notices",
        value_name = "URL"
    )]
    notices: String,
    /// Pause between two rounds, in seconds.
    #[arg(long, default_value_t = 20, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    every: u64,
    #[command(flatten)]
    process: ProcessArgs,
}

pub(super) fn run(arguments: JobsArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    crate::run_service(JOBS, &process, |context| serve(arguments, context))
}

async fn serve(arguments: JobsArgs, context: Context) -> Result<(), FleetError> {
    let (observability, stop) = (&context.observability, &context.stop);
    let client = crate::http_client(TIMEOUT)?;
    let mut jobs = Jobs {
        metrics: JobMetrics::register(observability.registry())?,
        delivery: Delivery::new(client.clone(), arguments.notices),
        peers: Peers::new(client, &arguments.agents.url, &arguments.packs.url),
    };
    let every = Duration::from_secs(arguments.every);
    let work = async {
        jobs.rounds(every, stop).await;
        Ok(())
    };
    let router = context.own_routes();
    tokio::try_join!(serve_http(arguments.listen, router, stop.clone()), work).map(|_| ())
}

struct Jobs {
    peers: Peers,
    delivery: Delivery,
    metrics: JobMetrics,
}

impl Jobs {
    async fn rounds(&mut self, every: Duration, stop: &CancellationToken) {
        loop {
            let round = async {
                self.round().await;
                tokio::time::sleep(every).await;
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = round => {}
            }
        }
    }

    async fn round(&mut self) {
        measured(&self.metrics, RECONCILIATION, reconcile(&self.peers, &self.metrics)).await;
        measured(&self.metrics, MACRO, compute_economy(&self.peers)).await;
        let delivered = self.delivery.run(&self.peers, &self.metrics);
        measured(&self.metrics, ALERT_DELIVERY, delivered).await;
    }
}

/// Runs a job as the root of a trace; what fails is told, counted, and tried again with the next round.
async fn measured(metrics: &JobMetrics, job: &'static str, work: impl Future<Output = Result<(), JobError>>) {
    let span = tracing::info_span!(
        "job.run",
        job,
        // A run that went well is nothing to come back to: its trace may go before those of requests.
        trace.priority = "low",
        error = field::Empty,
        error.type = field::Empty,
        error.message = field::Empty,
        otel.status_code = field::Empty,
    );
    async {
        let started = Instant::now();
        let result = work.await;
        metrics.run(job, result.is_ok(), started.elapsed());
        if let Err(error) = result {
            let span = Span::current();
            span.record("error", true);
            span.record("error.type", error.kind());
            span.record("error.message", error.to_string());
            span.record("otel.status_code", "ERROR");
            tracing::error!(job, error = &error as &(dyn std::error::Error + 'static), "job failed");
        }
    }
    .instrument(span)
    .await;
}

/// Each portfolio's positions, priced here by the pack, must come to what the pricing agent says.
async fn reconcile(peers: &Peers, metrics: &JobMetrics) -> Result<(), JobError> {
    let state = peers.latest_pack().await?;
    let pack = peers.pack(&state.pack_id).await?;
    let mut breaks = 0;
    for portfolio in PORTFOLIOS {
        let (positions, valuation) = peers.valued(portfolio, &state).await?;
        let found = reconciliation::breaks(&pack, &positions, &valuation);
        metrics.positions_reconciled(positions.len() as u64);
        for one in &found {
            tracing::warn!(
                pricing_pack_id = pack.pack_id,
                reason = one.reason(),
                "a position does not reconcile"
            );
        }
        breaks += found.len();
    }
    metrics.breaks(breaks);
    tracing::info!(pricing_pack_id = pack.pack_id, breaks, "ledger reconciled");
    Ok(())
}

async fn compute_economy(peers: &Peers) -> Result<(), JobError> {
    let state = peers.latest_pack().await?;
    let regime = peers.regime(&state).await?;
    tracing::info!(regime = %regime, "economy computed");
    Ok(())
}
