//! The macro agent: where the economy stands by its monthly figures, and what a shock would cost.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use skopos_fleet_frame::{Fault, FleetError};

use super::valuation::{Valuation, earlier};
use crate::invocation::Invocation;
use crate::refusal::Refusal;

const FILE: &str = "economy.csv";
const SHIPPED: &str = include_str!("../../assets/economy.csv");
/// Months between a price level and that of the year before.
const YEAR: usize = 12;
/// Inflation above which it is high, in percent.
const HIGH_INFLATION: f64 = 2.5;
/// Loss of a position in a crisis by its currency: the market's fall, and what the currency loses against the dollar.
const SHOCKS: [(&str, f64); 4] = [("USD", -0.20), ("EUR", -0.26), ("GBP", -0.29), ("JPY", -0.17)];

/// Figures of one month.
#[derive(Debug, Clone, PartialEq)]
struct Month {
    name: String,
    policy_rate: f64,
    ten_year_yield: f64,
    consumer_prices: f64,
}

#[derive(Debug)]
pub(super) struct Economy {
    months: Vec<Month>,
    shocks: BTreeMap<&'static str, f64>,
    missing: Fault,
}

impl Economy {
    /// The figures that ship with the service, which are invented.
    pub(super) fn shipped(missing: Fault) -> Result<Self, FleetError> {
        let months: Result<Vec<Month>, String> = SHIPPED.lines().skip(1).map(month).collect();
        let months = months.map_err(|reason| FleetError::Asset { file: FILE, reason })?;
        if months.len() <= YEAR {
            let reason = format!("{} months are too few for a change in a year", months.len());
            return Err(FleetError::Asset { file: FILE, reason });
        }
        Ok(Self {
            months,
            shocks: SHOCKS.into(),
            missing,
        })
    }

    /// Slope of the yield curve and inflation, and the regime that they make.
    pub(super) fn regime(&self) -> Result<Value, Refusal> {
        let [before, .., now] = &self.months[self.months.len() - YEAR - 1..] else {
            return Err(Refusal::failed(
                "no_figures",
                "there are too few months",
                "rebuild from a clean checkout",
            ));
        };
        let slope = now.ten_year_yield - now.policy_rate;
        let inflation = (now.consumer_prices / before.consumer_prices - 1.0) * 100.0;
        Ok(json!({
            "month": now.name,
            "slope": slope,
            "inflation": inflation,
            "regime": regime(slope, inflation),
        }))
    }

    /// What the valued positions lose in a crisis.
    pub(super) fn scenario(&self, invocation: &Invocation) -> Result<Value, Refusal> {
        let valuation: Valuation = earlier(&invocation.state, "valuation")?;
        let empty = BTreeMap::new();
        let shocks = if self.missing.is_on() { &empty } else { &self.shocks };
        let mut loss = 0.0;
        for position in &valuation.positions {
            let shock = shocks.get(position.currency.as_str()).ok_or_else(|| {
                let message = format!("the table of shocks has no row for {}", position.currency);
                Refusal::failed("shock_missing", message, "restore the table of shocks")
            })?;
            loss -= position.value * shock;
        }
        Ok(
            json!({ "scenario": "crisis", "loss": loss, "share": if valuation.total > 0.0 { loss / valuation.total } else { 0.0 } }),
        )
    }
}

fn regime(slope: f64, inflation: f64) -> &'static str {
    match (slope > 0.0, inflation > HIGH_INFLATION) {
        (true, true) => "reflation",
        (true, false) => "expansion",
        (false, true) => "stagflation",
        (false, false) => "slowdown",
    }
}

fn month(line: &str) -> Result<Month, String> {
    let cells: Vec<&str> = line.split(',').collect();
    let [month, policy_rate, ten_year_yield, consumer_prices] = cells[..] else {
        return Err(format!("{line} is not four columns"));
    };
    let number = |text: &str| text.parse::<f64>().map_err(|error| format!("{month}: {text}: {error}"));
    Ok(Month {
        name: month.to_owned(),
        policy_rate: number(policy_rate)?,
        ten_year_yield: number(ten_year_yield)?,
        consumer_prices: number(consumer_prices)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_regime_follows_slope_and_inflation() {
        let economy = Economy::shipped(Fault::default()).expect("the asset is sound");
        let found = economy.regime().expect("two years of figures");
        let (slope, inflation) = (found["slope"].as_f64(), found["inflation"].as_f64());
        assert!((slope.expect("a number") - (3.74 - 2.83)).abs() < 1e-9, "{found}");
        assert_eq!(
            found["regime"],
            regime(slope.expect("a number"), inflation.expect("a number"))
        );
        assert_eq!([regime(1.0, 3.0), regime(1.0, 2.0)], ["reflation", "expansion"]);
        assert_eq!([regime(-1.0, 3.0), regime(-1.0, 2.0)], ["stagflation", "slowdown"]);
        assert!(month("2026-01,1,2").is_err() && month("2026-01,1,2,x").is_err());
    }
}
