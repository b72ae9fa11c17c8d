//! The arena: strategies trade the same days between two markets; the highest profit wins.

use serde::Serialize;
use skopos_fleet_frame::{Fault, Faults};
use skopos_sdk::tasks::trace_arena_competition;

use crate::failure::Failure;
use crate::faults::ARENA_BROKEN;
use crate::market::Book;

/// Days of a competition, and those before it in which the markets fill.
const DAYS: usize = 60;
const DAYS_BEFORE: usize = 20;
/// Days that the careful strategy looks back.
const LOOK_BACK: usize = 10;
/// What a strategy begins with, in cents.
const PURSE: f64 = 1e6;
const FEE: f64 = 0.01;

/// When a strategy buys, and how much.
#[derive(Debug, Clone, Copy)]
enum Strategy {
    /// Buys one lot at every margin above this.
    Margin { name: &'static str, least: f64 },
    /// The same with a share of the purse that shrinks with the movement of the last days.
    RiskScaled { least: f64, days: usize },
}

/// A strategy with what it has earned, in cents.
#[derive(Debug, Serialize)]
pub(super) struct Score {
    pub(super) strategy: &'static str,
    pub(super) profit_cents: f64,
}

/// A lot of one day: what it costs here and brings there, in cents.
#[derive(Debug, Clone, Copy)]
struct Offer {
    cost: f64,
    proceeds: f64,
}

/// Where strategies compete.
#[derive(Debug)]
pub(super) struct Arena {
    broken: Fault,
}

impl Arena {
    pub(super) fn new(faults: &Faults) -> Self {
        Self {
            broken: faults.get(ARENA_BROKEN),
        }
    }

    /// Lets all strategies trade the days that the seed makes, and ranks them, the best one first.
    pub(super) fn compete(&self, competition_id: &str, seed: u64) -> Result<Vec<Score>, Failure> {
        let competition = trace_arena_competition(competition_id);
        competition.run_sync(|| {
            let days = days(seed);
            let scores = self.strategies().map(|strategy| strategy.trade(&days));
            let ranking = rank(scores.into())?;
            if let [first, second, ..] = &ranking[..]
                && first.profit_cents == second.profit_cents
            {
                competition.outcome("draw");
            }
            Ok(ranking)
        })
    }

    fn strategies(&self) -> [Strategy; 3] {
        let days = if self.broken.is_on() { 0 } else { LOOK_BACK };
        [
            Strategy::Margin {
                name: "eager",
                least: 0.01,
            },
            Strategy::Margin {
                name: "patient",
                least: 0.08,
            },
            Strategy::RiskScaled { least: 0.03, days },
        ]
    }
}

/// The best offers of each day between two markets.
fn days(seed: u64) -> Vec<Vec<Offer>> {
    let (mut here, mut there) = (Book::new("arena-here", seed), Book::new("arena-there", seed));
    let mut day = || {
        here.tick();
        there.tick();
        let offers = |from: &Book, to: &Book| -> Vec<Offer> {
            to.demand()
                .filter_map(|(good, proceeds)| {
                    let cheapest = from
                        .listings()
                        .filter(|lot| lot.good == good)
                        .map(|lot| lot.price_cents);
                    Some(Offer {
                        cost: cheapest.min()? as f64,
                        proceeds: proceeds as f64 * (1.0 - FEE),
                    })
                })
                .collect()
        };
        [offers(&here, &there), offers(&there, &here)].concat()
    };
    (0..DAYS_BEFORE + DAYS).map(|_| day()).skip(DAYS_BEFORE).collect()
}

impl Strategy {
    fn name(self) -> &'static str {
        match self {
            Self::Margin { name, .. } => name,
            Self::RiskScaled { .. } => "risk-scaled",
        }
    }

    fn trade(self, days: &[Vec<Offer>]) -> Score {
        let mut purse = PURSE;
        let mut margins: Vec<f64> = Vec::new();
        for offers in days {
            for offer in offers {
                let margin = offer.proceeds / offer.cost - 1.0;
                let lots = self.lots(margin, &margins);
                if lots * offer.cost <= purse {
                    purse += lots * (offer.proceeds - offer.cost);
                }
                if lots.is_nan() {
                    purse = f64::NAN;
                }
            }
            let best = offers.iter().map(|offer| offer.proceeds / offer.cost - 1.0);
            margins.push(best.fold(0.0, f64::max));
        }
        Score {
            strategy: self.name(),
            profit_cents: purse - PURSE,
        }
    }

    /// How many lots are bought at a margin, after days with these best margins.
    fn lots(self, margin: f64, before: &[f64]) -> f64 {
        match self {
            Self::Margin { least, .. } => f64::from(margin > least),
            Self::RiskScaled { least, days } => {
                let last = &before[before.len().saturating_sub(days)..];
                if before.len() < days || margin <= least {
                    return 0.0;
                }
                let movement = last.iter().map(|best| best.abs()).sum::<f64>() / last.len() as f64;
                1.0 / (1.0 + 10.0 * movement)
            }
        }
    }
}

/// The judge: the highest profit first. A profit that is no number is no result.
fn rank(mut scores: Vec<Score>) -> Result<Vec<Score>, Failure> {
    if let Some(broken) = scores.iter().find(|score| !score.profit_cents.is_finite()) {
        let message = format!("the score of {} is no number", broken.strategy);
        return Err(Failure::new("no_score", message));
    }
    scores.sort_by(|a, b| b.profit_cents.total_cmp(&a.profit_cents));
    Ok(scores)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arena() -> Arena {
        Arena {
            broken: Fault::default(),
        }
    }

    fn scores(arena: &Arena, seed: u64) -> Result<Vec<Score>, Failure> {
        let days = days(seed);
        rank(arena.strategies().map(|strategy| strategy.trade(&days)).into())
    }

    #[test]
    fn the_ranking_is_by_profit_and_the_same_for_one_seed() {
        let first = scores(&arena(), 7).expect("a ranking");
        assert_eq!(first.len(), 3);
        assert!(first.is_sorted_by(|a, b| a.profit_cents >= b.profit_cents));
        assert!(first[0].profit_cents > 0.0, "{first:?}");
        let again = scores(&arena(), 7).expect("a ranking");
        assert_eq!(first[0].profit_cents, again[0].profit_cents);
        assert_ne!(
            first[0].profit_cents,
            scores(&arena(), 8).expect("a ranking")[0].profit_cents
        );
    }

    #[test]
    fn the_judge_refuses_what_is_no_number() {
        let arena = arena();
        arena.broken.set(true);
        let refused = scores(&arena, 7).expect_err("no ranking");
        assert!(refused.to_string().contains("risk-scaled"), "{refused}");
    }
}
