//! The conversation worker: classifies a message, keeps budgets, asks tools and the language model, replies.
//!
//! ```text
//! conversation.inbound ─▶ intent ─▶ budget ─┬─▶ language model ─▶ conversation.outbound
//!                                           └─▶ tool.requests … tool.results ─▶ language model ─▶ conversation.outbound
//! ```
//!
//! A tool call carries its message along, so the result is finished by whichever worker reads it, also after a restart.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use skopos_bus::{BusConfig, BusMetrics, Consumer, ConsumerOptions, DeadLetter, HandleError, Producer};

use self::budget::BudgetKeeper;
use self::intent::Classifier;
use self::metrics::WorkerMetrics;
use self::slm::LanguageModel;
use self::turn::Worker;
use super::neighbours::{NeighbourArgs, Neighbours};
use super::policy::Policy;
use super::{FAULTS, WORKER, topics};
use skopos_fleet_frame::FleetError;
use skopos_fleet_frame::process::{self, BusArgs, Context, ProcessArgs, serve_http};

mod budget;
mod intent;
mod metrics;
mod ngram;
mod slm;
mod tokens;
mod tool_call;
mod turn;

/// Name of the fault that slows the language model.
pub(super) const SLM_SLOW: &str = "slm-slow";

/// Settings of the conversation worker.
#[derive(Debug, Args)]
pub(crate) struct WorkerArgs {
    /// Where /metrics and /health are served.
    #[arg(long, default_value = "127.0.0.1:8011", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Events handled at one time; further ones wait on the bus.
    #[arg(long, default_value_t = 128, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1024))]
    concurrency: u16,
    /// Seed of the language model's sampler.
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    model_seed: u64,
    #[command(flatten)]
    neighbours: NeighbourArgs,
    #[command(flatten)]
    bus: BusArgs,
    #[command(flatten)]
    process: ProcessArgs,
}

pub(super) fn run(arguments: WorkerArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    process::run(WORKER, &process, FAULTS, |context| serve(arguments, context))
}

async fn serve(arguments: WorkerArgs, context: Context) -> Result<(), FleetError> {
    let bus = arguments.bus.config(WORKER)?;
    let registry = context.observability.registry();
    let policy = Policy::shipped()?;
    let metrics = WorkerMetrics::register(registry, &policy.budgets)?;
    let bus_metrics = BusMetrics::register(registry)?;
    let router = context.own_routes();
    let http = serve_http(arguments.listen, router, context.stop.clone());
    let work = async {
        topics::ensure(&bus).await?;
        let worker = Worker {
            classifier: Classifier::shipped()?,
            budget: BudgetKeeper::new(policy.budgets),
            model: LanguageModel::shipped(arguments.model_seed, context.faults.get(SLM_SLOW), metrics.clone()),
            producer: Producer::new(&bus, bus_metrics.clone())?,
            neighbours: Neighbours::new(&arguments.neighbours, registry)?,
            metrics,
        };
        consume(worker, &bus, bus_metrics, arguments.concurrency, &context).await
    };
    tokio::try_join!(http, work).map(|_| ())
}

async fn consume(
    worker: Worker,
    bus: &BusConfig,
    bus_metrics: BusMetrics,
    concurrency: u16,
    context: &Context,
) -> Result<(), FleetError> {
    let options = ConsumerOptions {
        concurrency: usize::from(concurrency),
        ..topics::reading(WORKER, &[topics::INBOUND, topics::TOOL_RESULTS])
    };
    let metrics = worker.metrics.clone();
    let consumer = Consumer::subscribe(bus, options, worker.producer.clone(), bus_metrics)?.on_dead_letter(
        move |letter: &DeadLetter| {
            // The handler counts what it is given, and it is given no message that does not read.
            if letter.source_topic == topics::INBOUND && letter.error_type == HandleError::UNREADABLE {
                metrics.taken();
            }
            metrics.failed(&letter.error_type);
        },
    );
    let worker = Arc::new(worker);
    consumer
        .run(context.stop.clone(), |delivery| {
            let worker = Arc::clone(&worker);
            async move {
                if delivery.topic == topics::TOOL_RESULTS {
                    worker.tool_result(delivery).await
                } else {
                    worker.message(delivery).await
                }
            }
        })
        .await;
    Ok(())
}
