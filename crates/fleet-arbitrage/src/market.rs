//! A marketplace: listings that come and go, what buyers offer, bids and sales. Two run, each with prices of its own.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use clap::Args;
use skopos_fleet_frame::process::{self, Context, ProcessArgs, serve_http};
use skopos_fleet_frame::{Fault, FleetError};

pub(crate) use self::api::{Bid, Demand, Order, Page, Sale, Sold};
#[cfg(test)]
pub(crate) use self::book::GOODS;
pub(crate) use self::book::{Book, Listing};
use crate::faults::{FAULTS, MARKET_ERRORS, MARKET_SLOW, RIVAL};
use crate::{NORTH, SOUTH};

mod api;
mod book;

/// How often supply and demand move.
const TICK: Duration = Duration::from_secs(2);
/// Ticks before the doors open, so that the first scan finds goods.
const WARM_UP_TICKS: u32 = 40;

/// Settings of the first marketplace.
#[derive(Debug, Args)]
pub(crate) struct NorthArgs {
    /// Where HTTP is served.
    #[arg(long, default_value = "127.0.0.1:8052", value_name = "ADDRESS")]
    listen: SocketAddr,
    #[command(flatten)]
    market: MarketArgs,
}

/// Settings of the second marketplace.
#[derive(Debug, Args)]
pub(crate) struct SouthArgs {
    /// Where HTTP is served.
    #[arg(long, default_value = "127.0.0.1:8053", value_name = "ADDRESS")]
    listen: SocketAddr,
    #[command(flatten)]
    market: MarketArgs,
}

#[derive(Debug, Args)]
struct MarketArgs {
    /// Seed of supply and demand; the marketplace's name goes into it as well.
    #[arg(long, default_value_t = skopos_fleet_frame::DEFAULT_SEED, value_name = "NUMBER")]
    seed: u64,
    #[command(flatten)]
    process: ProcessArgs,
}

/// What the handlers share.
struct Market {
    book: Mutex<Book>,
    errors: Fault,
    slow: Fault,
    rival: Fault,
}

impl Market {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn run_north(arguments: &NorthArgs) -> Result<(), FleetError> {
    run(NORTH, arguments.listen, &arguments.market)
}

pub(crate) fn run_south(arguments: &SouthArgs) -> Result<(), FleetError> {
    run(SOUTH, arguments.listen, &arguments.market)
}

fn run(name: &'static str, listen: SocketAddr, arguments: &MarketArgs) -> Result<(), FleetError> {
    process::run(name, &arguments.process, FAULTS, |context| {
        serve(name, listen, arguments.seed, context)
    })
}

async fn serve(name: &'static str, listen: SocketAddr, seed: u64, context: Context) -> Result<(), FleetError> {
    crate::propagate();
    let mut book = Book::new(name, seed);
    for _ in 0..WARM_UP_TICKS {
        book.tick();
    }
    // Each marketplace has only the faults of its own.
    let fault = |site: &str, fault: &str| {
        if site == name {
            context.faults.get(fault)
        } else {
            Fault::default()
        }
    };
    let market = Arc::new(Market {
        book: Mutex::new(book),
        errors: fault(NORTH, MARKET_ERRORS),
        slow: fault(SOUTH, MARKET_SLOW),
        rival: fault(SOUTH, RIVAL),
    });
    let router = Router::new()
        .route("/v1/listings", get(api::listings))
        .route("/v1/demand", get(api::demand))
        .route("/v1/bids", post(api::bid))
        .route("/v1/sales", post(api::sell))
        .with_state(Arc::clone(&market))
        .layer(crate::http_layer(&context)?)
        .merge(context.own_routes());
    let stop = context.stop.clone();
    tokio::spawn(async move {
        while stop.run_until_cancelled(tokio::time::sleep(TICK)).await.is_some() {
            market.book().tick();
        }
    });
    serve_http(listen, router, context.stop.clone()).await
}
