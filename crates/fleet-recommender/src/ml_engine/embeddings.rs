//! The cache of user embeddings: each is good for a minute and only with the model that made it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::model::Model;

/// How long an embedding is used before it is generated anew from what the user did since.
const LIFETIME: Duration = Duration::from_mins(1);
/// Embeddings that are kept; beyond it the old ones go, and where none is old, all.
const MAX_ENTRIES: usize = 4096;

/// Tenant and user.
type Owner = (&'static str, u32);

/// A user's embedding with the model whose space it lies in.
#[derive(Debug, Clone)]
pub(super) struct Embedding {
    pub(super) model: Arc<Model>,
    pub(super) place: Arc<[f64]>,
}

/// The cache.
#[derive(Debug, Default)]
pub(super) struct EmbeddingCache {
    entries: Mutex<HashMap<Owner, (Embedding, Instant)>>,
}

impl EmbeddingCache {
    /// The user's embedding. One that is old or of an earlier model is given out only where `stale_is_fine`.
    pub(super) fn get(&self, model: &Model, user: u32, now: Instant, stale_is_fine: bool) -> Option<Embedding> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (embedding, made) = entries.get(&(model.tenant.id, user))?;
        let is_fresh = embedding.model.version == model.version && is_young(*made, now);
        (is_fresh || stale_is_fine).then(|| embedding.clone())
    }

    pub(super) fn put(&self, user: u32, embedding: Embedding, now: Instant) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MAX_ENTRIES {
            entries.retain(|_, (_, made)| is_young(*made, now));
            if entries.len() >= MAX_ENTRIES {
                entries.clear();
            }
        }
        entries.insert((embedding.model.tenant.id, user), (embedding, now));
    }
}

fn is_young(made: Instant, now: Instant) -> bool {
    now.saturating_duration_since(made) < LIFETIME
}

#[cfg(test)]
mod tests {
    use super::super::training::TrainingData;
    use super::*;
    use crate::catalog::TENANTS;

    #[test]
    fn old_embeddings_and_those_of_another_model_are_not_used_unasked() {
        let model = |version| Arc::new(TrainingData::gather(&TENANTS[5], &[]).train(version).expect("finite"));
        let (first, second) = (model(1), model(2));
        let (cache, start) = (EmbeddingCache::default(), Instant::now());
        let embedding = Embedding {
            place: first.embed(3).expect("the user exists").into(),
            model: Arc::clone(&first),
        };
        cache.put(3, embedding, start);
        let later = start + LIFETIME;
        assert!(cache.get(&first, 3, start, false).is_some());
        assert!(cache.get(&first, 4, start, false).is_none());
        assert!(cache.get(&first, 3, later, false).is_none());
        assert!(cache.get(&second, 3, start, false).is_none());
        let stale = cache.get(&second, 3, later, true).expect("stale is fine");
        assert_eq!(stale.model.version, 1);
    }
}
