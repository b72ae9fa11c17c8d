//! The world behind the data: users with latent tastes who like some items better than others. Seeded.
//!
//! A user's taste and an item's character are vectors; how much a user likes an item is their inner product and the
//! item's fame. What users do is drawn from that, so that a model has something true to find.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::catalog::Tenant;
use crate::events::{Action, Interaction};

/// Dimensions of taste; the models are given a few more.
const TASTES: usize = 5;
/// How sharply tastes decide: at 0 everything is liked alike.
const SHARPNESS: f64 = 1.6;
/// Items of a user's history, at least and at most.
const HISTORY: std::ops::Range<usize> = 12..28;

/// Users and items of one tenant.
#[derive(Debug)]
pub(crate) struct World {
    tenant: &'static Tenant,
    users: Vec<[f64; TASTES]>,
    items: Vec<([f64; TASTES], f64)>,
}

impl World {
    /// The same for every process and run: it depends on the tenant's name alone.
    pub(crate) fn of(tenant: &'static Tenant) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed_of(tenant.id));
        let users = (0..tenant.users).map(|_| vector(&mut random)).collect();
        let items = (0..tenant.items)
            .map(|_| (vector(&mut random), 0.5 * gaussian(&mut random)))
            .collect();
        Self { tenant, users, items }
    }

    /// One item that the user turns to, none for a user who does not exist.
    pub(crate) fn choose(&self, user: u32, random: &mut impl Rng) -> Option<u32> {
        let weights = self.weights(user)?;
        let mut at = random.random_range(0.0..weights.iter().sum());
        let found = weights.iter().position(|weight| {
            at -= weight;
            at < 0.0
        });
        Some(found.unwrap_or(weights.len() - 1) as u32)
    }

    /// What a user does with an item that was turned to.
    pub(crate) fn act(random: &mut impl Rng) -> Action {
        match random.random_range(0..10) {
            0 => Action::Purchase,
            1..=3 => Action::Click,
            _ => Action::View,
        }
    }

    /// What all users did before anybody looked: the data that the first models are trained on.
    pub(crate) fn history(&self) -> Vec<Interaction> {
        let mut random = ChaCha8Rng::seed_from_u64(seed_of(self.tenant.id) ^ 1);
        let mut all = Vec::new();
        for user in 0..self.tenant.users {
            for _ in 0..random.random_range(HISTORY) {
                let Some(item) = self.choose(user, &mut random) else {
                    continue;
                };
                all.push(Interaction {
                    tenant_id: self.tenant.id.to_owned(),
                    user,
                    item,
                    action: Self::act(&mut random),
                });
            }
        }
        all
    }

    fn weights(&self, user: u32) -> Option<Vec<f64>> {
        let taste = self.users.get(user as usize)?;
        let weight = |(character, fame): &([f64; TASTES], f64)| {
            let liking: f64 = taste.iter().zip(character).map(|(a, b)| a * b).sum();
            (SHARPNESS * (liking + fame)).exp()
        };
        Some(self.items.iter().map(weight).collect())
    }
}

fn vector(random: &mut impl Rng) -> [f64; TASTES] {
    std::array::from_fn(|_| gaussian(random))
}

/// A standard normal number (Box and Muller, 1958).
fn gaussian(random: &mut impl Rng) -> f64 {
    let (u, v): (f64, f64) = (random.random_range(f64::EPSILON..1.0), random.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// FNV-1a: a name as a seed, the same on every machine.
fn seed_of(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::TENANTS;

    #[test]
    fn the_same_tenant_has_the_same_past() {
        let (one, two) = (World::of(&TENANTS[0]), World::of(&TENANTS[0]));
        assert_eq!(one.history(), two.history());
        assert_ne!(one.history()[..20], World::of(&TENANTS[1]).history()[..20]);
    }

    #[test]
    fn users_turn_to_what_they_like() {
        let world = World::of(&TENANTS[0]);
        let weights = world.weights(3).expect("the user exists");
        let mean = weights.iter().sum::<f64>() / weights.len() as f64;
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let chosen: Vec<f64> = (0..200)
            .filter_map(|_| world.choose(3, &mut random))
            .map(|item| weights[item as usize])
            .collect();
        assert!(chosen.iter().sum::<f64>() / 200.0 > 2.0 * mean);
        assert_eq!(world.choose(1_000_000, &mut random), None);
    }
}
