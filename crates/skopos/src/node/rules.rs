//! Drives the rule groups with the real clock.

mod logged;
mod pool;

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use parking_lot::RwLock;
use skopos_core::log::LogSource;
use skopos_core::metric::{MetricSink, MetricSource};
use skopos_core::{Clock as _, Labels, QueryBudget, SystemClock};
use skopos_promql::{Engine, EngineOptions};
use skopos_rules::{
    EndReason, Evaluation, GroupHandle, PromqlIo, RuleEngine, RuleGroups, RuleOptions, Runner, SignalsIo,
};
use skopos_server::{QueryLog, TenantStores};
use tokio_util::sync::CancellationToken;

use super::pause;
use super::sources::Loaded;
use crate::cli::rules::RuleArgs;
use crate::cli::serve::ServeArgs;
use logged::LoggedEngine;
use pool::Pool;

/// Longest pause between two looks at what is due: a reload may bring groups that are due sooner.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Shortest pause, so that no clock makes the loop spin.
const LEAST_PAUSE: Duration = Duration::from_millis(5);

/// Is told what evaluations bring: alerts to send, and how alerts moved on. Called on the thread that
/// evaluated; what takes long belongs elsewhere.
pub(crate) trait RuleListener: Send + Sync + fmt::Debug {
    /// A group was evaluated for `now_ms`, in Unix milliseconds.
    fn evaluated(&self, now_ms: i64, evaluation: &Evaluation);
}

/// Evaluates rules over one tenant's metrics and logs.
#[derive(Debug, Clone)]
pub(crate) struct RuleDriver {
    groups: Arc<RuleGroups>,
    engine: Arc<Engine>,
    query_log: Arc<QueryLog>,
    log_engine: skopos_logql::Engine,
    source: Arc<dyn MetricSource>,
    sink: Arc<dyn MetricSink>,
    logs: Arc<dyn LogSource>,
    max_samples: u64,
    timeout: Duration,
    settings: RuleArgs,
    listeners: Arc<RwLock<Vec<Arc<dyn RuleListener>>>>,
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
    /// A driver of `groups` that reads and writes the stores of a tenant, and logs what they ask.
    pub(crate) fn new(
        groups: Arc<RuleGroups>,
        stores: &TenantStores,
        query_log: Arc<QueryLog>,
        args: &ServeArgs,
    ) -> Self {
        Self {
            groups,
            engine: Arc::new(engine(args)),
            query_log,
            log_engine: skopos_logql::Engine::new(skopos_logql::EngineOptions::default()),
            source: Arc::clone(&stores.metric_source),
            sink: Arc::clone(&stores.metric_sink),
            logs: Arc::clone(&stores.log_source),
            max_samples: args.query_max_samples,
            timeout: args.query_timeout,
            settings: args.rules.clone(),
            listeners: Arc::default(),
        }
    }

    /// Tells `listener` of every evaluation from now on.
    pub(crate) fn listen(&self, listener: Arc<dyn RuleListener>) {
        self.listeners.write().push(listener);
    }

    /// Takes over rule files; groups that did not change keep their state.
    pub(crate) fn load(&self, loaded: &Loaded, external_url: &str) -> anyhow::Result<()> {
        let global = &loaded.config.global;
        let millis = |duration: Duration| duration.as_millis() as i64;
        let options = RuleOptions {
            interval_ms: millis(global.evaluation_interval),
            query_offset_ms: millis(global.rule_query_offset),
            external_labels: Labels::from_pairs(&global.external_labels),
            external_url: external_url.to_owned(),
            resend_delay_ms: millis(self.settings.resend_delay),
            outage_tolerance_ms: millis(self.settings.for_outage_tolerance),
            for_grace_period_ms: millis(self.settings.for_grace_period),
            syntax: self.engine.options().syntax,
            config_version: version(loaded).into(),
            ..RuleOptions::default()
        };
        let now_ms = SystemClock.now_ms();
        let ended = self
            .groups
            .load(loaded.rules.clone(), options, now_ms, &self.io(&*self.engine))
            .map_err(|reason| anyhow::anyhow!("failed to load the rules: {reason}"))?;
        self.tell(now_ms, &ended);
        Ok(())
    }

    /// Evaluates what is due until the end is asked for.
    pub(crate) fn start(self, shutdown: CancellationToken) -> anyhow::Result<JoinHandle<()>> {
        let driver = self.clone();
        let pool = Pool::start(self.settings.max_concurrent_evals, move |group, runner| {
            driver.evaluate(group, runner);
        })?;
        std::thread::Builder::new()
            .name("rules".to_owned())
            .spawn(move || {
                self.give_out(&pool, &shutdown);
                pool.stop();
            })
            .context("failed to start the rule thread")
    }

    fn give_out(&self, pool: &Pool, shutdown: &CancellationToken) {
        loop {
            let now_ms = SystemClock.now_ms();
            let mut next_ms = i64::MAX;
            for group in self.groups.handles() {
                if pool.is_at_work(&group) {
                    continue;
                }
                let due_ms = group.next_due_ms();
                if due_ms <= now_ms {
                    pool.order(group);
                } else {
                    next_ms = next_ms.min(due_ms);
                }
            }
            let left_ms = next_ms.saturating_sub(SystemClock.now_ms()).max(0).unsigned_abs();
            if !pause(shutdown, Duration::from_millis(left_ms).clamp(LEAST_PAUSE, LOOK_EVERY)) {
                return;
            }
        }
    }

    fn evaluate(&self, group: &GroupHandle, runner: &dyn Runner) {
        let now_ms = SystemClock.now_ms();
        let logged = LoggedEngine {
            engine: &self.engine,
            log: &self.query_log,
            group: group.view(),
        };
        let evaluation = group.evaluate_with(now_ms, &self.io(&logged), runner);
        self.tell(now_ms, &evaluation);
    }

    fn tell(&self, now_ms: i64, evaluation: &Evaluation) {
        for transition in &evaluation.transitions {
            tracing::info!(
                alert = %transition.labels,
                state = transition.kind.as_str(),
                rule = %transition.rule,
                end = transition.end.map(EndReason::as_str),
                "alert"
            );
        }
        for listener in &*self.listeners.read() {
            listener.evaluated(now_ms, evaluation);
        }
    }

    fn io<'a>(&'a self, engine: &'a dyn RuleEngine) -> SignalsIo<'a> {
        let (max_samples, timeout) = (self.max_samples, self.timeout);
        SignalsIo {
            metrics: PromqlIo {
                engine,
                source: self.source.as_ref(),
                sink: self.sink.as_ref(),
                budget: Arc::new(move || QueryBudget::new(max_samples, Some(timeout))),
            },
            log_engine: &self.log_engine,
            logs: self.logs.as_ref(),
        }
    }
}

/// A version of the configuration: the same for the same content.
fn version(loaded: &Loaded) -> String {
    let mut hasher = DefaultHasher::new();
    loaded.config.to_yaml().hash(&mut hasher);
    for file in &loaded.rules {
        format!("{file:?}").hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}
