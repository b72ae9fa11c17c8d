//! Compares the ledger with its valuation, position by position. Pure: both sides are given.

use std::collections::BTreeSet;

use crate::agents::valuation::{Position, Valuation};
use crate::pack::Pack;

/// The portfolios of the ledger.
pub(super) const PORTFOLIOS: [&str; 3] = ["harbour-growth", "lighthouse-income", "pier-balanced"];
/// Difference in the base currency from which two values are not the same.
const CENT: f64 = 0.01;

/// A position on which the two sides do not agree. It names no security: breaks are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Break {
    /// The pack has no price for it.
    NoPrice,
    /// The valuation leaves it out.
    NotValued,
    /// The valuation has another quantity or value.
    Differs,
    /// The valuation has a position that the ledger has not.
    NotInLedger,
}

impl Break {
    /// The break in words.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::NoPrice => "the pack has no price for it",
            Self::NotValued => "the valuation leaves it out",
            Self::Differs => "the valuation says otherwise",
            Self::NotInLedger => "the ledger does not have it",
        }
    }
}

/// What does not agree between the ledger's positions, priced by the pack, and a valuation.
pub(super) fn breaks(pack: &Pack, positions: &[Position], valuation: &Valuation) -> Vec<Break> {
    let booked: BTreeSet<&str> = positions.iter().map(|position| position.security.as_str()).collect();
    let valued = valuation.positions.iter();
    let strangers = valued.filter(|valued| !booked.contains(valued.security.as_str()));
    let disagreeing = positions
        .iter()
        .filter_map(|position| disagreement(pack, position, valuation));
    disagreeing.chain(strangers.map(|_| Break::NotInLedger)).collect()
}

fn disagreement(pack: &Pack, position: &Position, valuation: &Valuation) -> Option<Break> {
    let Some(price) = pack.price(&position.security) else {
        return Some(Break::NoPrice);
    };
    let mut valued = valuation.positions.iter();
    let Some(valued) = valued.find(|valued| valued.security == position.security) else {
        return Some(Break::NotValued);
    };
    let value = position.quantity * price.price * price.fx_rate;
    let agrees = (valued.quantity - position.quantity).abs() < f64::EPSILON && (valued.value - value).abs() < CENT;
    (!agrees).then_some(Break::Differs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::valuation::Valued;
    use crate::pack::Price;

    fn pack() -> Pack {
        let price = |security: &str| Price {
            security: security.into(),
            currency: "EUR".into(),
            price: 10.0,
            fx_rate: 1.1,
            price_base: 11.0,
            returns: vec![],
            volatility: 0.0,
        };
        Pack {
            pack_id: "p".into(),
            version: 1,
            asof_date: "d".into(),
            base_currency: "USD".into(),
            prices: vec![price("A"), price("B")],
            content_hash: String::new(),
        }
    }

    fn booked(positions: &[(&str, f64)]) -> Vec<Position> {
        let position = |(security, quantity): &(&str, f64)| Position {
            security: (*security).into(),
            quantity: *quantity,
        };
        positions.iter().map(position).collect()
    }

    fn valued(positions: &[(&str, f64, f64)]) -> Valuation {
        let one = |(security, quantity, value): &(&str, f64, f64)| Valued {
            security: (*security).into(),
            quantity: *quantity,
            currency: "EUR".into(),
            value: *value,
            weight: 0.0,
        };
        Valuation {
            base_currency: "USD".into(),
            total: 0.0,
            positions: positions.iter().map(one).collect(),
        }
    }

    #[test]
    fn what_agrees_has_no_breaks() {
        let found = breaks(
            &pack(),
            &booked(&[("A", 3.0), ("B", 2.0)]),
            &valued(&[("B", 2.0, 22.004), ("A", 3.0, 33.0)]),
        );
        assert_eq!(found, []);
    }

    #[test]
    fn each_way_to_disagree_is_a_break() {
        let found = breaks(
            &pack(),
            &booked(&[("A", 3.0), ("B", 2.0), ("C", 1.0)]),
            &valued(&[("A", 3.0, 33.02), ("D", 1.0, 1.0)]),
        );
        assert_eq!(
            found,
            [Break::Differs, Break::NotValued, Break::NoPrice, Break::NotInLedger]
        );
        let found = breaks(&pack(), &booked(&[("A", 3.0)]), &valued(&[("A", 2.0, 33.0)]));
        assert_eq!(found, [Break::Differs], "the same value of another quantity");
    }
}
