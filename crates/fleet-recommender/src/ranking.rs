//! What the services tell one another over HTTP: rankings, and who wants them.

use serde::{Deserialize, Serialize};

/// An item and how much is made of it; the score's scale is that of the algorithm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ranked {
    pub(crate) item: u32,
    pub(crate) score: f64,
}

/// Items, best first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ranking {
    /// `als`, `similar_items` or `popular`.
    pub(crate) algorithm: String,
    /// Version of the model, where one made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) model_version: Option<String>,
    pub(crate) items: Vec<Ranked>,
}

/// Several users of one tenant at once.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Batch {
    pub(crate) users: Vec<u32>,
    pub(crate) count: usize,
}

/// The answer to a [`Batch`]: users without a ranking are left out.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BatchRankings {
    pub(crate) rankings: Vec<(u32, Ranking)>,
}

/// Items of a ranking where none are asked for, and the most that are given.
pub(crate) const DEFAULT_COUNT: usize = 10;
pub(crate) const MAX_COUNT: usize = 50;
/// Users of a batch.
pub(crate) const MAX_BATCH: usize = 500;
