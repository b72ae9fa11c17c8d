//! A pricing pack: what every security costs on one date, in one currency, and how its price has moved.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Currency that all packs are in.
pub(crate) const BASE_CURRENCY: &str = "USD";

/// One pack. It never changes; a rebuild makes the next version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the names are those of the answer's JSON")]
pub(crate) struct Pack {
    pub(crate) pack_id: String,
    /// Counts the builds.
    pub(crate) version: u64,
    pub(crate) asof_date: String,
    pub(crate) base_currency: String,
    pub(crate) prices: Vec<Price>,
    /// SHA-256 over the prices, in hexadecimal digits: two builds of the same file agree.
    pub(crate) content_hash: String,
}

/// One security in a pack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the names are those of the answer's JSON")]
pub(crate) struct Price {
    pub(crate) security: String,
    pub(crate) currency: String,
    /// In its own currency.
    pub(crate) price: f64,
    /// Base currency for one unit of its own.
    pub(crate) fx_rate: f64,
    /// In the base currency.
    pub(crate) price_base: f64,
    /// Logarithmic returns of the price in the base currency from day to day, oldest first.
    pub(crate) returns: Vec<f64>,
    /// Standard deviation of the returns, for a year of 252 days.
    pub(crate) volatility: f64,
}

/// The name of the pack of a date.
pub(crate) fn pack_id(asof_date: &str) -> String {
    format!("PP_{asof_date}")
}

/// SHA-256 over what the prices say, field by field.
pub(crate) fn content_hash(prices: &[Price]) -> String {
    let mut hash = Sha256::new();
    for price in prices {
        hash.update(price.security.as_bytes());
        hash.update([0]);
        for number in [price.price, price.fx_rate, price.volatility]
            .iter()
            .chain(&price.returns)
        {
            hash.update(number.to_be_bytes());
        }
    }
    hex::encode(hash.finalize())
}

/// Standard deviation of daily returns, for a year of 252 days; 0 of fewer than two.
pub(crate) fn annual_volatility(returns: &[f64]) -> f64 {
    const DAYS: f64 = 252.0;
    if returns.len() < 2 {
        return 0.0;
    }
    let count = returns.len() as f64;
    let mean = returns.iter().sum::<f64>() / count;
    let squares: f64 = returns.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (count - 1.0) * DAYS).sqrt()
}

impl Pack {
    /// The price of a security.
    pub(crate) fn price(&self, security: &str) -> Option<&Price> {
        self.prices.iter().find(|price| price.security == security)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volatility_of_known_returns() {
        // Mean 0, variance (1 + 1) / 1 of hundredths.
        let found = annual_volatility(&[0.01, -0.01]);
        assert!((found - (0.0002_f64 * 252.0).sqrt()).abs() < 1e-12, "{found}");
        assert!(annual_volatility(&[0.01]).abs() < f64::EPSILON);
    }
}
