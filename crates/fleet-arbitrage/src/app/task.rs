//! A task: what is asked of the agents, and how far it is.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What kind of work a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TaskKind {
    /// Scan all marketplaces and tell the best price difference.
    PriceWatch,
    /// Scan, bid on the best difference, pay, sell.
    Trade,
    /// Answer a question from the documents.
    Research,
    /// Let strategies compete.
    Arena,
}

impl TaskKind {
    /// The value of the label `task_type`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::PriceWatch => "price_watch",
            Self::Trade => "trade",
            Self::Research => "research",
            Self::Arena => "arena",
        }
    }
}

/// What is handed in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TaskRequest {
    #[serde(rename = "type")]
    pub(crate) kind: TaskKind,
    /// The question of a research, the seed of a competition; others need none.
    #[serde(default)]
    pub(crate) input: String,
}

/// How far a task is.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(super) enum Progress {
    Waiting,
    Running,
    Done { result: Value },
    Failed { error: String },
}
