//! Two clients beside the conversations: a tenant whose budget runs out, and one that writes nonsense to the topic.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::Rng;
use skopos_bus::Producer;
use skopos_fleet_frame::Fault;
use skopos_sdk::log::{self, chain};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::plan::{self, Conduct, Plan, Say};
use super::user::Users;
use crate::topics::{self, ReplyStatus};

/// Pause of the small tenant between messages.
const SMALL_PAUSE: Duration = Duration::from_secs(8);
/// Pause of the small tenant after it was told that its budget is used up. Keeps the refusals in 5 minutes below the
/// 10 from which on TenantBudgetExhausted fires.
const SMALL_BACKOFF: Duration = Duration::from_mins(1);
/// Pause of the small tenant where it drains its budget.
const DRAIN_PAUSE: Duration = Duration::from_millis(300);
/// Pause between broken events where there are many.
const POISON_OFTEN: Duration = Duration::from_millis(250);
/// How often one who waits looks whether a fault was switched.
const LOOK_PAUSE: Duration = Duration::from_millis(500);
/// Seconds between two broken events.
const POISON_SECONDS: std::ops::Range<f64> = 25.0..55.0;
/// Numbers from which the conversations of the two clients are drawn, far from those of the others.
const SMALL_NUMBERS: u64 = 1 << 40;
const POISON_NUMBERS: u64 = 2 << 40;

/// A tenant that runs into its budget and then waits.
pub(super) async fn small_budget(users: Arc<Users>, seed: u64, drain: Fault) {
    for number in SMALL_NUMBERS.. {
        let mut random = plan::random(seed, number, 0);
        let plan = Plan {
            tenant: "tinyshop",
            persona: "assistant",
            user: "ingrid",
            conduct: Conduct::Proper,
            listens: true,
            messages: vec![Say {
                after: Duration::ZERO,
                text: super::phrases::ordinary(&mut random),
            }],
        };
        let is_refused = users.converse(&plan).await == Some(ReplyStatus::BudgetExceeded);
        let pause = if is_refused { SMALL_BACKOFF } else { SMALL_PAUSE };
        let until = Instant::now() + pause;
        while Instant::now() < until {
            // Who drains does not wait, and one who waits may begin to drain.
            let step = if drain.is_on() { DRAIN_PAUSE } else { LOOK_PAUSE };
            if users.pause(step).await.is_break() {
                return;
            }
            if drain.is_on() {
                break;
            }
        }
    }
}

/// A client that goes past the gateway and writes what no worker can read.
pub(super) async fn poison(producer: Producer, seed: u64, often: Fault, stop: CancellationToken) {
    for number in POISON_NUMBERS.. {
        let mut random = plan::random(seed, number, 0);
        // The first one comes early, so that a young demo shows one.
        let first = if number == POISON_NUMBERS { 0.4 } else { 1.0 };
        let pause = Duration::from_secs_f64(random.random_range(POISON_SECONDS) * first);
        let until = Instant::now() + pause;
        while Instant::now() < until {
            let step = if often.is_on() { POISON_OFTEN } else { LOOK_PAUSE };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(step) => {}
            }
            if often.is_on() {
                break;
            }
        }
        let payload: &[u8] = match random.random_range(0..3) {
            0 => b"{\"id\": \"7\", \"type\": \"conversation.message\", ",
            1 => b"hello, is this the right place?",
            _ => b"{\"id\":\"7\",\"type\":\"conversation.message\",\"timestamp_ms\":0,\"data\":{\"text\":\"no session\"}}",
        };
        let span = tracing::info_span!("poison", otel.name = "write past the gateway", otel.kind = "producer");
        send(&producer, payload).instrument(span).await;
    }
}

async fn send(producer: &Producer, payload: &[u8]) {
    let context = skopos_sdk::propagation::current_context();
    match producer
        .publish_raw(topics::INBOUND, "stray", "stray", payload, &context)
        .await
    {
        Ok(_) => log::info!(
            bytes = payload.len(),
            "a broken event was written straight to the topic"
        ),
        Err(error) => log::warn!(error = chain(&error), "broken event"),
    }
}
