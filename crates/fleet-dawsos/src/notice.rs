//! What a user is told of a price.

use serde::{Deserialize, Serialize};

use crate::pack::Pack;

/// One notice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Notice {
    pub(crate) pricing_pack_id: String,
    pub(crate) version: u64,
    pub(crate) security: String,
    /// Movement on the pack's day, as a share of the price.
    pub(crate) movement: f64,
}

impl Notice {
    pub(crate) fn of_movement(pack: &Pack, security: &str, movement: f64) -> Self {
        Self {
            pricing_pack_id: pack.pack_id.clone(),
            version: pack.version,
            security: security.to_owned(),
            movement,
        }
    }
}
