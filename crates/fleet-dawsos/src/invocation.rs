//! What the executor asks an agent, and what it gets back.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One call of a capability.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Invocation {
    /// What the caller of the pattern gave.
    pub(crate) inputs: Map<String, Value>,
    /// What the steps before have put out, by name.
    pub(crate) state: Map<String, Value>,
    /// The pack that prices are taken from.
    pub(crate) pack: PackState,
}

/// What a capability gave.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// The result, as the capability shapes it.
    pub(crate) output: Value,
    /// Head of the ledger's chain when the call was answered: 64 hexadecimal digits.
    pub(crate) ledger_commit_hash: String,
}

/// A pack without its contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PackState {
    /// `PP_` and the date.
    pub(crate) pack_id: String,
    /// Counts the builds; another version has other contents.
    pub(crate) version: u64,
    /// The date that it is for, as in ISO 8601.
    pub(crate) asof_date: String,
    /// Whether it is fresh now.
    pub(crate) is_fresh: bool,
}
