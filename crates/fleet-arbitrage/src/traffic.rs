//! The traffic: tasks of all kinds, handed in and followed to their end. Seeded and bounded.

use std::time::Duration;

use clap::Args;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use skopos_fleet_frame::FleetError;
use skopos_fleet_frame::process::{self, Context, ProcessArgs};
use skopos_fleet_frame::traffic::{self, Flow, MixArgs, factor, wait_ready};
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use url::Url;

use crate::app::{Submitted, TaskKind, TaskRequest};
use crate::faults::FAULTS;
use crate::peer::{self, Peer};
use crate::{APP, TRAFFIC};

/// Tasks a second at the usual load.
const DEFAULT_RATE: f64 = 1.5;
/// Reads of a task, and the pause before the first; each further pause is longer by half.
const READS: u32 = 8;
const READ_PAUSE: Duration = Duration::from_millis(300);
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// What is asked in a research.
const QUESTIONS: [&str; 6] = [
    "When does the price of green coffee rise?",
    "What fees does a seller pay at marketplace-south?",
    "How many lots of a good may an agent hold?",
    "Where is olive oil cheaper?",
    "When are goods released after a payment?",
    "Which strategy wins in the arena?",
];

/// Settings of the traffic.
#[derive(Debug, Args)]
pub(crate) struct TrafficArgs {
    /// Where the agents are.
    #[arg(long, default_value = "http://127.0.0.1:8050", value_name = "URL")]
    arbitrage: Url,
    /// Tasks that begin in a second at the usual load.
    #[arg(long, default_value_t = DEFAULT_RATE, value_parser = factor, value_name = "PER SECOND")]
    rate: f64,
    #[command(flatten)]
    mix: MixArgs,
    /// Tasks followed at one time; beyond it new ones are left out.
    #[arg(long, default_value_t = 100, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1000))]
    concurrency: u16,
    /// Tasks after which the traffic ends; without it, it goes on.
    #[arg(long, value_name = "COUNT")]
    tasks: Option<u64>,
    #[command(flatten)]
    process: ProcessArgs,
}

pub(crate) fn run(arguments: TrafficArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    process::run(TRAFFIC, &process, FAULTS, |context| generate(arguments, context))
}

/// The task of that number: one seed and number, one task.
fn plan(seed: u64, number: u64) -> TaskRequest {
    let mut rng = generator(seed, number);
    let kind = match rng.random_range(0..100) {
        0..40 => TaskKind::PriceWatch,
        40..65 => TaskKind::Trade,
        65..88 => TaskKind::Research,
        _ => TaskKind::Arena,
    };
    let input = match kind {
        TaskKind::Research => QUESTIONS.choose(&mut rng).copied().unwrap_or_default().to_owned(),
        TaskKind::Arena => rng.random_range(0..10_000).to_string(),
        TaskKind::PriceWatch | TaskKind::Trade => String::new(),
    };
    TaskRequest { kind, input }
}

/// The pause before that task: exponential, as between callers who do not know of one another.
fn pause(seed: u64, number: u64, rate: f64) -> Duration {
    let chance: f64 = generator(!seed, number).random_range(0.001..1.0);
    traffic::pause(chance, rate)
}

fn generator(seed: u64, number: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(number);
    rng
}

async fn generate(arguments: TrafficArgs, context: Context) -> Result<(), FleetError> {
    crate::propagate();
    let agents = Peer::new(APP, arguments.arbitrage.as_str(), peer::client(CALL_TIMEOUT, &[])?);
    if !wait_ready(&context.stop, async || agents.get::<Value>("/health").await.is_ok()).await {
        return Ok(());
    }
    let (seed, rate) = (arguments.mix.seed, arguments.rate * arguments.mix.load);
    tracing::info!(rate, seed, "traffic begins");
    let tasks = TaskTracker::new();
    let flow = Flow {
        name: "tasks",
        concurrency: usize::from(arguments.concurrency),
        count: arguments.tasks,
    };
    let wait = async |number| tokio::time::sleep(pause(seed, number, rate)).await;
    let begin = |number| {
        let (request, agents, stop) = (plan(seed, number), agents.clone(), context.stop.clone());
        let span = tracing::info_span!("follow", otel.name = format!("follow {}", request.kind.as_str()));
        let follow = async move {
            stop.run_until_cancelled(follow(&agents, &request)).await;
        };
        follow.instrument(span)
    };
    flow.run(&context.stop, &tasks, wait, begin).await;
    tasks.close();
    tasks.wait().await;
    Ok(())
}

/// Hands a task in and reads it until it has ended, or is late.
async fn follow(agents: &Peer, request: &TaskRequest) {
    let submitted: Submitted = match agents.post("/v1/tasks", request).await {
        Ok(submitted) => submitted,
        Err(error) => {
            tracing::warn!(%error, "a task was not taken on");
            return;
        }
    };
    let path = format!("/v1/tasks/{}", submitted.task_id);
    let mut pause = READ_PAUSE;
    for _ in 0..READS {
        tokio::time::sleep(pause).await;
        pause = pause * 3 / 2;
        match agents.get::<Value>(&path).await {
            Ok(progress) if progress["state"] == "waiting" || progress["state"] == "running" => {}
            Ok(_) => return,
            Err(error) => tracing::warn!(%error, "a task could not be read"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_makes_one_mix_that_holds_every_kind() {
        let kinds = |seed| (0..200).map(|number| plan(seed, number).kind).collect::<Vec<_>>();
        assert_eq!(kinds(1), kinds(1));
        assert_ne!(kinds(1), kinds(2));
        for kind in [
            TaskKind::PriceWatch,
            TaskKind::Trade,
            TaskKind::Research,
            TaskKind::Arena,
        ] {
            assert!(kinds(1).contains(&kind), "{kind:?}");
        }
    }

    #[test]
    fn tasks_come_at_the_rate() {
        let total: Duration = (0..4_000).map(|number| pause(1, number, 2.0)).sum();
        assert!((1_800.0..2_200.0).contains(&total.as_secs_f64()), "{total:?}");
    }
}
