//! Calls of agents through their circuit breakers: an agent that fails is cut off, and probed until it answers again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder};
use serde::Deserialize;
use skopos_fleet_frame::FleetError;
use skopos_sdk::breaker::{BreakerError, BreakerOptions, CircuitBreaker, CircuitBreakers, Trip};

use super::failure::Failure;
use super::metrics::BackendMetrics;
use super::pattern::{Patterns, Step};
use crate::invocation::{Invocation, Outcome};

/// Failures without a success between them that cut an agent off, and the pause before it is probed.
const OPTIONS: BreakerOptions = BreakerOptions {
    trip: Trip::Consecutive(5),
    pause: Duration::from_secs(10),
    probes: 1,
};

/// All agents that the patterns name, each with its breaker.
#[derive(Debug)]
pub(super) struct Agents {
    client: Client,
    base: String,
    breakers: BTreeMap<String, CircuitBreaker>,
    metrics: BackendMetrics,
}

/// The shape in which an agent says why not.
#[derive(Deserialize)]
struct Said {
    error: SaidText,
}

#[derive(Deserialize)]
struct SaidText {
    message: String,
}

impl Agents {
    pub(super) fn new(
        client: Client,
        base: &str,
        breakers: &CircuitBreakers,
        patterns: &Patterns,
        metrics: BackendMetrics,
    ) -> Result<Self, FleetError> {
        let mut by_agent = BTreeMap::new();
        for (agent, _) in patterns.capabilities() {
            let breaker = breakers.breaker(agent, OPTIONS).map_err(|source| FleetError::Needed {
                action: format!("make the circuit breaker of {agent}"),
                source: Box::new(source),
            })?;
            by_agent.insert(agent.to_owned(), breaker);
        }
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self {
            client,
            base,
            breakers: by_agent,
            metrics,
        })
    }

    /// Calls the capability of a step.
    pub(super) async fn invoke(&self, step: &Step, invocation: &Invocation) -> Result<Outcome, Failure> {
        let started = Instant::now();
        let result = self.through_breaker(step, invocation).await;
        self.metrics.invocation(step, result.as_ref().err(), started.elapsed());
        result
    }

    async fn through_breaker(&self, step: &Step, invocation: &Invocation) -> Result<Outcome, Failure> {
        let Some(breaker) = self.breakers.get(&step.agent) else {
            return Err(failed(step, "there is no such agent".to_owned()));
        };
        let url = format!("{}/v1/agents/{}/{}", self.base, step.agent, step.capability);
        let request = self.client.post(url).headers(crate::context_headers()).json(invocation);
        let called = breaker.call(call(self.client.clone(), request)).await;
        match called {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(reason)) => Err(Failure::Refused {
                agent: step.agent.clone(),
                capability: step.capability.clone(),
                reason,
            }),
            Err(BreakerError::Open { .. }) => Err(Failure::CircuitOpen(step.agent.clone())),
            Err(BreakerError::Failed(reason)) => Err(failed(step, reason)),
        }
    }
}

fn failed(step: &Step, reason: String) -> Failure {
    Failure::AgentFailed {
        agent: step.agent.clone(),
        capability: step.capability.clone(),
        reason,
    }
}

/// The outer error is the agent's fault and counts for the breaker; the inner one is the caller's and does not.
async fn call(client: Client, request: RequestBuilder) -> Result<Result<Outcome, String>, String> {
    let lost = |error: reqwest::Error| error.without_url().to_string();
    let answer = skopos_sdk::client::send(&client, request).await.map_err(lost)?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(lost)?;
    if status.is_success() {
        let outcome = serde_json::from_slice(&body).map_err(|error| format!("its answer cannot be read: {error}"))?;
        return Ok(Ok(outcome));
    }
    let said = serde_json::from_slice(&body).map_or_else(
        |_| String::from_utf8_lossy(&body).into_owned(),
        |said: Said| said.error.message,
    );
    if status.is_client_error() {
        Ok(Err(said))
    } else {
        Err(format!("{status}: {said}"))
    }
}
