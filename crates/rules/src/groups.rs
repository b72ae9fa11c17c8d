//! All groups of a server: loading and reloading, what is due, and what the API reads. Groups are
//! evaluated one by one or side by side through their [`GroupHandle`]s; readers never wait for an
//! evaluation.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::{Mutex, RwLock};
use skopos_core::{Clock, Labels, SystemClock};
use skopos_promql::ParseOptions;

use crate::file::RuleFile;
use crate::group::{Group, append_markers};
use crate::io::RuleIo;
use crate::pass::Evaluation;
use crate::plan::{InOrder, Runner};
use crate::schedule::Due;
use crate::view::{AlertView, GroupView};

/// What holds for all groups.
#[derive(Debug, Clone)]
pub struct RuleOptions {
    /// `global.evaluation_interval`.
    pub interval_ms: i64,
    /// `global.rule_query_offset`.
    pub query_offset_ms: i64,
    /// `global.external_labels`, for templates.
    pub external_labels: Labels,
    /// `--web.external-url`, for templates.
    pub external_url: String,
    /// `--rules.alert.resend-delay`.
    pub resend_delay_ms: i64,
    /// `--rules.alert.for-outage-tolerance`: state older than this is not restored.
    pub outage_tolerance_ms: i64,
    /// `--rules.alert.for-grace-period`.
    pub for_grace_period_ms: i64,
    /// Parts of PromQL that rules may use.
    pub syntax: ParseOptions,
    /// Whether the first load reads back since when alerts were pending. Where nothing is to be
    /// read, `ALERTS` is written from the first evaluation on.
    pub restores_state: bool,
    /// Whether alerts keep what decided them.
    pub keeps_evidence: bool,
    /// Whether evaluations count in `skopos_rules_*`: those of a proof or a backtest are not this server's.
    pub is_observed: bool,
    /// Version of the configuration, for evidence: a hash or a number.
    pub config_version: Arc<str>,
    /// Measures how long evaluations take; their times are given by the caller.
    pub clock: Arc<dyn Clock>,
}

impl Default for RuleOptions {
    fn default() -> Self {
        Self {
            interval_ms: 60_000,
            query_offset_ms: 0,
            external_labels: Labels::empty(),
            external_url: "http://localhost:9090".to_owned(),
            resend_delay_ms: 60_000,
            outage_tolerance_ms: 3_600_000,
            for_grace_period_ms: 600_000,
            syntax: ParseOptions::default(),
            restores_state: true,
            keeps_evidence: true,
            is_observed: true,
            config_version: Arc::from(""),
            clock: Arc::new(SystemClock),
        }
    }
}

#[derive(Debug)]
struct Cell {
    group: Mutex<Group>,
    next_due_ms: AtomicI64,
    view: RwLock<Arc<GroupView>>,
}

/// One group, to be evaluated.
#[derive(Debug, Clone)]
pub struct GroupHandle {
    cell: Arc<Cell>,
    options: Arc<RuleOptions>,
}

impl GroupHandle {
    fn new(group: Group, options: &Arc<RuleOptions>) -> Self {
        let view = RwLock::new(Arc::new(group.view()));
        Self {
            cell: Arc::new(Cell {
                next_due_ms: AtomicI64::new(group.schedule.next_due_ms()),
                group: Mutex::new(group),
                view,
            }),
            options: Arc::clone(options),
        }
    }

    /// A number that no other loaded group has.
    pub fn id(&self) -> usize {
        Arc::as_ptr(&self.cell).addr()
    }

    /// When the group is due next; while it is evaluated, when this evaluation was due.
    pub fn next_due_ms(&self) -> i64 {
        self.cell.next_due_ms.load(Ordering::Relaxed)
    }

    /// Evaluates the group if it is due, rule after rule.
    pub fn evaluate(&self, now_ms: i64, io: &dyn RuleIo) -> Evaluation {
        self.evaluate_with(now_ms, io, &InOrder)
    }

    /// Evaluates the group if it is due; `runner` runs rules that do not depend on each other.
    pub fn evaluate_with(&self, now_ms: i64, io: &dyn RuleIo, runner: &dyn Runner) -> Evaluation {
        let mut group = self.cell.group.lock();
        match group.schedule.take_due(now_ms) {
            Some(due) => self.run(&mut group, due, io, runner),
            None => Evaluation::default(),
        }
    }

