//! Matrix factorisation of implicit feedback by alternating least squares (Hu, Koren and Volinsky, 2008).
//!
//! Each act raises the confidence that the user likes the item: `c = 1 + alpha * weight`. A row is the solution of
//! `(YᵀY + Yᵀ(C - I)Y + lambda I) x = YᵀC p`; rows of users and of items are solved in turn.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::linear::{dot, solve};

/// Length of a row.
pub(super) const RANK: usize = 10;
const ALPHA: f64 = 6.0;
const LAMBDA: f64 = 4.0;
/// Rounds of users and items; further ones change little.
const ROUNDS: u32 = 8;

/// What one user did, or what was done with one item: the other's number and the weight.
pub(super) type Acts = Vec<(u32, f64)>;

/// Rows of one side, one after the other.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Factors(Vec<f64>);

impl Factors {
    fn random(rows: usize, random: &mut impl Rng) -> Self {
        Self((0..rows * RANK).map(|_| random.random_range(-0.1..0.1)).collect())
    }

    pub(super) fn row(&self, number: u32) -> &[f64] {
        let start = number as usize * RANK;
        self.0.get(start..start + RANK).unwrap_or_default()
    }

    pub(super) fn rows(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.0.chunks_exact(RANK)
    }
}

/// The factorisation came to no finite answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the factorisation diverged in round {round}: an act of the training data has no finite weight")]
pub(super) struct Diverged {
    pub(super) round: u32,
}

/// The items of a trained model, and what is needed to place a user among them.
#[derive(Debug)]
pub(super) struct Items {
    pub(super) factors: Factors,
    gram: Vec<f64>,
}

impl Items {
    /// The row of a user who did `acts`; none where a weight is not finite.
    pub(super) fn place(&self, acts: &Acts) -> Option<Vec<f64>> {
        solve_row(&self.factors, &self.gram, acts)
    }
}

/// Factorises; `by_user` holds each user's acts, items are numbered below `items`.
pub(super) fn train(by_user: &[Acts], items: u32, seed: u64) -> Result<Items, Diverged> {
    let by_item = transpose(by_user, items);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut factors = Factors::random(items as usize, &mut random);
    for round in 1..=ROUNDS {
        let users = solve_side(&factors, by_user).ok_or(Diverged { round })?;
        factors = solve_side(&users, &by_item).ok_or(Diverged { round })?;
    }
    let gram = gram(&factors);
    Ok(Items { factors, gram })
}

fn transpose(by_user: &[Acts], items: u32) -> Vec<Acts> {
    let mut by_item = vec![Acts::new(); items as usize];
    for (user, acts) in by_user.iter().enumerate() {
        for (item, weight) in acts {
            if let Some(list) = by_item.get_mut(*item as usize) {
                list.push((user as u32, *weight));
            }
        }
    }
    by_item
}

fn solve_side(other: &Factors, acts: &[Acts]) -> Option<Factors> {
    let gram = gram(other);
    let mut rows = Vec::with_capacity(acts.len() * RANK);
    for list in acts {
        rows.extend(solve_row(other, &gram, list)?);
    }
    Some(Factors(rows))
}

fn solve_row(other: &Factors, gram: &[f64], acts: &Acts) -> Option<Vec<f64>> {
    let (mut a, mut b) = (gram.to_vec(), vec![0.0; RANK]);
    for diagonal in 0..RANK {
        a[diagonal * RANK + diagonal] += LAMBDA;
    }
    for (number, weight) in acts {
        let (row, extra) = (other.row(*number), ALPHA * weight);
        for (i, x) in row.iter().enumerate() {
            b[i] += (1.0 + extra) * x;
            for (j, y) in row.iter().enumerate() {
                a[i * RANK + j] += extra * x * y;
            }
        }
    }
    solve(&mut a, &mut b)?;
    Some(b)
}

/// `YᵀY`.
fn gram(factors: &Factors) -> Vec<f64> {
    let mut gram = vec![0.0; RANK * RANK];
    for row in factors.rows() {
        for (i, x) in row.iter().enumerate() {
            for (j, y) in row.iter().enumerate() {
                gram[i * RANK + j] += x * y;
            }
        }
    }
    gram
}

/// How much a user in that place likes each item.
pub(super) fn scores(items: &Items, place: &[f64]) -> Vec<f64> {
    items.factors.rows().map(|row| dot(row, place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two camps: even users like even items, odd users odd ones; user 0 has not seen item 4, user 1 not item 5.
    fn camps() -> Vec<Acts> {
        (0..12_u32)
            .map(|user| {
                (0..8)
                    .filter(|item| item % 2 == user % 2 && *item != user + 4)
                    .map(|item| (item, 2.0))
                    .collect()
            })
            .collect()
    }

    #[test]
    fn the_camps_are_found_again() {
        let acts = camps();
        let items = train(&acts, 8, 1).expect("finite weights");
        for user in [0_u32, 1] {
            let scores = scores(&items, &items.place(&acts[user as usize]).expect("finite"));
            let other_camp = (1 - user..8).step_by(2).map(|item| scores[item as usize]);
            let unseen = scores[user as usize + 4];
            assert!(other_camp.fold(f64::MIN, f64::max) < unseen, "user {user}: {scores:?}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_model() {
        let (one, two) = (train(&camps(), 8, 3), train(&camps(), 8, 3));
        assert_eq!(one.expect("finite").factors, two.expect("finite").factors);
    }

    #[test]
    fn a_poisoned_weight_is_an_error() {
        let mut acts = camps();
        acts[5][0].1 = f64::NAN;
        assert_eq!(train(&acts, 8, 1).map(|_| ()), Err(Diverged { round: 1 }));
    }
}
