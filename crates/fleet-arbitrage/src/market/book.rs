//! The book of a marketplace: prices that return to their mean, sellers and buyers who follow them. Seeded.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// What is traded, with its mean price in cents.
pub(crate) const GOODS: [(&str, f64); 12] = [
    ("copper wire", 8_900.0),
    ("solar cells", 14_500.0),
    ("green coffee", 21_000.0),
    ("cocoa beans", 26_500.0),
    ("saffron", 48_000.0),
    ("olive oil", 5_400.0),
    ("wool yarn", 3_200.0),
    ("bicycle chains", 11_800.0),
    ("circuit boards", 33_000.0),
    ("oak planks", 17_200.0),
    ("sea salt", 1_450.0),
    ("paper rolls", 9_700.0),
];
/// Share of the way back to the mean that a price goes in a tick, and how far it strays: as a share of the mean, this
/// gives a standard deviation of a tenth.
const RETURN: f64 = 0.05;
const STRAY: f64 = 0.055;
/// Listings of a good that a marketplace has at most.
const MAX_OFFERS: usize = 4;
/// Ticks for which a listing stands.
const LISTING_TICKS: u64 = 60;
/// What a sale takes from the price that buyers offer, and which share of the gap comes back in a tick.
const SALE_PRESSURE: f64 = 0.02;
const RECOVERY: f64 = 0.1;

/// A lot that someone sells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listing {
    pub(crate) id: u64,
    pub(crate) good: String,
    pub(crate) price_cents: u64,
    #[serde(skip)]
    gone_at: u64,
}

/// Supply and demand of one marketplace.
#[derive(Debug)]
pub(crate) struct Book {
    rng: ChaCha8Rng,
    tick: u64,
    next_id: u64,
    prices: Vec<f64>,
    /// By what share buyers offer less because of sales.
    pressed: Vec<f64>,
    listings: BTreeMap<u64, Listing>,
}

impl Book {
    /// An empty book; the first ticks fill it.
    pub(crate) fn new(name: &str, seed: u64) -> Self {
        let mut hasher = DefaultHasher::new();
        (name, seed).hash(&mut hasher);
        Self {
            rng: ChaCha8Rng::seed_from_u64(hasher.finish()),
            tick: 0,
            next_id: 1,
            prices: GOODS.iter().map(|(_, mean)| *mean).collect(),
            pressed: vec![0.0; GOODS.len()],
            listings: BTreeMap::new(),
        }
    }

    /// Prices move, listings end, sellers come.
    pub(crate) fn tick(&mut self) {
        self.tick += 1;
        let now = self.tick;
        self.listings.retain(|_, listing| listing.gone_at > now);
        for (number, (good, mean)) in GOODS.into_iter().enumerate() {
            let price = self.prices[number];
            let step = RETURN * (mean - price) + mean * STRAY * self.rng.random_range(-1.0..1.0);
            self.prices[number] = (price + step).clamp(mean * 0.5, mean * 1.5);
            self.pressed[number] *= 1.0 - RECOVERY;
            let offers = self.listings.values().filter(|listing| listing.good == good).count();
            if offers < MAX_OFFERS && self.rng.random_bool(0.5) {
                let price = self.prices[number] * self.rng.random_range(1.005..1.05);
                self.offer(good, price as u64);
            }
        }
    }

    fn offer(&mut self, good: &str, price_cents: u64) {
        let listing = Listing {
            id: self.next_id,
            good: good.to_owned(),
            price_cents,
            gone_at: self.tick + LISTING_TICKS,
        };
        self.next_id += 1;
        self.listings.insert(listing.id, listing);
    }

    /// All listings by their age.
    pub(crate) fn listings(&self) -> impl Iterator<Item = &Listing> {
        self.listings.values()
    }

    /// What buyers offer now for each good, in cents.
    pub(crate) fn demand(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let pressed = self.prices.iter().zip(&self.pressed);
        GOODS
            .iter()
            .zip(pressed)
            .map(|((good, _), (price, pressed))| (*good, (price * 0.985 * (1.0 - pressed)) as u64))
    }

    /// Takes a listing out of the book.
    pub(crate) fn take(&mut self, id: u64) -> Option<Listing> {
        self.listings.remove(&id)
    }

    /// A listing that is there.
    pub(crate) fn listing(&self, id: u64) -> Option<&Listing> {
        self.listings.get(&id)
    }

    /// Sells a lot of a good to a buyer; what is offered falls. Nothing where nobody buys such a good.
    pub(crate) fn sell(&mut self, good: &str) -> Option<u64> {
        let (number, price) = self
            .demand()
            .enumerate()
            .find_map(|(number, (name, price))| (name == good).then_some((number, price)))?;
        self.pressed[number] += SALE_PRESSURE;
        Some(price)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(name: &str, ticks: u32) -> Book {
        let mut book = Book::new(name, 1);
        for _ in 0..ticks {
            book.tick();
        }
        book
    }

    #[test]
    fn one_seed_makes_one_market_and_two_names_two() {
        let demand = |name| after(name, 50).demand().collect::<Vec<_>>();
        assert_eq!(demand("a"), demand("a"));
        assert_ne!(demand("a"), demand("b"));
    }

    #[test]
    fn two_markets_differ_by_more_than_they_cost_somewhere() {
        let (north, south) = (after(crate::NORTH, 40), after(crate::SOUTH, 40));
        let chances = |from: &Book, to: &Book| {
            let offered: BTreeMap<&str, u64> = to.demand().collect();
            from.listings()
                .filter(|listing| offered[listing.good.as_str()] * 97 > listing.price_cents * 100)
                .count()
        };
        assert!(chances(&north, &south) + chances(&south, &north) > 0);
    }

    #[test]
    fn a_sale_presses_the_price_and_time_lifts_it() {
        let mut book = after("a", 10);
        let price = |book: &Book| book.demand().next().expect("goods").1;
        let before = price(&book);
        assert_eq!(book.sell(GOODS[0].0), Some(before));
        assert!(price(&book) < before);
        assert_eq!(book.sell("dreams"), None);
    }

    #[test]
    fn listings_end() {
        let mut book = after("a", 30);
        let first = book.listings().next().expect("a listing").id;
        for _ in 0..=LISTING_TICKS {
            book.tick();
        }
        assert!(book.listing(first).is_none());
        assert!(book.listings().count() <= GOODS.len() * MAX_OFFERS);
    }
}
