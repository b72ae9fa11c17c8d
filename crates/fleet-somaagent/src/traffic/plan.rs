//! What a visitor will do, decided from the seed and the journey's number alone. No clock, no network.

use std::fmt::Write as _;
use std::time::Duration;

use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::orchestrator::WORKFLOWS;

/// What projects are made of: a name, and what it is about.
pub(crate) const SUBJECTS: [(&str, &str); 9] = [
    (
        "search",
        "the search index that ranks documents for the queries of users",
    ),
    ("ledger", "the payment ledger that records every movement of money"),
    ("login", "the login with passwords and signed tokens"),
    ("queue", "the notification queue with its workers and retries"),
    ("import", "the import of orders from the files of suppliers"),
    ("reports", "the report pages with the numbers that readers ask for"),
    ("cache", "the cache with a time to live for each answer"),
    ("archive", "the archive of customer records and their deletion"),
    ("tides", "the tide table of the harbour for boats"),
];
/// Users by role; tara, whose tenant is small, comes in journeys of her own.
const BUILDERS: [&str; 3] = ["ada", "ben", "chidi"];
const BUYERS: [&str; 3] = ["dana", "emre", "fay"];
const READERS: [&str; 2] = ["goran", "hana"];
const SMALL_BUYER: &str = "tara";
/// Capsules with something to run them with.
const CAPSULES: [(&str, &str); 8] = [
    (
        "search-advisor",
        "why does the search miss documents that hold the query",
    ),
    ("queue-doctor", "the oldest message in the queue is an hour old"),
    ("report-writer", "a report page on revenue for readers in a hurry"),
    ("cache-tuner", "which answers belong in the cache and for how long"),
    ("tide-reader", "when is high water in the harbour"),
    ("text-matcher", "the boat is late | the ferry has a delay"),
    ("duplicate-finder", "Ada Smith, Quay Street 4 | A. Smith, 4 Quay St"),
    (
        "guide-planner",
        "workflow: research-report\n# Guide\n- tides: the tide table of the harbour",
    ),
];
const REPORTS: [&str; 5] = [
    "revenue-by-capsule",
    "revenue-by-tenant",
    "capsule-executions",
    "workflow-success",
    "sales-by-minute",
];
/// Every so many journeys one is that of the small tenant's buyer: a rare case, and a regular one.
const SMALL_EVERY: u64 = 120;

/// One journey.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Journey {
    /// Hands in a project and reads it until it has ended.
    Project { user: &'static str, text: String },
    /// Searches, and may buy and run what is found first.
    Shop {
        user: &'static str,
        words: &'static str,
        buys: bool,
    },
    /// Runs a capsule that the tenant may or may not have bought.
    Run {
        user: &'static str,
        capsule: &'static str,
        input: &'static str,
    },
    /// Reads a report.
    Report { user: &'static str, name: &'static str },
    /// A small purchase of a small tenant.
    SmallPurchase { user: &'static str },
    /// Does it wrong.
    Mistake(Mistake),
}

/// What a visitor does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mistake {
    NoToken,
    WrongPassword,
    /// A reader hands in a project.
    NotAllowed,
    /// The items of a project wait for one another in a circle.
    Circle,
}

const MISTAKES: [Mistake; 4] = [
    Mistake::NoToken,
    Mistake::WrongPassword,
    Mistake::NotAllowed,
    Mistake::Circle,
];

impl Journey {
    /// A name for its span.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Project { .. } => "journey project",
            Self::Shop { .. } => "journey shop",
            Self::Run { .. } => "journey run",
            Self::Report { .. } => "journey report",
            Self::SmallPurchase { .. } => "journey small purchase",
            Self::Mistake(_) => "journey mistake",
        }
    }
}

/// The journey of this number.
pub(super) fn journey(seed: u64, number: u64) -> Journey {
    let mut random = random(seed, number, 0);
    if number % SMALL_EVERY == SMALL_EVERY / 2 {
        return Journey::SmallPurchase { user: SMALL_BUYER };
    }
    match random.random_range(0..100) {
        0..20 => Journey::Project {
            user: pick(&BUILDERS, &mut random),
            text: project(&mut random),
        },
        20..55 => Journey::Shop {
            user: pick(&BUYERS, &mut random),
            words: pick(&SUBJECTS, &mut random).1,
            buys: random.random_bool(0.4),
        },
        55..80 => {
            let (capsule, input) = pick(&CAPSULES, &mut random);
            let user = if random.random_bool(0.5) {
                pick(&BUILDERS, &mut random)
            } else {
                pick(&BUYERS, &mut random)
            };
            Journey::Run { user, capsule, input }
        }
        80..96 => Journey::Report {
            user: pick(&READERS, &mut random),
            name: pick(&REPORTS, &mut random),
        },
        _ => Journey::Mistake(pick(&MISTAKES, &mut random)),
    }
}

/// The pause before the journey of this number: exponential, as of visitors who know nothing of each other.
pub(super) fn pause(seed: u64, number: u64, rate: f64) -> Duration {
    let uniform: f64 = random(seed, number, 1).random_range(f64::EPSILON..1.0);
    skopos_fleet_frame::traffic::pause(uniform, rate)
}

/// Independent randomness for each seed, journey and purpose.
fn random(seed: u64, number: u64, purpose: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(number.wrapping_mul(2).wrapping_add(purpose));
    random
}

/// One of a list that is not empty.
fn pick<T: Copy, const N: usize>(list: &[T; N], random: &mut impl Rng) -> T {
    *list.choose(random).expect("the lists of this file are not empty")
}

/// A project of two to four subjects, some of which wait for the one before.
fn project(random: &mut impl Rng) -> String {
    let (workflow, _) = pick(&WORKFLOWS, random);
    let mut subjects = SUBJECTS;
    subjects.shuffle(random);
    let chosen = &subjects[..random.random_range(2..=4)];
    let mut text = format!("workflow: {workflow}\n# A service for the harbour\n");
    for (position, (name, about)) in chosen.iter().enumerate() {
        let after = match position.checked_sub(1) {
            Some(before) if random.random_bool(0.5) => format!(" (after {})", chosen[before].0),
            _ => String::new(),
        };
        writeln!(text, "- {name}: {about}{after}").expect("writing to a text does not fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_one_sequence() {
        let sequence = |seed| (0..50).map(|n| journey(seed, n)).collect::<Vec<Journey>>();
        assert_eq!(sequence(3), sequence(3));
        assert_ne!(sequence(3), sequence(4));
    }

    #[test]
    fn the_rare_journey_stays_below_the_error_budget_of_a_fast_burn() {
        let journeys: Vec<Journey> = (0..1600).map(|n| journey(1, n)).collect();
        let small = journeys
            .iter()
            .filter(|journey| matches!(journey, Journey::SmallPurchase { .. }));
        assert_eq!(small.count(), 1600 / SMALL_EVERY as usize);
        let mistakes = journeys.iter().filter(|journey| matches!(journey, Journey::Mistake(_)));
        assert!((30..120).contains(&mistakes.count()));
    }
}