    /// Evaluates the group for `now_ms` whatever its schedule says, for drivers whose clock is their
    /// own: rule unit tests and proofs. Times must not go back.
    pub fn evaluate_at(&self, now_ms: i64, io: &dyn RuleIo) -> Evaluation {
        let due = Due {
            time_ms: now_ms,
            missed: 0,
        };
        self.run(&mut self.cell.group.lock(), due, io, &InOrder)
    }

    fn run(&self, group: &mut Group, due: Due, io: &dyn RuleIo, runner: &dyn Runner) -> Evaluation {
        let evaluation = group.evaluate(due, io, &self.options, runner);
        let view = Arc::new(group.view());
        self.cell
            .next_due_ms
            .store(group.schedule.next_due_ms(), Ordering::Relaxed);
        *self.cell.view.write() = view;
        evaluation
    }

    /// What the API shows of the group: its state after the last evaluation.
    pub fn view(&self) -> Arc<GroupView> {
        Arc::clone(&self.cell.view.read())
    }
}

/// All groups of a server.
#[derive(Debug, Default)]
pub struct RuleGroups {
    groups: RwLock<Vec<GroupHandle>>,
}

impl RuleGroups {
    /// No groups.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces the groups by those of `files`. Groups that stay keep their state; series of
    /// groups that go are marked as ended. The first load restores alert state from the store.
    ///
    /// Gives how the alerts of rules that are gone end. Prometheus leaves it to the time until which an
    /// alert was said to hold; here it is known, and so it is told. Where another rule makes the same
    /// alerts from now on nothing is told, so that they go on there.
    pub fn load(
        &self,
        files: Vec<RuleFile>,
        options: RuleOptions,
        now_ms: i64,
        io: &dyn RuleIo,
    ) -> Result<Evaluation, String> {
        let options = Arc::new(options);
        let mut current = self.groups.write();
        let restores = current.is_empty() && options.restores_state;
        let mut older = std::mem::take(&mut *current);
        let mut gone = Vec::new();
        for file in files {
            for spec in file.groups {
                let mut group = Group::new(&file.path, spec, &options, now_ms, restores);
                let same = older.iter().position(|handle| handle.is_version_of(&group));
                if let Some(position) = same {
                    let handle = older.swap_remove(position);
                    gone.extend(group.inherit(&mut handle.cell.group.lock()));
                }
                current.push(GroupHandle::new(group, &options));
            }
        }
        let mut series = Vec::new();
        for handle in &older {
            let (rules, made) = handle.cell.group.lock().retire();
            gone.extend(rules);
            series.extend(made);
        }
        let mut evaluation = Evaluation::default();
        for rule in &mut gone {
            if !current.iter().any(|handle| handle.cell.group.lock().has_rule(rule)) {
                evaluation.extend(rule.end(now_ms));
            }
        }
        drop(current);
        append_markers(io, series, now_ms)?;
        Ok(evaluation)
    }

    /// The groups.
    pub fn handles(&self) -> Vec<GroupHandle> {
        self.groups.read().clone()
    }

    /// When the next group is due; `None` without groups.
    pub fn next_due_ms(&self) -> Option<i64> {
        self.handles().iter().map(GroupHandle::next_due_ms).min()
    }

    /// Evaluates all groups that are due, one by one.
    pub fn evaluate_due(&self, now_ms: i64, io: &dyn RuleIo) -> Evaluation {
        let mut evaluation = Evaluation::default();
        for handle in self.handles() {
            evaluation.extend(handle.evaluate(now_ms, io));
        }
        evaluation
    }

    /// All groups for the API, in the order of files.
    pub fn views(&self) -> Vec<Arc<GroupView>> {
        self.groups.read().iter().map(GroupHandle::view).collect()
    }

    /// All alerts that are pending or firing.
    pub fn alerts(&self) -> Vec<AlertView> {
        let views = self.views();
        let rules = views.iter().flat_map(|group| &group.rules);
        rules.flat_map(|rule| rule.alerts().to_vec()).collect()
    }
}

impl GroupHandle {
    fn is_version_of(&self, group: &Group) -> bool {
        let own = self.cell.group.lock();
        own.file == group.file && own.spec.name == group.spec.name
    }
}
