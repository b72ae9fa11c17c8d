//! The traffic: builders, buyers, analysts and auditors at the gateway, some of whom do it wrong. Seeded and bounded.
//!
//! Each journey is a plan, made by [`plan`] from the seed and its number alone, and carried out by [`visitor`].

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use skopos_fleet_frame::FleetError;
use skopos_fleet_frame::process::{self, Context, ProcessArgs};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use self::visitor::Visitor;
use crate::{FAULTS, TRAFFIC};

pub(crate) mod plan;
mod visitor;

/// Journeys a second at the usual load.
const DEFAULT_RATE: f64 = 1.5;
/// Pause between looks whether the system is up.
const READY_PAUSE: Duration = Duration::from_millis(500);

/// Settings of the traffic.
#[derive(Debug, Args)]
pub(crate) struct TrafficArgs {
    /// Where gateway-api is.
    #[arg(long, default_value = "http://127.0.0.1:8021", value_name = "URL")]
    gateway: String,
    /// Seed of the mix: one seed, one sequence of journeys.
    #[arg(long, default_value_t = skopos_fleet_frame::DEFAULT_SEED, value_name = "NUMBER")]
    seed: u64,
    /// Journeys that begin in a second at the usual load.
    #[arg(long, default_value_t = DEFAULT_RATE, value_parser = positive, value_name = "PER SECOND")]
    rate: f64,
    /// How much traffic: 2 begins twice as many journeys.
    #[arg(long, default_value_t = 1.0, value_parser = positive, value_name = "FACTOR")]
    load: f64,
    /// Journeys at one time; beyond it new ones are left out.
    #[arg(long, default_value_t = 50, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1000))]
    concurrency: u16,
    /// Journeys after which the traffic ends; without it, it goes on.
    #[arg(long, value_name = "COUNT")]
    journeys: Option<u64>,
    #[command(flatten)]
    process: ProcessArgs,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if (0.01..=200.0).contains(&number) => Ok(number),
        _ => Err("expected a number from 0.01 to 200".to_owned()),
    }
}

pub(crate) fn run(arguments: TrafficArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    process::run(TRAFFIC, &process, FAULTS, |context| generate(arguments, context))
}

async fn generate(arguments: TrafficArgs, context: Context) -> Result<(), FleetError> {
    let visitor = Arc::new(Visitor::new(&arguments.gateway, context.stop.clone())?);
    while !visitor.is_system_ready().await {
        tokio::select! {
            () = context.stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(READY_PAUSE) => {}
        }
    }
    tracing::info!(
        rate = arguments.rate * arguments.load,
        seed = arguments.seed,
        "traffic begins"
    );
    let tasks = TaskTracker::new();
    journeys(&arguments, &visitor, &tasks, &context).await;
    tasks.close();
    tasks.wait().await;
    Ok(())
}

/// Begins journeys at the rate, each on a task of its own, until told to stop or the wanted number is reached.
async fn journeys(arguments: &TrafficArgs, visitor: &Arc<Visitor>, tasks: &TaskTracker, context: &Context) {
    let places = Arc::new(Semaphore::new(usize::from(arguments.concurrency)));
    let mut left_out = 0_u64;
    let wanted = arguments.journeys.unwrap_or(u64::MAX);
    for number in 0..wanted {
        let pause = plan::pause(arguments.seed, number, arguments.rate * arguments.load);
        tokio::select! {
            () = context.stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            left_out += 1;
            if left_out.is_power_of_two() {
                tracing::warn!(left_out, "journeys are left out, too many are under way");
            }
            continue;
        };
        let (journey, visitor) = (plan::journey(arguments.seed, number), Arc::clone(visitor));
        let span = tracing::info_span!("journey", otel.name = journey.name(), journey.number = number);
        let travel = async move {
            visitor.travel(&journey).await;
            drop(place);
        };
        tasks.spawn(travel.instrument(span));
    }
}
