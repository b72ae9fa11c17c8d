//! Recording and alerting rules in Prometheus' rule-file format: files, evaluation, alert state.
//! Logic without I/O: time, queries and appends come in through [`RuleIo`] and `now_ms`; sending
//! alerts belongs to the alertmanager.
//!
//! ```text
//!   text ─▶ file (parse, validate) ─▶ RuleFile ─▶ RuleGroups ─▶ Group ─▶ RecordingRule, AlertingRule
//!                                        now_ms, RuleIo ──▲        │            │
//!                                                                  ▼            ▼
//!                                             series, ALERTS, markers     AlertNotice, views
//! ```
//!
//! Semantics are those of `rules/` in Prometheus 3.x; the names of its functions are given where
//! a detail is matched.

mod alerting;
mod error;
mod evidence;
mod expand;
mod file;
mod group;
mod groups;
mod io;
pub mod lint;
pub mod memory;
mod pass;
mod plan;
mod query;
mod recording;
mod rule;
mod schedule;
mod telemetry;
pub mod unittest;
mod view;

pub use alerting::AlertNotice;
pub use error::{RuleFileError, RuleProblem};
pub use evidence::{
    EndReason, Evidence, LineEvidence, RuleOrigin, SelectorEvidence, SeriesEvidence, Transition, TransitionKind,
};
pub use expand::{ExpandContext, Expander};
pub use file::{
    GroupSpec, Place, Reading, RuleFile, RuleKind, RulePlaces, RuleSpec, UnknownFields, parse_logql_rule_file,
    parse_rule_file, parse_rule_file_as, parse_rule_file_with,
};
pub use groups::{GroupHandle, RuleGroups, RuleOptions};
pub use io::{PromqlIo, RuleEngine, RuleIo, RuleSample, SignalsIo};
pub use pass::Evaluation;
pub use plan::{InOrder, Runner};
pub use query::{QueryBody, QueryLanguage, RuleQuery};
pub use view::{AlertState, AlertView, Annotations, GroupView, Health, RuleView, RuleViewKind};
