//! Alerts on prices: who watches a security learns of a day on which it moved far, once for each build of the pack.

use std::time::{Duration, Instant};

use reqwest::Client;

use super::metrics::JobMetrics;
use super::peers::{JobError, Peers};
use crate::notice::Notice;
use crate::pack::Pack;

/// Who watches what: the user, the security, and the movement in a day that is far.
const WATCHES: [Watch; 5] = [
    Watch::new("analyst-2", "DUNE", 0.02),
    Watch::new("analyst-3", "CEDR", 0.01),
    Watch::new("analyst-5", "HARB", 0.01),
    Watch::new("analyst-7", "ALBA", 0.05),
    Watch::new("analyst-7", "GLEN", 0.005),
];
/// Attempts at one delivery, and the pause after one that failed.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);

#[derive(Debug, Clone, Copy, PartialEq)]
struct Watch {
    user: &'static str,
    security: &'static str,
    /// Share of the price.
    movement: f64,
}

impl Watch {
    const fn new(user: &'static str, security: &'static str, movement: f64) -> Self {
        Self {
            user,
            security,
            movement,
        }
    }
}

#[derive(Debug)]
pub(super) struct Delivery {
    client: Client,
    url: String,
    /// Pack and version whose alerts all arrived.
    told: Option<(String, u64)>,
}

impl Delivery {
    pub(super) fn new(client: Client, url: String) -> Self {
        Self {
            client,
            url,
            told: None,
        }
    }

    /// Delivers the alerts of the latest pack, unless that was done. One that fails keeps none of the others.
    pub(super) async fn run(&mut self, peers: &Peers, metrics: &JobMetrics) -> Result<(), JobError> {
        let state = peers.latest_pack().await?;
        let build = (state.pack_id.clone(), state.version);
        if self.told.as_ref() == Some(&build) {
            return Ok(());
        }
        let pack = peers.pack(&state.pack_id).await?;
        let mut failed = Vec::new();
        for (watch, movement) in moved(&pack) {
            let notice = Notice::of_movement(&pack, watch.security, movement);
            let started = Instant::now();
            let delivered = self.deliver(watch.user, &notice).await;
            metrics.delivery(delivered.is_ok(), started.elapsed());
            failed.extend(delivered.err());
        }
        match failed.pop() {
            None => {
                self.told = Some(build);
                Ok(())
            }
            Some(last) => Err(JobError::Undelivered {
                count: failed.len() + 1,
                reason: last.without_url().to_string(),
            }),
        }
    }

    async fn deliver(&self, user: &str, notice: &Notice) -> Result<(), reqwest::Error> {
        let mut attempt = 1;
        loop {
            let request = self.client.post(&self.url).header("x-user-id", user).json(notice);
            let answer = skopos_sdk::client::send(&self.client, request).await;
            match answer.and_then(reqwest::Response::error_for_status) {
                Ok(_) => return Ok(()),
                Err(error) if attempt == ATTEMPTS => return Err(error),
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
            attempt += 1;
        }
    }
}

/// The watches whose security moved far on the pack's day, and how far it moved: a share of the price.
fn moved(pack: &Pack) -> Vec<(Watch, f64)> {
    let far = |watch: Watch| {
        let last = pack.price(watch.security)?.returns.last()?;
        let movement = last.exp_m1();
        (movement.abs() >= watch.movement).then_some((watch, movement))
    };
    WATCHES.into_iter().filter_map(far).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::Price;

    fn pack(moved: &[(&str, f64)]) -> Pack {
        let price = |(security, movement): &(&str, f64)| Price {
            security: (*security).into(),
            currency: "USD".into(),
            price: 1.0,
            fx_rate: 1.0,
            price_base: 1.0,
            returns: vec![0.5, movement.ln_1p()],
            volatility: 0.0,
        };
        Pack {
            pack_id: "p".into(),
            version: 1,
            asof_date: "d".into(),
            base_currency: "USD".into(),
            prices: moved.iter().map(price).collect(),
            content_hash: String::new(),
        }
    }

    #[test]
    fn who_watches_learns_of_movements_that_are_far_either_way() {
        let found = moved(&pack(&[
            ("DUNE", 0.03),
            ("CEDR", 0.009),
            ("HARB", -0.02),
            ("BORA", 0.9),
        ]));
        let users: Vec<(&str, i64)> = found
            .iter()
            .map(|(watch, movement)| (watch.user, (movement * 1000.0).round() as i64))
            .collect();
        assert_eq!(users, [("analyst-2", 30), ("analyst-5", -20)]);
    }
}
