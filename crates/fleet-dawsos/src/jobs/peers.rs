//! What the jobs ask of the other services.

use reqwest::{Client, RequestBuilder};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::agents::valuation::{Position, Valuation};
use crate::invocation::{Invocation, Outcome, PackState};
use crate::pack::Pack;

/// Why a run of a job failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum JobError {
    /// A service could not be asked, or refused.
    #[error("failed to ask {service}: {source}")]
    Asked {
        service: &'static str,
        source: reqwest::Error,
    },
    /// An agent's output has another shape than its capability promises.
    #[error("failed to read the output of {capability}: {source}")]
    Output {
        capability: &'static str,
        source: serde_json::Error,
    },
    /// Alerts that did not arrive.
    #[error("failed to deliver {count} alerts; the last: {reason}")]
    Undelivered { count: usize, reason: String },
}

impl JobError {
    /// The error's kind, for `error.type`.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Asked { .. } => "peer_unavailable",
            Self::Output { .. } => "output_unreadable",
            Self::Undelivered { .. } => "alert_undelivered",
        }
    }
}

/// The services that the jobs ask.
#[derive(Debug)]
pub(super) struct Peers {
    client: Client,
    agents: String,
    packs: String,
}

impl Peers {
    pub(super) fn new(client: Client, agents: &str, packs: &str) -> Self {
        Self {
            client,
            agents: agents.trim_end_matches('/').to_owned(),
            packs: packs.trim_end_matches('/').to_owned(),
        }
    }

    /// The pack of the latest date.
    pub(super) async fn latest_pack(&self) -> Result<PackState, JobError> {
        self.ask(
            "the pricing-pack job",
            self.client.get(format!("{}/v1/packs/state", self.packs)),
        )
        .await
    }

    /// What a pack holds.
    pub(super) async fn pack(&self, pack_id: &str) -> Result<Pack, JobError> {
        self.ask(
            "the pricing-pack job",
            self.client.get(format!("{}/v1/packs/{pack_id}", self.packs)),
        )
        .await
    }

    /// A portfolio's positions, and what the pricing agent says they are worth.
    pub(super) async fn valued(
        &self,
        portfolio: &str,
        pack: &PackState,
    ) -> Result<(Vec<Position>, Valuation), JobError> {
        let mut invocation = Invocation {
            inputs: Map::from_iter([("portfolio_id".to_owned(), json!(portfolio))]),
            state: Map::new(),
            pack: pack.clone(),
        };
        let positions = self.invoke("ledger", "ledger.positions", &invocation).await?;
        invocation.state.insert("positions".to_owned(), positions.clone());
        let valuation = self.invoke("pricing", "pricing.value", &invocation).await?;
        Ok((read("ledger.positions", positions)?, read("pricing.value", valuation)?))
    }

    /// The regime that the economy is in.
    pub(super) async fn regime(&self, pack: &PackState) -> Result<Value, JobError> {
        let invocation = Invocation {
            inputs: Map::new(),
            state: Map::new(),
            pack: pack.clone(),
        };
        self.invoke("macro", "macro.regime", &invocation).await
    }

    async fn invoke(&self, agent: &str, capability: &str, invocation: &Invocation) -> Result<Value, JobError> {
        let url = format!("{}/v1/agents/{agent}/{capability}", self.agents);
        let outcome: Outcome = self.ask("the agents", self.client.post(url).json(invocation)).await?;
        Ok(outcome.output)
    }

    async fn ask<T: DeserializeOwned>(&self, service: &'static str, request: RequestBuilder) -> Result<T, JobError> {
        let failed = |error: reqwest::Error| JobError::Asked {
            service,
            source: error.without_url(),
        };
        let answer = skopos_sdk::client::send(&self.client, request).await.map_err(failed)?;
        answer.error_for_status().map_err(failed)?.json().await.map_err(failed)
    }
}

fn read<T: DeserializeOwned>(capability: &'static str, output: Value) -> Result<T, JobError> {
    serde_json::from_value(output).map_err(|source| JobError::Output { capability, source })
}
