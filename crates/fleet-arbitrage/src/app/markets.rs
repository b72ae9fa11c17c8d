//! The marketplaces as the agents see them: scans with turns, price differences, bids and sales.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use serde::Serialize;
use skopos_fleet_frame::Context;
use skopos_sdk::tasks::{record_bid, trace_marketplace_scan};
use tokio::sync::Semaphore;

use crate::failure::Failure;
use crate::faults::SCANNER_STUCK;
use crate::market::{Bid, Demand, Listing, Order, Page, Sale, Sold};
use crate::peer::Peer;

const LISTINGS: &str = "/v1/listings";
/// Scans of one marketplace at one time, so that agents do not press it, and how long a task waits for its turn.
const TURNS: u32 = 16;
const TURN_WAIT: Duration = Duration::from_secs(5);
/// Looks whether the fault that takes the turns is on.
const LOOK: Duration = Duration::from_millis(250);
/// What a sale costs, as a share of its price.
const FEE: f64 = 0.01;

/// All marketplaces.
pub(super) struct Markets {
    all: Vec<Market>,
}

struct Market {
    name: String,
    peer: Peer,
    turns: Arc<Semaphore>,
}

/// What a scan has found.
#[derive(Debug)]
pub(super) struct Snapshot {
    market: usize,
    listings: Vec<Listing>,
    demand: HashMap<String, u64>,
}

/// A lot that can be bought on one marketplace and sold for more on another.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Chance {
    pub(super) good: String,
    pub(super) buy_at: String,
    pub(super) sell_at: String,
    pub(super) buy_cents: u64,
    pub(super) sell_cents: u64,
    /// What is left after fees, as a share of the price.
    pub(super) margin: f64,
    #[serde(skip)]
    listing_id: u64,
    #[serde(skip)]
    route: (usize, usize),
}

/// What became of a bid.
#[derive(Debug)]
pub(super) enum Outcome {
    Accepted(Order),
    Rejected(String),
}

impl Markets {
    pub(super) fn new(peers: Vec<(String, Peer)>, context: &Context) -> Self {
        let market = |(name, peer)| Market {
            name,
            peer,
            turns: Arc::new(Semaphore::new(TURNS as usize)),
        };
        let all: Vec<Market> = peers.into_iter().map(market).collect();
        let (turns, stuck, stop) = (
            all.iter().map(|market| Arc::clone(&market.turns)).collect::<Vec<_>>(),
            context.faults.get(SCANNER_STUCK),
            context.stop.clone(),
        );
        tokio::spawn(async move {
            let mut held = Vec::new();
            while stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
                if !stuck.is_on() {
                    held.clear();
                } else if held.is_empty() {
                    for turns in &turns {
                        held.extend(Arc::clone(turns).acquire_many_owned(TURNS).await);
                    }
                }
            }
        });
        Self { all }
    }

    /// Scans all marketplaces, one after the other.
    pub(super) async fn scan(&self) -> Result<Vec<Snapshot>, Failure> {
        let mut snapshots = Vec::with_capacity(self.all.len());
        for (number, market) in self.all.iter().enumerate() {
            snapshots.push(market.scan(number).await?);
        }
        Ok(snapshots)
    }

    /// What can be bought for less than it sells for, the widest margin first.
    pub(super) fn chances(&self, snapshots: &[Snapshot]) -> Vec<Chance> {
        let mut chances: Vec<Chance> = snapshots
            .iter()
            .flat_map(|from| snapshots.iter().map(move |to| (from, to)))
            .filter(|(from, to)| from.market != to.market)
            .flat_map(|(from, to)| from.listings.iter().filter_map(|lot| self.chance(from, to, lot)))
            .collect();
        chances.sort_by(|a, b| b.margin.total_cmp(&a.margin));
        chances
    }

    fn chance(&self, from: &Snapshot, to: &Snapshot, lot: &Listing) -> Option<Chance> {
        let sell_cents = *to.demand.get(&lot.good)?;
        let margin = sell_cents as f64 * (1.0 - FEE) / lot.price_cents.max(1) as f64 - 1.0;
        (margin > 0.0).then(|| Chance {
            good: lot.good.clone(),
            buy_at: self.all[from.market].name.clone(),
            sell_at: self.all[to.market].name.clone(),
            buy_cents: lot.price_cents,
            sell_cents,
            margin,
            listing_id: lot.id,
            route: (from.market, to.market),
        })
    }

    /// Bids the asking price. That the marketplace says no is an outcome and not an error.
    pub(super) async fn bid(&self, chance: &Chance) -> Result<Outcome, Failure> {
        let market = &self.all[chance.route.0];
        let bid = Bid {
            listing_id: chance.listing_id,
            price_cents: chance.buy_cents,
        };
        match market.peer.post("/v1/bids", &bid).await {
            Ok(order) => {
                record_bid(&market.name, "accepted");
                Ok(Outcome::Accepted(order))
            }
            Err(error) if error.status == Some(StatusCode::CONFLICT) => {
                record_bid(&market.name, "rejected");
                Ok(Outcome::Rejected(error.to_string()))
            }
            Err(error) => {
                record_bid(&market.name, "failed");
                Err(error)
            }
        }
    }

    /// Sells what was bought; nothing where buyers now offer less than it cost.
    pub(super) async fn sell(&self, chance: &Chance) -> Result<Option<u64>, Failure> {
        let sale = Sale {
            good: chance.good.clone(),
            least_cents: chance.buy_cents,
        };
        match self.all[chance.route.1].peer.post::<Sold>("/v1/sales", &sale).await {
            Ok(sold) => Ok(Some(sold.price_cents)),
            Err(error) if error.status == Some(StatusCode::CONFLICT) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Market {
    async fn scan(&self, number: usize) -> Result<Snapshot, Failure> {
        let late = |_| Failure::new("no_turn", format!("{} is scanned by others all the time", self.name));
        let turn = tokio::time::timeout(TURN_WAIT, self.turns.acquire())
            .await
            .map_err(late)?;
        let read = async {
            let mut listings = Vec::new();
            let mut page = 0;
            loop {
                let found: Page = self.peer.get(&format!("{LISTINGS}?page={page}")).await?;
                listings.extend(found.listings);
                page += 1;
                if page >= found.pages {
                    break;
                }
            }
            let demand: Vec<Demand> = self.peer.get("/v1/demand").await?;
            Ok(Snapshot {
                market: number,
                listings,
                demand: demand.into_iter().map(|one| (one.good, one.price_cents)).collect(),
            })
        };
        let snapshot = trace_marketplace_scan(&self.peer.url(LISTINGS)).run(read).await;
        drop(turn);
        snapshot
    }
}
