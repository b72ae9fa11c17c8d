//! Drives the rule groups with the real clock.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use skopos_core::metric::{MetricSink, MetricSource};
use skopos_core::{Clock as _, Labels, QueryBudget, SystemClock};
use skopos_promql::{Engine, EngineOptions};
use skopos_rules::{PromqlIo, RuleGroups, RuleOptions};
use skopos_server::TenantStores;
use tokio_util::sync::CancellationToken;

use super::pause;
use super::sources::Loaded;
use crate::cli::serve::ServeArgs;

/// Longest pause between two looks at what is due: a reload may bring groups that are due sooner.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Evaluates rules over one tenant's metrics.
#[derive(Debug, Clone)]
pub(crate) struct RuleDriver {
    groups: Arc<RuleGroups>,
    engine: Arc<Engine>,
    source: Arc<dyn MetricSource>,
    sink: Arc<dyn MetricSink>,
    max_samples: u64,
    timeout: Duration,
}

/// The PromQL engine that the flags ask for.
pub(super) fn engine(args: &ServeArgs) -> Engine {
    let options = EngineOptions {
        lookback_ms: args.query_lookback_delta.as_millis() as i64,
        ..EngineOptions::default()
    };
    Engine::new(args.features().apply(options))
}

impl RuleDriver {
    /// A driver of `groups` that reads and writes the stores of a tenant.
    pub(crate) fn new(groups: Arc<RuleGroups>, stores: &TenantStores, args: &ServeArgs) -> Self {
        Self {
            groups,
            engine: Arc::new(engine(args)),
            source: Arc::clone(&stores.metric_source),
            sink: Arc::clone(&stores.metric_sink),
            max_samples: args.query_max_samples,
            timeout: args.query_timeout,
        }
    }

    /// Takes over rule files; groups that did not change keep their state.
    pub(crate) fn load(&self, loaded: &Loaded, external_url: &str) -> anyhow::Result<()> {
        let global = &loaded.config.global;
        let options = RuleOptions {
            interval_ms: global.evaluation_interval.as_millis() as i64,
            query_offset_ms: global.rule_query_offset.as_millis() as i64,
            external_labels: Labels::from_pairs(&global.external_labels),
            external_url: external_url.to_owned(),
            ..RuleOptions::default()
        };
        self.groups
            .load(loaded.rules.clone(), options, SystemClock.now_ms(), &self.io())
            .map_err(|reason| anyhow::anyhow!("failed to load the rules: {reason}"))
    }

    /// Evaluates what is due until the end is asked for.
    pub(crate) fn start(self, shutdown: CancellationToken) -> anyhow::Result<JoinHandle<()>> {
        std::thread::Builder::new()
            .name("rules".to_owned())
            .spawn(move || {
                loop {
                    let now_ms = SystemClock.now_ms();
                    let due_in_ms = self
                        .groups
                        .next_due_ms()
                        .map_or(u64::MAX, |due| due.saturating_sub(now_ms).max(0) as u64);
                    if !pause(&shutdown, Duration::from_millis(due_in_ms).min(LOOK_EVERY)) {
                        return;
                    }
                    for notice in self.groups.evaluate_due(SystemClock.now_ms(), &self.io()) {
                        tracing::info!(alert = ?notice, "alert");
                    }
                }
            })
            .context("failed to start the rule thread")
    }

    fn io(&self) -> PromqlIo<'_> {
        let (max_samples, timeout) = (self.max_samples, self.timeout);
        PromqlIo {
            engine: &self.engine,
            source: self.source.as_ref(),
            sink: self.sink.as_ref(),
            budget: Arc::new(move || QueryBudget::new(max_samples, Some(timeout))),
        }
    }
}
