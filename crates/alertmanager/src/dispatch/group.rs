//! One aggregation group.

use std::collections::HashMap;
use std::sync::Arc;

use skopos_core::Labels;

use crate::RouteId;
use crate::alert::Alert;
use crate::machine::DeliveryId;

/// Alerts of one route with the same group labels.
#[derive(Debug)]
pub struct Group {
    /// The route.
    pub route: RouteId,
    /// The group labels.
    pub labels: Labels,
    /// The group's key, such as `{}/{team="a"}:{alertname="x"}`.
    pub key: Arc<str>,
    /// Its alerts by fingerprint: those that fire, and those whose end was not told yet.
    pub members: HashMap<u64, Member>,
    /// When it is flushed next, Unix milliseconds.
    pub next_tick_ms: i64,
    /// Whether it was ever flushed.
    pub has_flushed: bool,
    /// The flush that is under way.
    pub flush: Option<Flush>,
    /// Whether a tick came while a flush was under way.
    pub has_late_tick: bool,
    /// The time intervals that muted the last flush.
    pub muted_by: Vec<String>,
}

/// An alert of a group.
#[derive(Debug)]
pub struct Member {
    /// The alert.
    pub alert: Arc<Alert>,
    /// Whether its end was seen.
    pub is_resolved: bool,
    /// What held it back at the last flush.
    pub suppression: Option<Suppression>,
}

/// What holds an alert back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Suppression {
    /// Another alert.
    Inhibited {
        /// Its fingerprint.
        source: u64,
    },
    /// Time intervals in which the route is mute.
    Muted {
        /// Their names.
        intervals: Vec<String>,
    },
    /// Time intervals outside of which the route is mute.
    Inactive {
        /// Their names.
        intervals: Vec<String>,
    },
    /// Silences.
    Silenced {
        /// Their ids.
        silences: Vec<String>,
    },
}

impl Suppression {
    /// The label `reason` of `alertmanager_notifications_suppressed_total`.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Inhibited { .. } => "inhibition",
            Self::Muted { .. } => "mute_time_interval",
            Self::Inactive { .. } => "active_time_interval",
            Self::Silenced { .. } => "silence",
        }
    }
}

/// A flush under way: its deliveries are not all done.
#[derive(Debug)]
pub struct Flush {
    /// Tells it from other flushes of the group.
    pub number: u64,
    /// When it must be done, Unix milliseconds.
    pub deadline_ms: i64,
    /// The alerts that had ended when it began.
    pub resolved: Vec<Arc<Alert>>,
    /// Deliveries that are not done.
    pub pending: Vec<DeliveryId>,
    /// Whether a delivery failed.
    pub has_failed: bool,
}

impl Group {
    /// Forgets alerts whose end was told, unless they were updated meanwhile.
    pub fn remove_told(&mut self, resolved: &[Arc<Alert>]) {
        for told in resolved {
            let is_same = self
                .members
                .get(&told.fingerprint)
                .is_some_and(|member| Arc::ptr_eq(&member.alert, told));
            if is_same {
                self.members.remove(&told.fingerprint);
            }
        }
    }
}
