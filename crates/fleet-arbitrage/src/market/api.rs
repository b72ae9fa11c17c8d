//! What a marketplace answers: pages of listings, what buyers offer, bids and sales.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::Market;
use super::book::Listing;
use crate::failure::Refusal;

/// Listings of a page.
const PAGE_SIZE: usize = 20;
/// What a page takes while the marketplace is slow; a scan has at least two.
const SLOW_PAGE: Duration = Duration::from_secs(3);

/// Some of the listings.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) pages: usize,
    pub(crate) listings: Vec<Listing>,
}

/// What buyers offer for a good, in cents.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Demand {
    pub(crate) good: String,
    pub(crate) price_cents: u64,
}

/// The wish to buy what is listed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Bid {
    pub(crate) listing_id: u64,
    pub(crate) price_cents: u64,
}

/// A bid that was accepted.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) order_id: String,
    pub(crate) price_cents: u64,
}

/// The wish to sell a lot, for no less than this.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Sale {
    pub(crate) good: String,
    pub(crate) least_cents: u64,
}

/// A lot that was sold.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Sold {
    pub(crate) price_cents: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct PageNumber {
    #[serde(default)]
    page: usize,
}

pub(super) async fn listings(
    State(market): State<Arc<Market>>,
    Query(wanted): Query<PageNumber>,
) -> Result<Json<Page>, Refusal> {
    market.may_answer().await?;
    let book = market.book();
    let start = wanted.page.saturating_mul(PAGE_SIZE);
    Ok(Json(Page {
        pages: book.listings().count().div_ceil(PAGE_SIZE).max(1),
        listings: book.listings().skip(start).take(PAGE_SIZE).cloned().collect(),
    }))
}

pub(super) async fn demand(State(market): State<Arc<Market>>) -> Result<Json<Vec<Demand>>, Refusal> {
    market.may_answer().await?;
    let book = market.book();
    let demand = book.demand().map(|(good, price_cents)| Demand {
        good: good.to_owned(),
        price_cents,
    });
    Ok(Json(demand.collect()))
}

pub(super) async fn bid(
    State(market): State<Arc<Market>>,
    Json(bid): Json<Bid>,
) -> Result<(StatusCode, Json<Order>), Refusal> {
    let mut book = market.book();
    if market.rival.is_on() {
        book.take(bid.listing_id);
    }
    let Some(listing) = book.listing(bid.listing_id) else {
        return Err(Refusal::conflict("the listing is gone: scan again"));
    };
    if bid.price_cents < listing.price_cents {
        let message = format!("the bid is below the asking price of {} cents", listing.price_cents);
        return Err(Refusal::conflict(message));
    }
    let price_cents = listing.price_cents;
    book.take(bid.listing_id);
    let order = Order {
        order_id: uuid::Uuid::new_v4().to_string(),
        price_cents,
    };
    Ok((StatusCode::CREATED, Json(order)))
}

pub(super) async fn sell(
    State(market): State<Arc<Market>>,
    Json(sale): Json<Sale>,
) -> Result<(StatusCode, Json<Sold>), Refusal> {
    let mut book = market.book();
    let offered = book.demand().find(|(good, _)| *good == sale.good);
    let Some((_, offered)) = offered else {
        return Err(Refusal::unprocessable(format!("{} is not traded here", sale.good)));
    };
    if offered < sale.least_cents {
        return Err(Refusal::conflict(format!("buyers offer no more than {offered} cents")));
    }
    book.sell(&sale.good);
    Ok((StatusCode::CREATED, Json(Sold { price_cents: offered })))
}

impl Market {
    /// Lets the faults of reading have their way.
    async fn may_answer(&self) -> Result<(), Refusal> {
        if self.slow.is_on() {
            tokio::time::sleep(SLOW_PAGE).await;
        }
        if self.errors.is_on() {
            let message = "the book cannot be read".to_owned();
            return Err(Refusal(StatusCode::INTERNAL_SERVER_ERROR, message));
        }
        Ok(())
    }
}
