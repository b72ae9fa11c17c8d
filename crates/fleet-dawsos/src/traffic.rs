//! The traffic: analysts who look at their portfolios, ask for risk, book trades and now and then test the worst case.

use std::time::Duration;

use clap::Args;
use http::StatusCode;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use reqwest::Client;
use serde_json::{Value, json};
use skopos_fleet_frame::process::{Context, ProcessArgs};
use skopos_fleet_frame::traffic::{Flow, MixArgs, wait_ready};
use skopos_fleet_frame::{Fault, FleetError};
use tokio_util::task::TaskTracker;

use crate::TRAFFIC;

/// Fault: hardly anybody works.
pub(crate) const QUIET: &str = "dawsos-quiet";

/// Requests a second at the usual load.
const RATE: f64 = 4.0;
/// Requests under way at one time; beyond it new ones are left out.
const CONCURRENCY: usize = 32;
/// Pause between two requests while hardly anybody works.
const QUIET_PAUSE: Duration = Duration::from_mins(1);
/// How soon a switched fault is seen.
const LOOK: Duration = Duration::from_millis(500);
const TIMEOUT: Duration = Duration::from_secs(10);
/// How many of each pattern are in one deck of forty, which is dealt shuffled: the rare one stays rare.
const DECK: [(&str, usize); 5] = [
    ("portfolio_overview", 15),
    ("risk_review", 12),
    ("macro_outlook", 6),
    ("record_trade", 6),
    ("stress_test", 1),
];
/// Portfolios with a security that each trades.
const PORTFOLIOS: [(&str, &str); 3] = [
    ("harbour-growth", "ALBA"),
    ("lighthouse-income", "MNTB"),
    ("pier-balanced", "FJRD"),
];
const USERS: u32 = 12;

/// Settings of the traffic.
#[derive(Debug, Args)]
pub(crate) struct TrafficArgs {
    /// Where the executor API is.
    #[arg(
        long,
        env = "DAWSOS_BACKEND_URL",
        default_value = "http://127.0.0.1:8030",
        value_name = "URL"
    )]
    backend: String,
    #[command(flatten)]
    mix: MixArgs,
    #[command(flatten)]
    process: ProcessArgs,
}

/// One request of an analyst.
#[derive(Debug, Clone, PartialEq)]
struct Ask {
    pattern_id: &'static str,
    user_id: String,
    inputs: Value,
}

pub(super) fn run(arguments: TrafficArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    crate::run_service(TRAFFIC, &process, |context| generate(arguments, context))
}

async fn generate(arguments: TrafficArgs, context: Context) -> Result<(), FleetError> {
    let client = crate::http_client(TIMEOUT)?;
    let base = arguments.backend.trim_end_matches('/');
    let (url, ready) = (format!("{base}/v1/execute"), Ask::first());
    let is_ready = async || matches!(send(&client, &url, &ready).await, Ok(StatusCode::OK));
    if !wait_ready(&context.stop, is_ready).await {
        return Ok(());
    }
    let MixArgs { seed, load } = arguments.mix;
    tracing::info!(rate = RATE * load, seed, "traffic begins");
    let quiet = context.faults.get(QUIET);
    let (mut pauses, mut random) = (ChaCha8Rng::seed_from_u64(!seed), ChaCha8Rng::seed_from_u64(seed));
    let (tasks, mut deck) = (TaskTracker::new(), Vec::new());
    let flow = Flow {
        name: "requests",
        concurrency: CONCURRENCY,
        count: None,
    };
    let pause = async |_| wait(&mut pauses, load, &quiet).await;
    let begin = |_| {
        let (ask, client, url) = (deal(&mut deck, &mut random), client.clone(), url.clone());
        async move {
            if let Err(error) = send(&client, &url, &ask).await {
                tracing::debug!(%error, pattern_id = ask.pattern_id, "no answer");
            }
        }
    };
    flow.run(&context.stop, &tasks, pause, begin).await;
    tasks.close();
    tasks.wait().await;
    Ok(())
}

/// Waits for the next request.
async fn wait(random: &mut ChaCha8Rng, load: f64, quiet: &Fault) {
    let usual = Duration::from_secs_f64(random.random_range(0.6..1.4) / (RATE * load));
    tokio::time::sleep(usual).await;
    let mut waited = Duration::ZERO;
    while quiet.is_on() && waited < QUIET_PAUSE {
        tokio::time::sleep(LOOK).await;
        waited += LOOK;
    }
}

async fn send(client: &Client, url: &str, ask: &Ask) -> reqwest::Result<StatusCode> {
    let body = json!({ "pattern_id": ask.pattern_id, "inputs": ask.inputs });
    let request = client.post(url).header("x-user-id", &ask.user_id).json(&body);
    Ok(skopos_sdk::client::send(client, request).await?.status())
}

/// The next card of the deck; an empty one is made anew.
fn deal(deck: &mut Vec<&'static str>, random: &mut ChaCha8Rng) -> Ask {
    if deck.is_empty() {
        let cards = DECK
            .iter()
            .flat_map(|(pattern_id, count)| std::iter::repeat_n(*pattern_id, *count));
        deck.extend(cards);
        deck.shuffle(random);
    }
    let pattern_id = deck.pop().unwrap_or(DECK[0].0);
    let (portfolio_id, security) = PORTFOLIOS[random.random_range(0..PORTFOLIOS.len())];
    let user_id = format!("analyst-{}", random.random_range(1..=USERS));
    let inputs = match pattern_id {
        // Bought and sold in turn, so that positions stay what they are in the long run.
        "record_trade" => {
            let quantity = if random.random_bool(0.5) { 10 } else { -10 };
            json!({ "portfolio_id": portfolio_id, "security": security, "quantity": quantity })
        }
        "macro_outlook" => json!({}),
        _ => json!({ "portfolio_id": portfolio_id, "require_fresh": random.random_bool(0.25) }),
    };
    Ask {
        pattern_id,
        user_id,
        inputs,
    }
}

impl Ask {
    /// The one that shows whether the system is ready: it needs a pack and two agents.
    fn first() -> Self {
        let inputs = json!({ "portfolio_id": PORTFOLIOS[0].0 });
        Self {
            pattern_id: DECK[0].0,
            user_id: "analyst-1".to_owned(),
            inputs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(seed: u64, length: usize) -> Vec<Ask> {
        let (mut deck, mut random) = (Vec::new(), ChaCha8Rng::seed_from_u64(seed));
        (0..length).map(|_| deal(&mut deck, &mut random)).collect()
    }

    #[test]
    fn one_seed_is_one_sequence_of_whole_decks() {
        let asked = sequence(7, 80);
        assert_eq!(asked, sequence(7, 80));
        assert_ne!(asked, sequence(8, 80));
        for deck in asked.chunks(40) {
            for (pattern_id, count) in DECK {
                assert_eq!(deck.iter().filter(|ask| ask.pattern_id == pattern_id).count(), count);
            }
        }
    }
}
