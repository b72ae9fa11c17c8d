//! The traffic: builders, buyers, analysts and auditors at the gateway, some of whom do it wrong. Seeded and bounded.
//!
//! Each journey is a plan, made by [`plan`] from the seed and its number alone, and carried out by [`visitor`].

use std::sync::Arc;

use clap::Args;
use skopos_fleet_frame::FleetError;
use skopos_fleet_frame::process::{self, Context, ProcessArgs};
use skopos_fleet_frame::traffic::{Flow, MixArgs, factor, wait_ready};
use skopos_sdk::log;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use self::visitor::Visitor;
use crate::{FAULTS, TRAFFIC};

pub(crate) mod plan;
mod visitor;

/// Journeys a second at the usual load.
const DEFAULT_RATE: f64 = 1.5;

/// Settings of the traffic.
#[derive(Debug, Args)]
pub(crate) struct TrafficArgs {
    /// Where gateway-api is.
    #[arg(long, default_value = "http://127.0.0.1:8021", value_name = "URL")]
    gateway: String,
    /// Journeys that begin in a second at the usual load.
    #[arg(long, default_value_t = DEFAULT_RATE, value_parser = factor, value_name = "PER SECOND")]
    rate: f64,
    #[command(flatten)]
    mix: MixArgs,
    /// Journeys at one time; beyond it new ones are left out.
    #[arg(long, default_value_t = 50, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1000))]
    concurrency: u16,
    /// Journeys after which the traffic ends; without it, it goes on.
    #[arg(long, value_name = "COUNT")]
    journeys: Option<u64>,
    #[command(flatten)]
    process: ProcessArgs,
}

pub(crate) fn run(arguments: TrafficArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    process::run(TRAFFIC, &process, FAULTS, |context| generate(arguments, context))
}

async fn generate(arguments: TrafficArgs, context: Context) -> Result<(), FleetError> {
    let visitor = Arc::new(Visitor::new(&arguments.gateway, context.stop.clone())?);
    if !wait_ready(&context.stop, async || visitor.is_system_ready().await).await {
        return Ok(());
    }
    let (seed, rate) = (arguments.mix.seed, arguments.rate * arguments.mix.load);
    log::info!(rate, seed, "traffic begins");
    let tasks = TaskTracker::new();
    let flow = Flow {
        name: "journeys",
        concurrency: usize::from(arguments.concurrency),
        count: arguments.journeys,
    };
    let pause = async |number| tokio::time::sleep(plan::pause(seed, number, rate)).await;
    let begin = |number| {
        let (journey, visitor) = (plan::journey(seed, number), Arc::clone(&visitor));
        let span = tracing::info_span!("journey", otel.name = journey.name(), journey.number = number);
        async move { visitor.travel(&journey).await }.instrument(span)
    };
    flow.run(&context.stop, &tasks, pause, begin).await;
    tasks.close();
    tasks.wait().await;
    Ok(())
}
