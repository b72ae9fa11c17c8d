//! An axum service under load with and without the SDK, in turns, so that noise of the machine meets both alike.
//!
//! `cargo bench -p skopos-sdk --bench service [-- KIND…]`. The two services are processes of their own with one worker
//! thread each, so that neither has the other's subscriber; they have a processor to themselves, and the client another one,
//! where the machine has two. A round is a fixed number of requests over loopback from a fixed number of connections, short,
//! so that the two rounds of a pair meet the same machine. Judged is the processor time of the whole process for a request,
//! the exporter's thread included, as ratio of the two rounds of a pair: it says what a server at its limit loses, also on
//! a machine that others keep busy. The servers are started anew several times, for where its memory lies makes a process
//! faster or slower for as long as it lives; the interval of 95 % confidence is over the starts. With `--test` one short
//! round runs. `… --bench service -- --instructions [KIND…]` counts instead the instructions of a request with valgrind.

use std::time::Duration;

use crate::kinds::Kind;
use crate::load::{Round, round};
use crate::server::{Server, Serves};

#[path = "../shared/callgrind.rs"]
mod callgrind;
mod instructions;
mod kinds;
mod load;
mod processor;
mod server;

/// How often both servers are started anew, and the pairs of rounds each time.
const STARTS: usize = 21;
const PAIRS: usize = 20;

/// What one kind of request costs, over all pairs of rounds.
#[derive(Default)]
struct Figures {
    /// Processor time for a request, in microseconds, plain and with the SDK.
    cost: [Vec<f64>; 2],
    /// Requests a second.
    rate: [Vec<f64>; 2],
    /// 99th percentile of the answer's time, in microseconds.
    p99: [Vec<f64>; 2],
}

impl Figures {
    fn add(&mut self, which: usize, round: &Round, used: Duration) {
        let requests = round.times.len();
        self.cost[which].push(used.as_secs_f64() * 1e6 / requests as f64);
        self.rate[which].push(requests as f64 / round.elapsed.as_secs_f64());
        self.p99[which].push(round.times[requests * 99 / 100].as_secs_f64() * 1e6);
    }

    #[expect(clippy::print_stdout, reason = "the result of the program")]
    fn print(&self, kind: &Kind) {
        let part = of_starts(&self.cost, |plain, observed| observed - plain);
        let loss = of_starts(&self.cost, |plain, observed| (observed / plain - 1.0) * 100.0);
        let ratio = |figures| of_starts(figures, |plain, observed| observed / plain);
        println!(
            "{:<6} plain {:7.2} µs, the SDK's part {part} µs, loss {loss} %; 1 % from {:4.0} µs; by the clock: throughput × {}, p99 × {} ({STARTS} starts, each {} pairs of {} requests: {})",
            kind.name,
            Interval::of(&self.cost[0]).median,
            part.median * 100.0,
            ratio(&self.rate),
            ratio(&self.p99),
            PAIRS,
            kind.requests,
            kind.what,
        );
    }
}

/// The median of each start's pairs, over the starts: only those are independent of each other.
fn of_starts(figures: &[Vec<f64>; 2], of: impl Fn(f64, f64) -> f64) -> Interval {
    let [plain, observed] = figures;
    let pairs = plain
        .iter()
        .zip(observed)
        .map(|(plain, observed)| of(*plain, *observed));
    let pairs: Vec<f64> = pairs.collect();
    let medians: Vec<f64> = pairs.chunks(PAIRS).map(|pairs| Interval::of(pairs).median).collect();
    Interval::of(&medians)
}

/// A median and its interval of 95 % confidence by ranks, which asks nothing of the distribution.
struct Interval {
    median: f64,
    low: f64,
    high: f64,
}

impl Interval {
    fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len();
        // The ranks that the sign test does not refuse, by the normal approximation.
        let below = ((count as f64 - 1.96 * (count as f64).sqrt()) / 2.0).max(0.0) as usize;
        Self {
            median: sorted[count / 2],
            low: sorted[below],
            high: sorted[count - 1 - below],
        }
    }
}

impl std::fmt::Display for Interval {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.3} [{:.3}, {:.3}]", self.median, self.low, self.high)
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|word| *word != "--bench")
        .collect();
    match words[..] {
        [server::SERVE, which] => server::serve(Serves::of(which)),
        [instructions::REQUESTS, which, kind, count] => {
            let [kind] = kinds::wanted(&[kind])[..] else {
                panic!("{kind} is no kind");
            };
            instructions::run(Serves::of(which), kind, count.parse().expect("a count"));
        }
        ["--instructions", ref wanted @ ..] => instructions::print(wanted),
        ["--test", ref wanted @ ..] => compare(&kinds::wanted(wanted), Some(80), 1, 1),
        ref wanted => compare(&kinds::wanted(wanted), None, STARTS, PAIRS),
    }
}

/// Loads both servers in turns.
fn compare(kinds: &[&Kind], requests: Option<usize>, starts: usize, pairs: usize) {
    processor::keep_to(processor::CLIENT);
    let client = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    for kind in kinds {
        let requests = requests.unwrap_or(kind.requests);
        let mut figures = Figures::default();
        for _ in 0..starts {
            let mut servers = [Server::start(Serves::Plain), Server::start(Serves::OneInTen)];
            for pair in 0..=pairs {
                // The order turns with each pair, so that neither is always the second.
                for which in if pair % 2 == 0 { [0, 1] } else { [1, 0] } {
                    let round = client
                        .block_on(round(servers[which].address, kind, requests))
                        .unwrap_or_else(|error| {
                            panic!("{}: {error}; the server: {:?}", kind.name, servers[which].end())
                        });
                    // Since the end of its last round: what the exporter does meanwhile belongs to that.
                    let used = servers[which].used_since_asked();
                    // The first pair finds both without their series and with cold caches.
                    if pair > 0 {
                        figures.add(which, &round, used);
                    }
                }
            }
        }
        figures.print(kind);
    }
}
