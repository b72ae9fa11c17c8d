//! A trained model as it serves: where users are, which items are near.

use std::collections::BTreeSet;

use super::als::{Acts, Items};
use super::index::{Flat, Hit, Ivf};
use super::quality::Quality;
use crate::catalog::Tenant;

/// One version of a tenant's model.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) tenant: &'static Tenant,
    pub(super) version: u64,
    pub(super) quality: Quality,
    items: Items,
    acts: Vec<Acts>,
    flat: Flat,
    ivf: Ivf,
}

/// A version as labels and answers show it.
pub(super) fn label(version: u64) -> String {
    format!("v{version}")
}

impl Model {
    pub(super) fn new(tenant: &'static Tenant, version: u64, items: Items, acts: Vec<Acts>, quality: Quality) -> Self {
        let flat = Flat::build(items.factors.rows());
        let ivf = Ivf::build(&flat);
        Self {
            tenant,
            version,
            quality,
            items,
            acts,
            flat,
            ivf,
        }
    }

    /// The user's embedding: the place among the items that fits what the user did. None for a user who does not exist.
    pub(super) fn embed(&self, user: u32) -> Option<Vec<f64>> {
        self.items.place(self.acts.get(user as usize)?)
    }

    /// Items near the embedding that the user has not seen, by the inverted lists.
    pub(super) fn nearest(&self, embedding: &[f64], user: u32, count: usize) -> Vec<Hit> {
        let acts = self.acts.get(user as usize);
        let seen: BTreeSet<u32> = acts.into_iter().flatten().map(|(item, _)| *item).collect();
        self.ivf.search(embedding, count, |item| !seen.contains(&item))
    }

    /// Items like `item`, by the exact index. None for an item that does not exist.
    pub(super) fn similar(&self, item: u32, count: usize) -> Option<Vec<Hit>> {
        let vector = self.flat.vector(item)?;
        Some(self.flat.search(vector, count, |other| other != item))
    }
}
