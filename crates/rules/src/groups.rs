//! All groups of a server: loading and reloading, what is due, and what the API reads. Groups are
//! evaluated one by one or side by side through their [`GroupHandle`]s; readers never wait for an
//! evaluation.

use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use skopos_core::sample::STALE_NAN;
use skopos_core::{Clock, Labels, SystemClock};

use crate::alerting::AlertNotice;
use crate::file::RuleFile;
use crate::group::{Group, append};
use crate::io::RuleIo;
use crate::rule::float_series;
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
            clock: Arc::new(SystemClock),
        }
    }
}

#[derive(Debug)]
struct Cell {
    group: Mutex<Group>,
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
                group: Mutex::new(group),
                view,
            }),
            options: Arc::clone(options),
        }
    }

    /// When the group is due next.
    pub fn next_due_ms(&self) -> i64 {
        self.cell.group.lock().schedule.next_due_ms()
    }

    /// Evaluates the group if it is due; gives the alerts to send.
    pub fn evaluate(&self, now_ms: i64, io: &dyn RuleIo) -> Vec<AlertNotice> {
        let mut group = self.cell.group.lock();
        let Some(due) = group.schedule.take_due(now_ms) else {
            return Vec::new();
        };
        let notices = group.evaluate(due, io, &self.options);
        *self.cell.view.write() = Arc::new(group.view());
        notices
    }

    /// Evaluates the group for `now_ms` whatever its schedule says, for drivers whose clock is their
    /// own: rule unit tests and proofs. Times must not go back.
    pub fn evaluate_at(&self, now_ms: i64, io: &dyn RuleIo) -> Vec<AlertNotice> {
        let mut group = self.cell.group.lock();
        let due = Due {
            time_ms: now_ms,
            missed: 0,
        };
        let notices = group.evaluate(due, io, &self.options);
        *self.cell.view.write() = Arc::new(group.view());
        notices
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
    pub fn load(&self, files: Vec<RuleFile>, options: RuleOptions, now_ms: i64, io: &dyn RuleIo) -> Result<(), String> {
        let options = Arc::new(options);
        let mut current = self.groups.write();
        let is_first_load = current.is_empty();
        let mut older = std::mem::take(&mut *current);
        for file in files {
            for spec in file.groups {
                let mut group = Group::new(&file.path, spec, &options, now_ms, is_first_load);
                let same = older.iter().position(|handle| handle.is_version_of(&group));
                if let Some(position) = same {
                    let handle = older.swap_remove(position);
                    group.inherit(&mut handle.cell.group.lock());
                }
                current.push(GroupHandle::new(group, &options));
            }
        }
        drop(current);
        let gone = older.iter().flat_map(|handle| handle.cell.group.lock().live_series());
        append(io, gone.map(|labels| float_series(labels, now_ms, STALE_NAN)).collect())
    }

    /// The groups.
    pub fn handles(&self) -> Vec<GroupHandle> {
        self.groups.read().clone()
    }

    /// When the next group is due; `None` without groups.
    pub fn next_due_ms(&self) -> Option<i64> {
        self.handles().iter().map(GroupHandle::next_due_ms).min()
    }

    /// Evaluates all groups that are due, one by one; gives the alerts to send.
    pub fn evaluate_due(&self, now_ms: i64, io: &dyn RuleIo) -> Vec<AlertNotice> {
        let handles = self.handles();
        handles.iter().flat_map(|handle| handle.evaluate(now_ms, io)).collect()
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
