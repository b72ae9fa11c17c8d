//! The traffic: users who open sessions, send messages, listen and read, and some who do it wrong. Seeded and bounded.
//!
//! Each conversation is a plan, made by [`plan`] from the seed and its number alone, and carried out by [`user`].
//! Beside the conversations two small loops run: a tenant with a small budget, and a client that writes nonsense
//! straight to the topic.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use skopos_bus::{BusMetrics, Producer};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use self::user::Users;
use super::gateway::AuthArgs;
use super::gateway::token::Keys;
use super::{FAULTS, TRAFFIC, topics};
use skopos_fleet_frame::FleetError;
use skopos_fleet_frame::process::{self, BusArgs, Context, ProcessArgs};

mod phrases;
mod plan;
mod special;
mod storm;
mod user;

/// Conversations a second where no rate is given.
const DEFAULT_RATE: f64 = 3.0;
/// Pause between looks whether the gateway is up.
const READY_PAUSE: Duration = Duration::from_millis(300);

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
    /// Seed of the mix: one seed, one sequence of conversations.
    #[arg(long, default_value_t = skopos_fleet_frame::DEFAULT_SEED, value_name = "NUMBER")]
    seed: u64,
    /// Conversations that begin in a second at the usual load.
    #[arg(long, default_value_t = DEFAULT_RATE, value_parser = rate, value_name = "PER SECOND")]
    rate: f64,
    /// How much traffic: 2 begins twice as many conversations.
    #[arg(long, default_value_t = 1.0, value_parser = rate, value_name = "FACTOR")]
    load: f64,
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

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.01..=200.0).contains(&rate) => Ok(rate),
        _ => Err("expected a number from 0.01 to 200".to_owned()),
    }
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
    while !users.is_gateway_ready().await {
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
    let fault = |name| context.faults.get(name);
    tasks.spawn(special::small_budget(
        Arc::clone(&users),
        arguments.seed,
        fault(BUDGET_DRAIN),
    ));
    tasks.spawn(special::poison(
        producer.clone(),
        arguments.seed,
        fault(POISON),
        context.stop.clone(),
    ));
    tasks.spawn(storm::policy(producer, fault(POLICY_STORM), context.stop.clone()));
    conversations(&arguments, &users, &tasks, &context).await;
    tasks.close();
    tasks.wait().await;
    Ok(())
}

/// Begins conversations at the rate, each on a task of its own, until told to stop or the wanted number is reached.
async fn conversations(arguments: &TrafficArgs, users: &Arc<Users>, tasks: &TaskTracker, context: &Context) {
    let places = Arc::new(Semaphore::new(usize::from(arguments.concurrency)));
    let mut number = 0;
    let mut left_out = 0_u64;
    while arguments.conversations.is_none_or(|wanted| number < wanted) {
        let pause = plan::pause(arguments.seed, number, arguments.rate * arguments.load);
        tokio::select! {
            () = context.stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let plan = plan::conversation(arguments.seed, number);
        number += 1;
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            left_out += 1;
            if left_out.is_power_of_two() {
                tracing::warn!(left_out, "conversations are left out, too many are open");
            }
            continue;
        };
        let users = Arc::clone(users);
        tasks.spawn(async move {
            users.converse(&plan).await;
            drop(place);
        });
    }
    // A wanted number that is reached ends the loops beside, too.
    context.stop.cancel();
}
