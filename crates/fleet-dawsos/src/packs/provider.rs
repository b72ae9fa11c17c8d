//! Where prices come from: the file that ships with the service, delivered row by row.

use std::time::Duration;

use skopos_fleet_frame::Fault;

/// Prices of 130 trading days, invented. Securities are in their own currencies, currencies in US dollars.
const PRICE_FILE: &str = include_str!("../../assets/prices.csv");
/// Time of a row while the provider is slow: 120 of them take twelve minutes.
const SLOW_ROW: Duration = Duration::from_secs(6);
/// How soon it is seen that the provider has recovered.
const LOOK: Duration = Duration::from_millis(200);
/// Bytes that a broken transfer leaves out: a part of the last row.
const CUT: usize = 40;

#[derive(Debug)]
pub(super) struct Provider {
    slow: Fault,
    truncated: Fault,
}

impl Provider {
    pub(super) fn new(slow: Fault, truncated: Fault) -> Self {
        Self { slow, truncated }
    }

    /// The file as the transfer leaves it.
    pub(super) fn file(&self) -> &'static str {
        if self.truncated.is_on() {
            return PRICE_FILE.get(..PRICE_FILE.len() - CUT).unwrap_or_default();
        }
        PRICE_FILE
    }

    /// Waits until the next row is here.
    pub(super) async fn next_row(&self) {
        let mut waited = Duration::ZERO;
        while self.slow.is_on() && waited < SLOW_ROW {
            tokio::time::sleep(LOOK).await;
            waited += LOOK;
        }
    }
}
