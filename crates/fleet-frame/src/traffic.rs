//! The traffic of a system: it waits until the system is ready, then begins one thing after the other, each on a task of
//! its own, until it is told to stop.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use skopos_sdk::log;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::DEFAULT_SEED;

/// Pause between looks whether the system is ready.
const READY_PAUSE: Duration = Duration::from_millis(500);
/// A pause is no longer than so many mean ones.
const LONGEST_PAUSE: f64 = 5.0;

/// What the traffic of every system can be told; a supervisor does.
#[derive(Debug, Clone, Copy, Args)]
pub struct MixArgs {
    /// Seed of the mix: one seed, one sequence.
    #[arg(long, default_value_t = DEFAULT_SEED, value_name = "NUMBER")]
    pub seed: u64,
    /// How much traffic: 2 is twice as much.
    #[arg(long, default_value_t = 1.0, value_parser = factor, value_name = "FACTOR")]
    pub load: f64,
}

/// Reads a rate or a factor: from 0.01 to 200.
pub fn factor(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if (0.01..=200.0).contains(&number) => Ok(number),
        _ => Err("expected a number from 0.01 to 200".to_owned()),
    }
}

/// The pause before the next thing where `rate` begin in a second and know nothing of each other: exponential, with a
/// bound. `uniform` is a random number above 0 and at most 1.
pub fn pause(uniform: f64, rate: f64) -> Duration {
    Duration::from_secs_f64((-uniform.ln()).clamp(0.0, LONGEST_PAUSE) / rate)
}

/// Waits until `is_ready` says so; false if told to stop before.
pub async fn wait_ready(stop: &CancellationToken, is_ready: impl AsyncFn() -> bool) -> bool {
    let looks = async {
        while !is_ready().await {
            tokio::time::sleep(READY_PAUSE).await;
        }
    };
    stop.run_until_cancelled(looks).await.is_some()
}

/// A flow of things that begin one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Flow {
    /// What they are, as a log line says it: `journeys`.
    pub name: &'static str,
    /// So many are under way at one time; beyond it new ones are left out, which is logged.
    pub concurrency: usize,
    /// After so many it ends by itself.
    pub count: Option<u64>,
}

impl Flow {
    /// Before the thing of each number waits for `pause`, then begins it. Returns when told to stop or when all have
    /// begun; what is under way goes on, and `tasks` knows it.
    pub async fn run<W>(
        &self,
        stop: &CancellationToken,
        tasks: &TaskTracker,
        mut pause: impl AsyncFnMut(u64),
        mut begin: impl FnMut(u64) -> W,
    ) where
        W: Future<Output = ()> + Send + 'static,
    {
        let places = Arc::new(Semaphore::new(self.concurrency));
        let mut left_out = 0_u64;
        for number in 0..self.count.unwrap_or(u64::MAX) {
            if stop.run_until_cancelled(pause(number)).await.is_none() {
                return;
            }
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                left_out += 1;
                if left_out.is_power_of_two() {
                    log::warn!(left_out, "{} are left out, too many are under way", self.name);
                }
                continue;
            };
            let work = begin(number);
            tasks.spawn(async move {
                work.await;
                drop(place);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn pauses_have_the_wanted_mean_and_a_bound() {
        let pauses: Vec<f64> = (1..=10_000)
            .map(|n| pause(f64::from(n) / 10_000.0, 4.0).as_secs_f64())
            .collect();
        let mean = pauses.iter().sum::<f64>() / 10_000.0;
        assert!((mean - 0.25).abs() < 0.01, "{mean}");
        assert!(pauses.iter().all(|pause| *pause <= LONGEST_PAUSE / 4.0));
    }

    #[test]
    fn a_factor_has_bounds() {
        assert_eq!(factor("2"), Ok(2.0));
        for text in ["0", "-1", "201", "much", "NaN"] {
            assert!(factor(text).is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn no_more_than_there_are_places_are_under_way_and_the_rest_is_left_out() {
        let flow = Flow {
            name: "things",
            concurrency: 2,
            count: Some(5),
        };
        let (stop, tasks, begun) = (CancellationToken::new(), TaskTracker::new(), AtomicU64::new(0));
        let go = CancellationToken::new();
        let begin = |_| {
            begun.fetch_add(1, Ordering::Relaxed);
            go.clone().cancelled_owned()
        };
        flow.run(&stop, &tasks, async |_| {}, begin).await;
        assert_eq!(begun.load(Ordering::Relaxed), 2);
        go.cancel();
        tasks.close();
        tasks.wait().await;
    }

    #[tokio::test]
    async fn told_to_stop_it_begins_nothing_more() {
        let (stop, begun) = (CancellationToken::new(), AtomicU64::new(0));
        let flow = Flow {
            name: "things",
            concurrency: 100,
            count: None,
        };
        let begin = |number| {
            begun.fetch_add(1, Ordering::Relaxed);
            if number == 2 {
                stop.cancel();
            }
            std::future::ready(())
        };
        let tasks = TaskTracker::new();
        flow.run(&stop, &tasks, async |_| tokio::task::yield_now().await, begin)
            .await;
        assert_eq!(begun.load(Ordering::Relaxed), 3);
        assert!(!wait_ready(&stop, async || false).await);
    }
}
