//! One training job: gather what users did, hold a part out, factorise, and measure on the part that was held out.

use std::collections::{BTreeMap, BTreeSet};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::als::{self, Acts, Diverged, Items};
use super::model::Model;
use super::quality::{self, Quality};
use crate::catalog::Tenant;
use crate::events::Interaction;
use crate::tastes::World;

/// Name of the only kind of model here.
pub(super) const MODEL_NAME: &str = "als-10";
/// One of so many of a user's items is held out.
const HELD_OUT_SHARE: usize = 5;

/// What a job works on.
#[derive(Debug)]
pub(super) struct TrainingData {
    pub(super) tenant: &'static Tenant,
    by_user: Vec<Acts>,
}

impl TrainingData {
    /// Joins the past with what the pipeline has loaded since.
    pub(super) fn gather(tenant: &'static Tenant, loaded: &[Interaction]) -> Self {
        let mut weights: Vec<BTreeMap<u32, f64>> = vec![BTreeMap::new(); tenant.users as usize];
        let past = World::of(tenant).history();
        for act in past.iter().chain(loaded).filter(|act| act.check().is_ok()) {
            if let Some(items) = weights.get_mut(act.user as usize) {
                *items.entry(act.item).or_default() += act.action.weight();
            }
        }
        let by_user = weights.into_iter().map(|items| items.into_iter().collect()).collect();
        Self { tenant, by_user }
    }

    /// Spoils one weight, as a broken upstream export would.
    pub(super) fn poison(&mut self) {
        if let Some((_, weight)) = self.by_user.first_mut().and_then(|acts| acts.first_mut()) {
            *weight = f64::NAN;
        }
    }

    /// Trains and measures. Blocks for some tens of milliseconds.
    pub(super) fn train(self, version: u64) -> Result<Model, Diverged> {
        let (kept, held_out) = self.split(version);
        let items = als::train(&kept, self.tenant.items, version)?;
        let quality = measure(&items, &kept, &held_out);
        Ok(Model::new(self.tenant, version, items, self.by_user, quality))
    }

    /// What is trained on, and what is measured with: other items of the same users.
    fn split(&self, seed: u64) -> (Vec<Acts>, Vec<BTreeSet<u32>>) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let of_user = |acts: &Acts| {
            let mut acts = acts.clone();
            acts.shuffle(&mut random);
            let held_out = acts.split_off(acts.len() - acts.len() / HELD_OUT_SHARE);
            (acts, held_out.into_iter().map(|(item, _)| item).collect())
        };
        self.by_user.iter().map(of_user).unzip()
    }
}

fn measure(items: &Items, kept: &[Acts], held_out: &[BTreeSet<u32>]) -> Quality {
    let mut each = Vec::new();
    for (acts, relevant) in kept.iter().zip(held_out).filter(|(_, relevant)| !relevant.is_empty()) {
        let Some(place) = items.place(acts) else { continue };
        let scores = als::scores(items, &place);
        let seen: BTreeSet<u32> = acts.iter().map(|(item, _)| *item).collect();
        let mut ranked: Vec<u32> = (0..scores.len() as u32).filter(|item| !seen.contains(item)).collect();
        ranked.sort_by(|a, b| scores[*b as usize].total_cmp(&scores[*a as usize]));
        each.push(quality::of_ranking(&ranked, relevant));
    }
    quality::mean(&each)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::TENANTS;
    use crate::events::Action;

    #[test]
    fn a_model_ranks_far_better_than_chance() {
        let tenant = &TENANTS[2];
        let model = TrainingData::gather(tenant, &[]).train(1).expect("finite data");
        let quality = model.quality;
        // Of 120 items some 3 are relevant: a random ten finds 1 in 12 of them.
        assert!(quality.recall > 0.25 && quality.ndcg > 0.15, "{quality:?}");
        assert!(
            quality.map > 0.0 && quality.precision > 0.0 && quality.recall < 1.0,
            "{quality:?}"
        );
    }

    #[test]
    fn nothing_that_is_measured_was_trained_on() {
        let data = TrainingData::gather(&TENANTS[3], &[]);
        let (kept, held_out) = data.split(4);
        assert!(held_out.iter().any(|items| !items.is_empty()));
        for (acts, relevant) in kept.iter().zip(&held_out) {
            assert!(acts.iter().all(|(item, _)| !relevant.contains(item)));
        }
    }

    #[test]
    fn what_the_pipeline_loaded_counts() {
        let tenant = &TENANTS[3];
        let act = Interaction {
            tenant_id: tenant.id.to_owned(),
            user: 5,
            item: 7,
            action: Action::Purchase,
        };
        let weight = |loaded: &[Interaction]| {
            let data = TrainingData::gather(tenant, loaded);
            let found = data.by_user[5].iter().find(|(item, _)| *item == 7);
            found.map_or(0.0, |(_, weight)| *weight)
        };
        assert!((weight(&[act.clone(), act]) - weight(&[]) - 10.0).abs() < 1e-9);
    }

    #[test]
    fn poisoned_data_fails_the_job() {
        let mut data = TrainingData::gather(&TENANTS[3], &[]);
        data.poison();
        assert_eq!(data.train(1).map(|_| ()), Err(Diverged { round: 1 }));
    }
}
