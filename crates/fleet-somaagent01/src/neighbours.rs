//! The services beside the worker, asked over HTTP: router, canvas service, delegation gateway. Each may be away; the
//! conversation then goes on without it.

use std::time::Duration;

use clap::Args;
use prometheus::{IntCounterVec, Opts, Registry};
use reqwest::{Client, RequestBuilder};
use serde::de::DeserializeOwned;
use skopos_fleet_frame::{FleetError, http_client};
use skopos_sdk::log;

use crate::canvas::Block;
use crate::delegation::{Delegate, Findings};
use crate::router::{Question, Route};

/// One request.
const LIMIT: Duration = Duration::from_millis(1500);

/// Where they are.
#[derive(Debug, Clone, Args)]
pub(crate) struct NeighbourArgs {
    /// The router.
    #[arg(
        long,
        env = "SOMA_ROUTER_URL",
        default_value = "http://127.0.0.1:8013",
        value_name = "URL"
    )]
    router: String,
    /// The canvas service.
    #[arg(
        long,
        env = "SOMA_CANVAS_URL",
        default_value = "http://127.0.0.1:8014",
        value_name = "URL"
    )]
    canvas: String,
    /// The delegation gateway.
    #[arg(
        long,
        env = "SOMA_DELEGATION_URL",
        default_value = "http://127.0.0.1:8015",
        value_name = "URL"
    )]
    delegation: String,
}

/// A client of all three.
#[derive(Debug, Clone)]
pub(crate) struct Neighbours {
    client: Client,
    urls: NeighbourArgs,
    failures: IntCounterVec,
}

impl Neighbours {
    pub(crate) fn new(urls: &NeighbourArgs, registry: &Registry) -> Result<Self, FleetError> {
        let failures = IntCounterVec::new(
            Opts::new("neighbour_failures_total", "Requests to a service beside that failed."),
            &["service"],
        )?;
        for service in [crate::ROUTER, crate::CANVAS, crate::DELEGATION] {
            failures.with_label_values(&[service]);
        }
        registry.register(Box::new(failures.clone()))?;
        let client = http_client(LIMIT).build().map_err(FleetError::HttpClient)?;
        Ok(Self {
            client,
            urls: urls.clone(),
            failures,
        })
    }

    /// The route of a message; none where the router is away.
    pub(crate) async fn route(&self, question: &Question) -> Option<Route> {
        let request = self
            .client
            .post(format!("{}/v1/route", self.urls.router))
            .json(question);
        self.ask(crate::ROUTER, request).await
    }

    /// What sub-agents found; none where the delegation gateway is away.
    pub(crate) async fn delegate(&self, request: &Delegate) -> Option<Findings> {
        let url = format!("{}/v1/delegate", self.urls.delegation);
        self.ask(crate::DELEGATION, self.client.post(url).json(request)).await
    }

    /// The blocks of a session's canvas; none where the canvas service is away.
    pub(crate) async fn canvas(&self, session: &str) -> Option<Vec<Block>> {
        self.ask(crate::CANVAS, self.client.get(self.canvas_url(session))).await
    }

    /// Puts a block on a session's canvas.
    pub(crate) async fn draw(&self, session: &str, block: &Block) {
        let request = self.client.post(self.canvas_url(session)).json(block);
        self.send(crate::CANVAS, request).await;
    }

    fn canvas_url(&self, session: &str) -> String {
        format!("{}/v1/canvas/{session}", self.urls.canvas)
    }

    async fn ask<T: DeserializeOwned>(&self, service: &'static str, request: RequestBuilder) -> Option<T> {
        match self.send(service, request).await?.json().await {
            Ok(answer) => Some(answer),
            Err(error) => self.failed(service, &error),
        }
    }

    async fn send(&self, service: &'static str, request: RequestBuilder) -> Option<reqwest::Response> {
        let sent = skopos_sdk::client::send(&self.client, request).await;
        match sent.and_then(reqwest::Response::error_for_status) {
            Ok(answer) => Some(answer),
            Err(error) => self.failed(service, &error),
        }
    }

    fn failed<T>(&self, service: &'static str, error: &reqwest::Error) -> Option<T> {
        self.failures.with_label_values(&[service]).inc();
        let error: &(dyn std::error::Error + 'static) = error;
        log::warn!(
            error,
            neighbour = service,
            "a service beside is away, going on without it"
        );
        None
    }
}
