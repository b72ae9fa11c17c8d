//! The ledger agent: entries in a chain, each hashed together with its predecessor, so that no entry changes unseen.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use skopos_fleet_frame::FleetError;

use super::valuation::{Position, text};
use crate::invocation::Invocation;
use crate::refusal::Refusal;

const FILE: &str = "ledger.jsonl";
const SHIPPED: &str = include_str!("../../assets/ledger.jsonl");
/// Hash before the first entry.
const ORIGIN: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Entry {
    portfolio_id: String,
    security: String,
    quantity: f64,
    booked_on: String,
    /// Trace of the request that booked it, so that the entry leads to its cause.
    trace_id: Option<String>,
}

/// The chain's end, and what all entries come to. Entries themselves are not kept: positions and hash hold their sum.
#[derive(Debug)]
pub(super) struct Ledger {
    book: Mutex<Book>,
}

#[derive(Debug)]
struct Book {
    head: String,
    entries: u64,
    positions: BTreeMap<String, BTreeMap<String, f64>>,
}

impl Ledger {
    /// The ledger with the entries that ship with the service.
    pub(super) fn shipped() -> Result<Self, FleetError> {
        let mut book = Book {
            head: ORIGIN.to_owned(),
            entries: 0,
            positions: BTreeMap::new(),
        };
        for line in SHIPPED.lines() {
            let entry: Entry = serde_json::from_str(line).map_err(|error| FleetError::Asset {
                file: FILE,
                reason: format!("entry {}: {error}", book.entries + 1),
            })?;
            book.append(&entry);
        }
        Ok(Self { book: Mutex::new(book) })
    }

    /// Hash of the last entry.
    pub(super) fn head(&self) -> String {
        self.lock().head.clone()
    }

    pub(super) fn positions(&self, invocation: &Invocation) -> Result<Value, Refusal> {
        let portfolio_id = text(&invocation.inputs, "portfolio_id")?;
        let book = self.lock();
        let Some(positions) = book.positions.get(portfolio_id) else {
            return Err(unknown());
        };
        let positions: Vec<Position> = positions
            .iter()
            .map(|(security, quantity)| Position {
                security: security.clone(),
                quantity: *quantity,
            })
            .collect();
        Ok(json!(positions))
    }

    /// Books a trade in a security that the portfolio has.
    pub(super) fn append(&self, invocation: &Invocation) -> Result<Value, Refusal> {
        let portfolio_id = text(&invocation.inputs, "portfolio_id")?;
        let security = text(&invocation.inputs, "security")?;
        let quantity = invocation.inputs.get("quantity").and_then(Value::as_f64);
        let quantity = quantity
            .filter(|quantity| quantity.is_finite() && *quantity != 0.0)
            .ok_or_else(|| Refusal::invalid("the input quantity is missing", "give a number that is not 0"))?;
        let mut book = self.lock();
        let Some(positions) = book.positions.get(portfolio_id) else {
            return Err(unknown());
        };
        let held = positions.get(security).copied().unwrap_or_default();
        if !positions.contains_key(security) || held + quantity < 0.0 {
            return Err(Refusal::invalid(
                "the portfolio holds less of the security than is sold, or none of it",
                "trade what the portfolio has, and sell no more than it has",
            ));
        }
        book.append(&Entry {
            portfolio_id: portfolio_id.to_owned(),
            security: security.to_owned(),
            quantity,
            booked_on: invocation.pack.asof_date.clone(),
            trace_id: skopos_sdk::active_span_ids().map(|(trace_id, _)| trace_id),
        });
        tracing::info!(portfolio_id, commit = book.head, "trade booked");
        Ok(json!({ "commit": book.head, "entries": book.entries, "quantity": held + quantity }))
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Refusals are logged and told to error tracking as texts, in which no filter knows whose id a word is: so they name none.
fn unknown() -> Refusal {
    Refusal::invalid(
        "there is no portfolio of this id",
        "give the id of a portfolio in the ledger",
    )
}

impl Book {
    fn append(&mut self, entry: &Entry) {
        self.head = commit(&self.head, entry);
        self.entries += 1;
        let portfolio = self.positions.entry(entry.portfolio_id.clone()).or_default();
        *portfolio.entry(entry.security.clone()).or_default() += entry.quantity;
    }
}

/// SHA-256 over the predecessor's hash and the entry as JSON, in hexadecimal digits.
fn commit(before: &str, entry: &Entry) -> String {
    let mut hash = Sha256::new();
    hash.update(before.as_bytes());
    hash.update(json!(entry).to_string().as_bytes());
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::invocation::PackState;

    fn invocation(inputs: Value) -> Invocation {
        let Value::Object(inputs) = inputs else {
            panic!("an object")
        };
        let pack = PackState {
            pack_id: "PP_2026-11-20".into(),
            version: 1,
            asof_date: "2026-11-20".into(),
            is_fresh: true,
        };
        Invocation {
            inputs,
            state: Map::new(),
            pack,
        }
    }

    #[test]
    fn a_trade_moves_the_position_and_the_chain() {
        let ledger = Ledger::shipped().expect("the asset is sound");
        let before = ledger.head();
        let trade = json!({ "portfolio_id": "harbour-growth", "security": "ALBA", "quantity": -30 });
        let booked = ledger.append(&invocation(trade)).expect("it has 130");
        assert_eq!(booked["quantity"], 100.0);
        assert_eq!(booked["commit"], ledger.head());
        assert_ne!(ledger.head(), before);
        let entry = Entry {
            portfolio_id: "harbour-growth".into(),
            security: "ALBA".into(),
            quantity: -30.0,
            booked_on: "2026-11-20".into(),
            trace_id: None,
        };
        assert_eq!(ledger.head(), commit(&before, &entry));
        let smaller = Entry {
            quantity: -3.0,
            ..entry.clone()
        };
        let of_a_request = Entry {
            trace_id: Some("6bf92f3577b34da6a3ce929d0e0e4736".into()),
            ..entry
        };
        for forged in [smaller, of_a_request] {
            let text = "an entry does not change unseen";
            assert_ne!(ledger.head(), commit(&before, &forged), "{text}: {forged:?}");
        }
    }

    #[test]
    fn the_ledger_books_no_nonsense() {
        let ledger = Ledger::shipped().expect("the asset is sound");
        let before = ledger.head();
        for (portfolio_id, security, quantity) in [
            ("harbour-growth", "ALBA", json!(-1e9)),
            ("harbour-growth", "ALBA", json!("many")),
            ("harbour-growth", "ALBA", json!(0)),
            ("harbour-growth", "GLEN", json!(1)),
            ("nobody", "ALBA", json!(1)),
        ] {
            let trade = json!({ "portfolio_id": portfolio_id, "security": security, "quantity": quantity });
            ledger.append(&invocation(trade)).expect_err(security);
        }
        assert_eq!(ledger.head(), before);
        ledger
            .positions(&invocation(json!({})))
            .expect_err("no portfolio is named");
    }
}
