//! What has been loaded: the latest interactions of each tenant, and which items are popular.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::catalog::{TENANTS, Tenant};
use crate::events::Interaction;
use crate::ranking::{Ranked, Ranking};
use crate::tastes::World;

/// Interactions of a tenant that are kept; older ones make room.
const MAX_INTERACTIONS: usize = 5000;

/// The store.
#[derive(Debug)]
pub(super) struct Store {
    loaded: Mutex<HashMap<&'static str, VecDeque<Interaction>>>,
    /// Weight of each item in the past, before anything was loaded.
    past: HashMap<&'static str, Vec<f64>>,
    popular: Mutex<HashMap<&'static str, Vec<Ranked>>>,
}

impl Store {
    pub(super) fn new() -> Self {
        let past = TENANTS.iter().map(|tenant| {
            let mut weights = vec![0.0; tenant.items as usize];
            add(&mut weights, World::of(tenant).history().iter());
            (tenant.id, weights)
        });
        Self {
            loaded: Mutex::default(),
            past: past.collect(),
            popular: Mutex::default(),
        }
    }

    /// Takes checked interactions.
    pub(super) fn load(&self, batch: Vec<Interaction>) {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        for interaction in batch {
            let Some(tenant) = crate::catalog::find(&interaction.tenant_id) else {
                continue;
            };
            let of_tenant = loaded.entry(tenant.id).or_default();
            if of_tenant.len() >= MAX_INTERACTIONS {
                of_tenant.pop_front();
            }
            of_tenant.push_back(interaction);
        }
    }

    /// The tenant's interactions, oldest first.
    pub(super) fn of(&self, tenant: &Tenant) -> Vec<Interaction> {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.get(tenant.id).into_iter().flatten().cloned().collect()
    }

    /// Weighs the items of all tenants anew; how many interactions were read.
    pub(super) fn aggregate(&self) -> usize {
        let mut read = 0;
        for tenant in TENANTS {
            let loaded = self.of(tenant);
            read += loaded.len();
            let mut weights = self.past.get(tenant.id).cloned().unwrap_or_default();
            add(&mut weights, loaded.iter());
            let mut items: Vec<Ranked> = (0_u32..)
                .zip(weights)
                .map(|(item, score)| Ranked { item, score })
                .collect();
            items.sort_by(|a, b| b.score.total_cmp(&a.score));
            let mut popular = self.popular.lock().unwrap_or_else(PoisonError::into_inner);
            popular.insert(tenant.id, items);
        }
        read
    }

    /// The items that most was done with.
    pub(super) fn popular(&self, tenant: &Tenant, count: usize) -> Ranking {
        let popular = self.popular.lock().unwrap_or_else(PoisonError::into_inner);
        let items = popular.get(tenant.id).into_iter().flatten();
        Ranking {
            algorithm: "popular".to_owned(),
            model_version: None,
            items: items.take(count).cloned().collect(),
        }
    }
}

fn add<'a>(weights: &mut [f64], interactions: impl Iterator<Item = &'a Interaction>) {
    for interaction in interactions {
        if let Some(weight) = weights.get_mut(interaction.item as usize) {
            *weight += interaction.action.weight();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Action;

    #[test]
    fn what_is_loaded_makes_items_popular_and_is_bounded() {
        let (store, tenant) = (Store::new(), &TENANTS[1]);
        assert_eq!(store.aggregate(), 0);
        let least = store.popular(tenant, 1000).items.pop().expect("all items").item;
        let buy = Interaction {
            tenant_id: tenant.id.to_owned(),
            user: 1,
            item: least,
            action: Action::Purchase,
        };
        store.load(vec![buy; MAX_INTERACTIONS + 10]);
        assert_eq!(store.of(tenant).len(), MAX_INTERACTIONS);
        assert_eq!(store.aggregate(), MAX_INTERACTIONS);
        let best = store.popular(tenant, 3);
        assert_eq!((best.items.len(), best.items[0].item), (3, least));
    }
}
