//! The plan of a query, as [`crate::Engine::plan`] gives it.

use skopos_core::metric::ResolutionLimit;
use skopos_core::{Matcher, TimeRange};

/// What a query would do and read.
#[derive(Debug, Clone)]
pub struct QueryPlan {
    /// The query in canonical form.
    pub query: String,
    /// Steps at which it is evaluated.
    pub steps: usize,
    /// Its parts.
    pub tree: PlanNode,
    /// What is read of the store, in the order of the selectors.
    pub reads: Vec<PlannedRead>,
}

/// A part of a query.
#[derive(Debug, Clone)]
pub struct PlanNode {
    /// The part in a few words, such as `sum by (job)`.
    pub what: String,
    /// Steps at which it is evaluated: 1 where it is the same at all of them.
    pub steps: usize,
    /// Whether it stands in the query more than once and is evaluated once.
    pub repeats: bool,
    /// The number of its read among those of the plan, if it is a selector.
    pub read: Option<usize>,
    /// Its own parts.
    pub children: Vec<PlanNode>,
}

/// One read of the store.
#[derive(Debug, Clone)]
pub struct PlannedRead {
    /// The selector with its range and modifiers.
    pub selector: String,
    /// What series must match.
    pub matchers: Vec<Matcher>,
    /// The samples that are read for all steps together.
    pub range: TimeRange,
    /// The step in milliseconds; 0 at an instant.
    pub step_ms: i64,
    /// How coarse the data may be.
    pub resolution: ResolutionLimit,
}
