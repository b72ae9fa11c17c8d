//! A metric store in memory under the PromQL engine, as the world of rules.

use std::sync::Arc;

use skopos_core::metric::MetricValue;
use skopos_core::sample::is_stale;
use skopos_core::{Labels, QueryBudget};
use skopos_promql::{Engine, EngineOptions};
use skopos_rules::PromqlIo;
use skopos_rules::memory::MemoryStore;

/// The store and the engine.
#[derive(Debug)]
pub(crate) struct World {
    store: MemoryStore,
    engine: Engine,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            store: MemoryStore::new(),
            engine: Engine::new(EngineOptions::default()),
        }
    }

    /// The world as rules see it.
    pub(crate) fn io(&self) -> PromqlIo<'_> {
        PromqlIo {
            engine: &self.engine,
            source: &self.store,
            sink: &self.store,
            budget: Arc::new(QueryBudget::unbounded),
        }
    }

    pub(crate) fn put(&self, labels: &[(&str, &str)], timestamp_ms: i64, value: f64) {
        self.store
            .put(&Labels::from_pairs(labels.iter().copied()), timestamp_ms, value);
    }

    /// All samples of one series; staleness markers as `None`.
    pub(crate) fn samples(&self, labels: &[(&str, &str)]) -> Vec<(i64, Option<f64>)> {
        let samples = self.store.samples(&Labels::from_pairs(labels.iter().copied()));
        let floats = samples.into_iter().filter_map(|(time_ms, value)| match value {
            MetricValue::Float(value) => Some((time_ms, (!is_stale(value)).then_some(value))),
            MetricValue::Histogram(_) => None,
        });
        floats.collect()
    }
}
