//! What the agents hand to each other through the executor: positions, and what they are worth.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::refusal::Refusal;

/// So much of one security.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) security: String,
    pub(crate) quantity: f64,
}

/// A position in the base currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Valued {
    pub(crate) security: String,
    pub(crate) quantity: f64,
    pub(crate) currency: String,
    pub(crate) value: f64,
    /// Share of the whole.
    pub(crate) weight: f64,
}

/// All positions of a portfolio in the base currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Valuation {
    pub(crate) base_currency: String,
    pub(crate) total: f64,
    pub(crate) positions: Vec<Valued>,
}

/// What an earlier step has put out under `name`.
pub(crate) fn earlier<T: DeserializeOwned>(state: &Map<String, Value>, name: &str) -> Result<T, Refusal> {
    let hint = "let an earlier step of the pattern put it out";
    let value = state
        .get(name)
        .ok_or_else(|| Refusal::invalid(format!("{name} is missing"), hint))?;
    T::deserialize(value).map_err(|error| Refusal::invalid(format!("{name} cannot be read: {error}"), hint))
}

/// An input of the pattern that must be text.
pub(crate) fn text<'a>(inputs: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, Refusal> {
    let value = inputs.get(name).and_then(Value::as_str);
    value.ok_or_else(|| Refusal::invalid(format!("the input {name} is missing"), "give it as text in inputs"))
}
