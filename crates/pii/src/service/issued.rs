//! Short hashes of ids, and which of them were made lately: what is a hash already is not hashed again.
//!
//! A hash cannot be told from an id by its look (eight digits are both), so those that were made are remembered.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

/// Hashes that are remembered. One that is forgotten and comes back is hashed once more, which tells nobody anything.
const REMEMBERED: usize = 8192;
/// Bytes of the digest that are kept.
const BYTES: usize = 4;

#[derive(Debug, Default)]
pub(super) struct Issued(Mutex<Recent>);

#[derive(Debug, Default)]
struct Recent {
    known: HashSet<String>,
    order: VecDeque<String>,
}

impl Issued {
    /// The first 8 hex digits of the SHA-256 of an id; an empty id and a hash stay.
    pub(super) fn hash(&self, id: &str) -> String {
        if id.is_empty() {
            return String::new();
        }
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.known.contains(id) {
            return id.to_owned();
        }
        let hash = hex::encode(&Sha256::digest(id.as_bytes())[..BYTES]);
        if recent.known.insert(hash.clone()) {
            recent.order.push_back(hash.clone());
            if recent.order.len() > REMEMBERED
                && let Some(oldest) = recent.order.pop_front()
            {
                recent.known.remove(&oldest);
            }
        }
        hash
    }
}
