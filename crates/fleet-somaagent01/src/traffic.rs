//! The traffic: users who open sessions, send messages, listen and read, and some who do it wrong. Seeded and bounded.
//!
//! Each conversation is a plan, made by [`plan`] from the seed and its number alone, and carried out by [`user`].
//! Beside the conversations two small loops run: a tenant with a small budget, and a client that writes nonsense
//! straight to the topic.

use std::sync::Arc;

use clap::Args;
use skopos_bus::{BusMetrics, Producer};
use skopos_sdk::log;
use tokio_util::task::TaskTracker;

use self::user::Users;
use super::gateway::AuthArgs;
use super::gateway::token::Keys;
use super::{FAULTS, TRAFFIC, topics};
use skopos_fleet_frame::FleetError;
use skopos_fleet_frame::process::{self, BusArgs, Context, ProcessArgs};
use skopos_fleet_frame::traffic::{Flow, MixArgs, factor, wait_ready};

mod phrases;
mod plan;
mod special;
mod storm;
mod user;

/// Conversations a second where no rate is given.
const DEFAULT_RATE: f64 = 3.0;

/// Name of the fault that writes many broken events.
pub(super) const POISON: &str = "somaagent01-poison";
/// Name of the fault that drains a tenant's budget.
pub(super) const BUDGET_DRAIN: &str = "somaagent01-budget-drain";
/// Name of the fault that asks for forbidden tools.
pub(super) const POLICY_STORM: &str = "somaagent01-policy-storm";

/// Settings of the traffic.
#[derive(Debug, Args)]
pub(crate) struct TrafficArgs {
    /// Where the gateway is.
    #[arg(
        long,
        env = "SOMA_GATEWAY_URL",
        default_value = "http://127.0.0.1:8010",
        value_name = "URL"
    )]
    gateway: String,
    /// Conversations that begin in a second at the usual load.
    #[arg(long, default_value_t = DEFAULT_RATE, value_parser = factor, value_name = "PER SECOND")]
    rate: f64,
    #[command(flatten)]
    mix: MixArgs,
    /// Conversations that are open at one time; beyond it new ones are left out.
    #[arg(long, default_value_t = 100, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1000))]
    concurrency: u16,
    /// Conversations after which the traffic ends; without it, it goes on.
    #[arg(long, value_name = "COUNT")]
    conversations: Option<u64>,
    #[command(flatten)]
    auth: AuthArgs,
    #[command(flatten)]
    bus: BusArgs,
    #[command(flatten)]
    process: ProcessArgs,
}

pub(super) fn run(arguments: TrafficArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    process::run(TRAFFIC, &process, FAULTS, |context| generate(arguments, context))
}

async fn generate(arguments: TrafficArgs, context: Context) -> Result<(), FleetError> {
    let bus = arguments.bus.config(TRAFFIC)?;
    let producer = Producer::new(&bus, BusMetrics::register(context.observability.registry())?)?;
    let users = Arc::new(Users::new(
        &arguments.gateway,
        Keys::new(&arguments.auth.auth_secret),
        context.stop.clone(),
    )?);
    topics::ensure(&bus).await?;
    if !wait_ready(&context.stop, async || users.is_gateway_ready().await).await {
        return Ok(());
    }
    let (seed, rate) = (arguments.mix.seed, arguments.rate * arguments.mix.load);
    log::info!(rate, seed, "traffic begins");
    let tasks = TaskTracker::new();
    let fault = |name| context.faults.get(name);
    tasks.spawn(special::small_budget(Arc::clone(&users), seed, fault(BUDGET_DRAIN)));
    tasks.spawn(special::poison(
        producer.clone(),
        seed,
        fault(POISON),
        context.stop.clone(),
    ));
    tasks.spawn(storm::policy(producer, fault(POLICY_STORM), context.stop.clone()));
    let flow = Flow {
        name: "conversations",
        concurrency: usize::from(arguments.concurrency),
        count: arguments.conversations,
    };
    let pause = async |number| tokio::time::sleep(plan::pause(seed, number, rate)).await;
    let begin = |number| {
        let (plan, users) = (plan::conversation(seed, number), Arc::clone(&users));
        async move {
            users.converse(&plan).await;
        }
    };
    flow.run(&context.stop, &tasks, pause, begin).await;
    // A wanted number that is reached ends the loops beside, too.
    context.stop.cancel();
    tasks.close();
    tasks.wait().await;
    Ok(())
}
