//! The services behind the backend: the ML engine, and the data pipeline where the engine has no answer.

use reqwest::{Client, RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use skopos_sdk::context::RequestContext;

use super::metrics::BackendMetrics;
use crate::catalog::Tenant;
use crate::ranking::{Batch, BatchRankings, Ranking};

/// The other services.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) client: Client,
    pub(super) ml_engine: String,
    pub(super) pipeline: String,
    pub(super) metrics: BackendMetrics,
}

impl Upstream {
    /// What the user may like by the tenant's model; what is popular where there is no model, no such user, or no engine.
    pub(super) async fn recommend(&self, tenant: &Tenant, user: u32, count: usize) -> Option<Ranking> {
        let url = format!(
            "{}/v1/models/{}/recommendations?user={user}&count={count}",
            self.ml_engine, tenant.id
        );
        match self.ask("ml-engine", self.client.get(url)).await {
            Some(ranking) => Some(ranking),
            None => self.popular(tenant, count).await,
        }
    }

    /// Items like the item; none where the engine has no answer.
    pub(super) async fn similar(&self, tenant: &Tenant, item: u32, count: usize) -> Option<Ranking> {
        let url = format!(
            "{}/v1/models/{}/similar/{item}?count={count}",
            self.ml_engine, tenant.id
        );
        self.ask("ml-engine", self.client.get(url)).await
    }

    /// Rankings for several users at once; none where the tenant has no model.
    pub(super) async fn batch(&self, tenant: &Tenant, batch: &Batch) -> Option<BatchRankings> {
        let url = format!("{}/v1/models/{}/batch", self.ml_engine, tenant.id);
        self.ask("ml-engine", self.client.post(url).json(batch)).await
    }

    async fn popular(&self, tenant: &Tenant, count: usize) -> Option<Ranking> {
        let url = format!("{}/v1/popular/{}?count={count}", self.pipeline, tenant.id);
        self.ask("data-pipeline", self.client.get(url)).await
    }

    /// The answer, none where there is none; what is not a plain "not found" is a failure of the other side.
    async fn ask<T: DeserializeOwned>(&self, upstream: &'static str, request: RequestBuilder) -> Option<T> {
        let mut headers = http::HeaderMap::new();
        if let Some(context) = RequestContext::current() {
            context.inject(&mut headers);
        }
        let failed = |error: reqwest::Error| {
            self.metrics.upstream_failed(upstream);
            tracing::warn!(
                upstream,
                error = &error as &(dyn std::error::Error + 'static),
                "no answer from another service"
            );
        };
        let answer = skopos_sdk::client::send(&self.client, request.headers(headers)).await;
        let answer = answer.map_err(failed).ok()?;
        if answer.status() == StatusCode::NOT_FOUND {
            return None;
        }
        let answer = answer.error_for_status().map_err(failed).ok()?;
        answer.json().await.map_err(failed).ok()
    }
}
