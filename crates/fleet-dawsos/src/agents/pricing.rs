//! The pricing agent: what positions are worth, and how much they may lose, by the pack that the executor names.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Client;
use serde_json::{Value, json};
use skopos_fleet_frame::Fault;

use super::valuation::{Position, Valuation, Valued, earlier};
use crate::invocation::{Invocation, PackState};
use crate::pack::{Pack, annual_volatility};
use crate::refusal::Refusal;

/// Share of days whose loss is above the value at risk.
const TAIL: f64 = 0.05;

#[derive(Debug)]
pub(super) struct Pricing {
    client: Client,
    packs: String,
    /// The pack that was used last; another one or another version is fetched.
    cached: Mutex<Option<Arc<Pack>>>,
    flaky: Fault,
    calls: AtomicU64,
}

impl Pricing {
    pub(super) fn new(client: Client, packs: &str, flaky: Fault) -> Self {
        Self {
            client,
            packs: packs.trim_end_matches('/').to_owned(),
            cached: Mutex::default(),
            flaky,
            calls: AtomicU64::new(0),
        }
    }

    pub(super) async fn value(&self, invocation: &Invocation) -> Result<Value, Refusal> {
        self.lose_some()?;
        let positions: Vec<Position> = earlier(&invocation.state, "positions")?;
        let pack = self.pack(&invocation.pack).await?;
        valuation(&pack, &positions).map(|valuation| json!(valuation))
    }

    pub(super) async fn risk(&self, invocation: &Invocation) -> Result<Value, Refusal> {
        self.lose_some()?;
        let valuation: Valuation = earlier(&invocation.state, "valuation")?;
        let pack = self.pack(&invocation.pack).await?;
        Ok(risk(&pack, &valuation))
    }

    /// With the fault, each second call is lost on its way to the provider.
    fn lose_some(&self) -> Result<(), Refusal> {
        if self.flaky.is_on() && self.calls.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            let message = "the connection to the price provider was reset";
            return Err(Refusal::failed("provider_reset", message, "try again"));
        }
        Ok(())
    }

    async fn pack(&self, wanted: &PackState) -> Result<Arc<Pack>, Refusal> {
        let cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(pack) = cached.filter(|pack| pack.pack_id == wanted.pack_id && pack.version == wanted.version) {
            return Ok(pack);
        }
        let request = self.client.get(format!("{}/v1/packs/{}", self.packs, wanted.pack_id));
        let failed = |error: reqwest::Error| {
            Refusal::failed(
                "pack_unavailable",
                format!("{} cannot be fetched: {error}", wanted.pack_id),
                "is the pricing-pack job running?",
            )
        };
        let request = request.headers(crate::context_headers());
        let answer = skopos_sdk::client::send(&self.client, request).await.map_err(failed)?;
        let pack: Pack = answer
            .error_for_status()
            .map_err(failed)?
            .json()
            .await
            .map_err(failed)?;
        let pack = Arc::new(pack);
        *self.cached.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&pack));
        Ok(pack)
    }
}

fn valuation(pack: &Pack, positions: &[Position]) -> Result<Valuation, Refusal> {
    let mut valued = Vec::with_capacity(positions.len());
    for position in positions {
        let price = pack.price(&position.security).ok_or_else(|| {
            Refusal::invalid(
                format!("{} has no price for a security of the portfolio", pack.pack_id),
                "add it to the price file",
            )
        })?;
        valued.push(Valued {
            security: position.security.clone(),
            quantity: position.quantity,
            currency: price.currency.clone(),
            value: position.quantity * price.price_base,
            weight: 0.0,
        });
    }
    let total: f64 = valued.iter().map(|one| one.value).sum();
    if total > 0.0 {
        for one in &mut valued {
            one.weight = one.value / total;
        }
    }
    Ok(Valuation {
        base_currency: pack.base_currency.clone(),
        total,
        positions: valued,
    })
}

/// Volatility and historical value at risk of the whole: its returns are the positions' weighted returns of each day.
fn risk(pack: &Pack, valuation: &Valuation) -> Value {
    let days = pack
        .prices
        .iter()
        .map(|price| price.returns.len())
        .min()
        .unwrap_or_default();
    let mut daily = vec![0.0; days];
    for position in &valuation.positions {
        let Some(price) = pack.price(&position.security) else {
            continue;
        };
        for (sum, one) in daily.iter_mut().zip(&price.returns) {
            *sum += position.weight * one;
        }
    }
    let volatility = annual_volatility(&daily);
    daily.sort_by(f64::total_cmp);
    let worst = daily.get((days as f64 * TAIL) as usize).copied().unwrap_or_default();
    json!({
        "volatility": volatility,
        "value_at_risk_95": (-worst).max(0.0) * valuation.total,
        "days": days,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::Price;

    fn pack() -> Pack {
        let price = |security: &str, price_base: f64, returns: Vec<f64>| Price {
            security: security.into(),
            currency: "USD".into(),
            price: price_base,
            fx_rate: 1.0,
            price_base,
            volatility: annual_volatility(&returns),
            returns,
        };
        Pack {
            pack_id: "p".into(),
            version: 1,
            asof_date: "d".into(),
            base_currency: "USD".into(),
            prices: vec![price("A", 10.0, vec![0.01, -0.02]), price("B", 30.0, vec![-0.01, 0.02])],
            content_hash: String::new(),
        }
    }

    #[test]
    fn positions_are_worth_their_prices() {
        let hold = |security: &str, quantity| Position {
            security: security.into(),
            quantity,
        };
        let valuation = valuation(&pack(), &[hold("A", 3.0), hold("B", 1.0)]).expect("both have prices");
        assert!((valuation.total - 60.0).abs() < 1e-9);
        assert!((valuation.positions[0].weight - 0.5).abs() < 1e-9);
        // Equal weights of opposite movements: nothing moves.
        let risk = risk(&pack(), &valuation);
        assert!(risk["volatility"].as_f64().expect("a number") < 1e-12, "{risk}");
        super::valuation(&pack(), &[hold("C", 1.0)]).expect_err("C has no price");
    }

    #[test]
    fn the_value_at_risk_is_the_loss_of_a_bad_day() {
        let hold = [Position {
            security: "A".into(),
            quantity: 10.0,
        }];
        let risk = risk(&pack(), &valuation(&pack(), &hold).expect("it has a price"));
        assert!(
            (risk["value_at_risk_95"].as_f64().expect("a number") - 2.0).abs() < 1e-9,
            "{risk}"
        );
    }
}
