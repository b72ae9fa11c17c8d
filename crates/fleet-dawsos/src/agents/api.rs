//! The agents' HTTP interface: one route, one capability each call.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;

use super::economy::Economy;
use super::ledger::Ledger;
use super::pricing::Pricing;
use super::reports::Reports;
use crate::invocation::{Invocation, Outcome};
use crate::refusal::Refusal;

/// All agents of the process.
pub(super) struct Agents {
    pub(super) ledger: Ledger,
    pub(super) pricing: Pricing,
    pub(super) economy: Economy,
    pub(super) reports: Reports,
}

pub(super) fn router(agents: Arc<Agents>) -> Router {
    Router::new()
        .route("/v1/agents/{agent}/{capability}", post(invoke))
        .with_state(agents)
}

async fn invoke(
    State(agents): State<Arc<Agents>>,
    Path((agent, capability)): Path<(String, String)>,
    invocation: Result<Json<Invocation>, JsonRejection>,
) -> Result<Json<Outcome>, Refusal> {
    let Json(invocation) = invocation?;
    let output = agents.invoke(&agent, &capability, &invocation).await?;
    Ok(Json(Outcome {
        output,
        ledger_commit_hash: agents.ledger.head(),
    }))
}

impl Agents {
    async fn invoke(&self, agent: &str, capability: &str, invocation: &Invocation) -> Result<Value, Refusal> {
        match capability {
            "ledger.positions" => self.ledger.positions(invocation),
            "ledger.append" => self.ledger.append(invocation),
            "pricing.value" => self.pricing.value(invocation).await,
            "pricing.risk" => self.pricing.risk(invocation).await,
            "macro.regime" => self.economy.regime(),
            "macro.scenario" => self.economy.scenario(invocation),
            "reports.render" => Ok(self.reports.render(invocation).await),
            _ => Err(Refusal::not_found(
                format!("agent {agent} has no capability {capability}"),
                "capabilities are ledger.positions, ledger.append, pricing.value, pricing.risk, macro.regime, macro.scenario, reports.render",
            )),
        }
    }
}
