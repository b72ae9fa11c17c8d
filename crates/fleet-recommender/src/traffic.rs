//! The traffic: visits to the shops at a rate, tenants who sign up one after the other, and an old client that writes
//! nonsense straight to the topic. Seeded and bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use clap::Args;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use skopos_bus::{BusMetrics, Event, Producer};
use skopos_fleet_frame::process::{self, BusArgs, Context, ProcessArgs};
use skopos_fleet_frame::traffic::{self, Flow, MixArgs, wait_ready};
use skopos_fleet_frame::{Fault, FleetError};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::shopper::{Plan, Shoppers, Visit};
use crate::catalog::TENANTS;
use crate::events::{self, INTERACTION_EVENT, INTERACTIONS};
use crate::{FAULTS, TRAFFIC, ml_engine};

mod shopper;

/// Fault: a shop's client asks in an endless loop.
pub(crate) const FLOOD: &str = "recommender-flood";

/// Visits a second at the usual load.
const RATE: f64 = 4.0;
/// Visits that are under way at one time; beyond it new ones are left out.
const CONCURRENCY: usize = 64;
/// Requests a second of the endless loop.
const FLOOD_RATE: u32 = 40;
/// Whose client it is: a shop on a small plan.
const FLOOD_TENANT: &str = "pixel-games";
/// When the next tenant signs up, after the one before.
const SIGN_UPS: [Duration; 4] = [
    Duration::from_secs(45),
    Duration::from_mins(3),
    Duration::from_mins(10),
    Duration::from_mins(30),
];
/// Pause between two events of the old client.
const OLD_CLIENT_PAUSE: Duration = Duration::from_secs(20);

/// Settings of the traffic.
#[derive(Debug, Args)]
pub(crate) struct TrafficArgs {
    /// Where the backend is.
    #[arg(
        long,
        env = "RECOMMENDER_BACKEND_URL",
        default_value = "http://127.0.0.1:8000",
        value_name = "URL"
    )]
    backend: String,
    #[command(flatten)]
    mix: MixArgs,
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
    let shoppers = Arc::new(Shoppers::new(ml_engine::http_client()?, arguments.backend.clone()));
    events::ensure(&bus).await?;
    if !wait_ready(&context.stop, async || is_ready(&shoppers).await).await {
        return Ok(());
    }
    let MixArgs { seed, load } = arguments.mix;
    tracing::info!(rate = RATE * load, seed, "traffic begins");
    let customers = AtomicUsize::new(TENANTS.iter().filter(|tenant| tenant.is_founder).count());
    let (stop, flood_wanted) = (&context.stop, context.faults.get(FLOOD));
    tokio::join!(
        visits(&arguments.mix, &shoppers, &customers, stop),
        sign_ups(&shoppers, &customers, stop),
        old_client(&producer, seed, stop),
        flood(&shoppers, &flood_wanted, stop),
    );
    Ok(())
}

async fn is_ready(shoppers: &Shoppers) -> bool {
    let asked = shoppers.client.get(format!("{}/ready", shoppers.backend)).send().await;
    asked.is_ok_and(|answer| answer.status().is_success())
}

/// False if told to stop meanwhile.
async fn pause(duration: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(duration) => true,
    }
}

async fn visits(mix: &MixArgs, shoppers: &Arc<Shoppers>, customers: &AtomicUsize, stop: &CancellationToken) {
    let (seed, rate) = (mix.seed, RATE * mix.load);
    let mut pauses = ChaCha8Rng::seed_from_u64(!seed);
    let mut random = ChaCha8Rng::seed_from_u64(seed.rotate_left(32) ^ 1);
    let tasks = TaskTracker::new();
    let flow = Flow {
        name: "visits",
        concurrency: CONCURRENCY,
        count: None,
    };
    let pause = async |_| tokio::time::sleep(traffic::pause(pauses.random_range(f64::EPSILON..1.0), rate)).await;
    let begin = |number| {
        let plan = shoppers.plan(seed, number, customers.load(Ordering::Relaxed));
        // Each visit has randomness of its own.
        random.set_stream(number);
        let (shoppers, mut random) = (Arc::clone(shoppers), random.clone());
        async move {
            if let Err(error) = shoppers.visit(&plan, &mut random).await {
                tracing::debug!(%error, tenant_id = plan.tenant.id, "a visit was cut short");
            }
        }
    };
    flow.run(stop, &tasks, pause, begin).await;
    tasks.close();
    tasks.wait().await;
}

/// The invited tenants become customers in the order of the catalogue.
async fn sign_ups(shoppers: &Shoppers, customers: &AtomicUsize, stop: &CancellationToken) {
    let invited = TENANTS.iter().filter(|tenant| !tenant.is_founder);
    for (tenant, wait) in invited.zip(SIGN_UPS) {
        if !pause(wait, stop).await {
            return;
        }
        let body = json!({ "tenant_id": tenant.id });
        let request = shoppers
            .client
            .post(format!("{}/v1/tenants", shoppers.backend))
            .json(&body);
        match skopos_sdk::client::send(&shoppers.client, request).await {
            Ok(answer) if answer.status().is_success() => {
                customers.fetch_add(1, Ordering::Relaxed);
            }
            Ok(answer) => {
                tracing::warn!(
                    tenant_id = tenant.id,
                    status_code = answer.status().as_u16(),
                    "not signed up"
                );
                return;
            }
            Err(error) => {
                tracing::warn!(
                    tenant_id = tenant.id,
                    error = &error as &(dyn std::error::Error + 'static),
                    "not signed up"
                );
                return;
            }
        }
    }
}

/// A client of an old release: its items are those of a catalogue that has shrunk since.
async fn old_client(producer: &Producer, seed: u64, stop: &CancellationToken) {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ 2);
    while pause(OLD_CLIENT_PAUSE, stop).await {
        let tenant = &TENANTS[0];
        let data = json!({
            "tenant_id": tenant.id,
            "user": random.random_range(0..tenant.users),
            "item": tenant.items + random.random_range(0..100),
            "action": "view",
        });
        let event = Event::new(INTERACTION_EVENT, data);
        if let Err(error) = producer.publish(INTERACTIONS, tenant.id, event).await {
            tracing::warn!(
                error = &error as &(dyn std::error::Error + 'static),
                "the old client does not reach the bus"
            );
        }
    }
}

/// With the fault, one shop's client asks far more often than its plan allows.
async fn flood(shoppers: &Shoppers, fault: &Fault, stop: &CancellationToken) {
    let Some(tenant) = crate::catalog::find(FLOOD_TENANT) else {
        return;
    };
    let plan = Plan {
        tenant,
        user: 0,
        visit: Visit::Bill,
    };
    let url = format!("{}/v1/recommendations?user=0", shoppers.backend);
    let mut tick = tokio::time::interval(Duration::from_secs(1) / FLOOD_RATE);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        if !fault.is_on() {
            // A look a second is enough while there is nothing to do.
            if !pause(Duration::from_secs(1), stop).await {
                return;
            }
            tick.reset();
            continue;
        }
        if let Err(error) = shoppers.send(&plan, shoppers.client.get(&url)).await {
            tracing::debug!(%error, "a request of the loop failed");
        }
    }
}
