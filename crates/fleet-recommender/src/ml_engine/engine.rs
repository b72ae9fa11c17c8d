//! The engine: which model of which tenant serves, and the answers that it gives.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use skopos_fleet_frame::Fault;
use skopos_sdk::tasks::ErrorType;

use super::embeddings::{Embedding, EmbeddingCache};
use super::index::{Flat, Hit, Ivf};
use super::metrics::MlMetrics;
use super::model::{self, Model};
use super::training::MODEL_NAME;
use crate::catalog::Tenant;
use crate::ranking::{Ranked, Ranking};

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoAnswer {
    #[error("no model of this tenant is trained yet; one is on its way")]
    NoModel,
    #[error("there is no such user or item")]
    Unknown,
    #[error("the generator of embeddings does not answer and the cache has none of this user")]
    GeneratorStuck,
}

impl ErrorType for NoAnswer {
    fn error_type(&self) -> Cow<'static, str> {
        match self {
            Self::NoModel => "no_model",
            Self::Unknown => "unknown",
            Self::GeneratorStuck => "generator_stuck",
        }
        .into()
    }
}

/// What all requests share.
#[derive(Debug)]
pub(super) struct Engine {
    models: Mutex<HashMap<&'static str, Arc<Model>>>,
    wanted: Mutex<BTreeSet<&'static str>>,
    cache: EmbeddingCache,
    pub(super) metrics: MlMetrics,
    generator_stuck: Fault,
}

impl Engine {
    pub(super) fn new(metrics: MlMetrics, generator_stuck: Fault) -> Self {
        Self {
            models: Mutex::default(),
            wanted: Mutex::default(),
            cache: EmbeddingCache::default(),
            metrics,
            generator_stuck,
        }
    }

    /// Lets a model serve from now on.
    pub(super) fn deploy(&self, model: Model) {
        self.metrics.deployed(model.tenant.id, model.version, &model.quality);
        tracing::info!(
            tenant_id = model.tenant.id,
            model_version = model::label(model.version),
            ndcg_at_10 = model.quality.ndcg,
            map_at_10 = model.quality.map,
            "model deployed"
        );
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        models.insert(model.tenant.id, Arc::new(model));
    }

    /// All models that serve.
    pub(super) fn deployed(&self) -> Vec<Arc<Model>> {
        let models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        models.values().cloned().collect()
    }

    /// Whether the tenant has asked for a model or has one.
    pub(super) fn is_wanted(&self, tenant: &Tenant) -> bool {
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.contains(tenant.id)
    }

    fn model(&self, tenant: &'static Tenant) -> Result<Arc<Model>, NoAnswer> {
        self.wanted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(tenant.id);
        let models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        models.get(tenant.id).cloned().ok_or(NoAnswer::NoModel)
    }

    /// What the user may like.
    pub(super) fn recommend(&self, tenant: &'static Tenant, user: u32, count: usize) -> Result<Ranking, NoAnswer> {
        let model = self.model(tenant)?;
        let version = model::label(model.version);
        self.metrics.ml.inference(MODEL_NAME, &version, 1).run_sync(|| {
            let Embedding { model, place } = self.embedding(&model, user)?;
            let timer = self.metrics.search_timer(Ivf::TYPE);
            let hits = model.nearest(&place, user, count);
            timer.observe_duration();
            Ok(ranking("als", &model, hits))
        })
    }

    fn embedding(&self, model: &Arc<Model>, user: u32) -> Result<Embedding, NoAnswer> {
        let is_stuck = self.generator_stuck.is_on();
        if let Some(embedding) = self.cache.get(model, user, Instant::now(), is_stuck) {
            self.metrics.cache_hits.inc();
            return Ok(embedding);
        }
        self.metrics.cache_misses.inc();
        if is_stuck {
            return Err(NoAnswer::GeneratorStuck);
        }
        let timer = self.metrics.embedding_timer();
        let place = model.embed(user).ok_or(NoAnswer::Unknown)?;
        timer.observe_duration();
        let embedding = Embedding {
            model: Arc::clone(model),
            place: place.into(),
        };
        self.cache.put(user, embedding.clone(), Instant::now());
        Ok(embedding)
    }

    /// What is like the item.
    pub(super) fn similar(&self, tenant: &'static Tenant, item: u32, count: usize) -> Result<Ranking, NoAnswer> {
        let model = self.model(tenant)?;
        let timer = self.metrics.search_timer(Flat::TYPE);
        let hits = model.similar(item, count).ok_or(NoAnswer::Unknown)?;
        timer.observe_duration();
        Ok(ranking("similar_items", &model, hits))
    }
}

fn ranking(algorithm: &str, model: &Model, hits: Vec<Hit>) -> Ranking {
    Ranking {
        algorithm: algorithm.to_owned(),
        model_version: Some(model::label(model.version)),
        items: hits.into_iter().map(|(item, score)| Ranked { item, score }).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::training::TrainingData;
    use super::*;
    use crate::catalog::TENANTS;

    #[test]
    fn serves_what_is_deployed_and_goes_on_from_the_cache_when_the_generator_is_stuck() {
        let stuck = Fault::default();
        let metrics = MlMetrics::register(&prometheus::Registry::new()).expect("a new registry");
        let engine = Engine::new(metrics, stuck.clone());
        let tenant = &TENANTS[5];
        assert!(!engine.is_wanted(tenant));
        assert_eq!(engine.recommend(tenant, 1, 5), Err(NoAnswer::NoModel));
        assert!(engine.is_wanted(tenant));
        engine.deploy(TrainingData::gather(tenant, &[]).train(1).expect("finite"));
        let first = engine.recommend(tenant, 1, 5).expect("a model serves");
        assert_eq!((first.items.len(), first.model_version.as_deref()), (5, Some("v1")));
        assert_eq!(engine.recommend(tenant, 5000, 5), Err(NoAnswer::Unknown));
        assert_eq!(engine.similar(tenant, 5000, 5), Err(NoAnswer::Unknown));
        stuck.set(true);
        engine.deploy(TrainingData::gather(tenant, &[]).train(2).expect("finite"));
        assert_eq!(engine.recommend(tenant, 1, 5), Ok(first));
        assert_eq!(engine.recommend(tenant, 2, 5), Err(NoAnswer::GeneratorStuck));
        assert_eq!(
            (engine.metrics.cache_hits.get(), engine.metrics.cache_misses.get()),
            (1, 3)
        );
    }
}
