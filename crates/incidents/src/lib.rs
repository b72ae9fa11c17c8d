//! Incidents: what fires together, from the first bad sample to the recovery, with who was told and
//! who took it on. Escalation and heartbeats too. Logic without I/O: time comes in as `now_ms`.
//!
//! ```text
//!   alert changes ─┐
//!   notifications ─┼▶ IncidentTracker ─▶ Incident (members, timeline, times)  ─▶ stats
//!   people         ┘        │
//!                           └─▶ Escalation: whom to tell next, because nobody acknowledged
//! ```
//!
//! An incident is one group of the alertmanager's routing tree: what is notified together is worked
//! on together.

mod at_rest;
mod incident;
mod policy;
mod stats;
mod tracker;

pub use incident::{EntryKind, EscalationStep, Incident, IncidentState, Member, MemberState, TimelineEntry};
pub use policy::{EscalationPolicy, Heartbeat, HeartbeatUrl, Policy, PolicyError, Step};
pub use stats::{Duration, IncidentStats, ServiceStats, stats_of};
pub use tracker::{
    AlertChange, AlertPhase, Escalation, GroupRef, IncidentTracker, Notified, UnknownIncident, service_of,
};
