//! payment-provider: takes payments, settles them a little later and tells of it with a signed webhook.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use clap::Args;
use jiff::Timestamp;
use reqwest::Client;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use skopos_fleet_frame::process::{self, Context, ProcessArgs, serve_http, serve_https};
use skopos_fleet_frame::{Fault, FleetError};
use tracing::Instrument;

use crate::failure::Refusal;
use crate::faults::{FAULTS, SETTLEMENT_SLOW, WEBHOOK_KEY};
use crate::{PAYMENTS, peer, signature};

pub(crate) mod certificate;

/// Where the secret that the provider shares with its customer comes from, for both sides.
pub(crate) const SECRET_VARIABLE: &str = "ARBITRAGE_WEBHOOK_SECRET";
/// The secret of a demo, in which no money moves.
pub(crate) const DEMO_SECRET: &str = "arbitrage-demo";
/// One delivery of a webhook, how many are tried, and the pause between them.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(5);
const WEBHOOK_ATTEMPTS: u32 = 3;
const WEBHOOK_PAUSE: Duration = Duration::from_secs(1);
/// More than this is not settled, in cents.
const LIMIT_CENTS: u64 = 10_000_000;
/// Ids of payments that are remembered, so that a repeated request pays once.
const MAX_REMEMBERED: usize = 100_000;

/// Settings of the payment provider.
#[derive(Debug, Args)]
pub(crate) struct PaymentArgs {
    /// Where health and metrics are served over HTTP.
    #[arg(long, default_value = "127.0.0.1:8054", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Where payments are taken over HTTPS.
    #[arg(long, default_value = "127.0.0.1:8055", value_name = "ADDRESS")]
    tls_listen: SocketAddr,
    /// Secret that webhooks are signed with, and that the key of the certificate authority is made from.
    #[arg(long, env = SECRET_VARIABLE, default_value = DEMO_SECRET, hide_env_values = true, value_name = "TEXT")]
    webhook_secret: String,
    #[command(flatten)]
    process: ProcessArgs,
}

/// A payment to be settled.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PaymentRequest {
    /// The caller's id; the same id pays once.
    pub(crate) payment_id: String,
    pub(crate) amount_cents: u64,
    /// Where the outcome is told.
    pub(crate) callback_url: String,
}

/// What a webhook tells.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Settlement {
    pub(crate) payment_id: String,
    pub(crate) status: SettlementStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SettlementStatus {
    Settled,
    Declined,
}

struct Provider {
    secret: String,
    client: Client,
    known: Mutex<HashSet<String>>,
    slow: Fault,
    wrong_key: Fault,
}

pub(crate) fn run(arguments: PaymentArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    process::run(PAYMENTS, &process, FAULTS, |context| serve(arguments, context))
}

async fn serve(arguments: PaymentArgs, context: Context) -> Result<(), FleetError> {
    crate::propagate();
    let config = certificate::server_config(&arguments.webhook_secret, &context)?;
    let provider = Arc::new(Provider {
        secret: arguments.webhook_secret,
        client: peer::client(WEBHOOK_TIMEOUT, &[])?,
        known: Mutex::default(),
        slow: context.faults.get(SETTLEMENT_SLOW),
        wrong_key: context.faults.get(WEBHOOK_KEY),
    });
    let router = Router::new()
        .route("/v1/payments", post(pay))
        .with_state(provider)
        .layer(crate::http_layer(&context)?);
    tokio::try_join!(
        serve_http(arguments.listen, context.own_routes(), context.stop.clone()),
        serve_https(arguments.tls_listen, router, context.stop.clone(), config),
    )
    .map(|_| ())
}

async fn pay(
    State(provider): State<Arc<Provider>>,
    Json(payment): Json<PaymentRequest>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    if payment.amount_cents == 0 || url::Url::parse(&payment.callback_url).is_err() {
        let message = "a payment needs an amount above 0 and a callback_url";
        return Err(Refusal::unprocessable(message));
    }
    if provider.is_new(&payment.payment_id) {
        let settlement = async move { provider.settle(payment).await };
        tokio::spawn(settlement.instrument(tracing::info_span!("payment.settle")));
    }
    Ok((StatusCode::ACCEPTED, Json(json!({ "status": "pending" }))))
}

impl Provider {
    fn is_new(&self, payment_id: &str) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_REMEMBERED {
            known.clear();
        }
        known.insert(payment_id.to_owned())
    }

    async fn settle(&self, payment: PaymentRequest) {
        tokio::time::sleep(self.clearing_time(payment.amount_cents)).await;
        let status = if payment.amount_cents > LIMIT_CENTS {
            SettlementStatus::Declined
        } else {
            SettlementStatus::Settled
        };
        let settlement = json!(Settlement {
            payment_id: payment.payment_id,
            status,
        });
        let body = settlement.to_string();
        for attempt in 1..=WEBHOOK_ATTEMPTS {
            match self.deliver(&payment.callback_url, &body).await {
                Ok(status) if status.is_success() => return,
                Ok(status) => tracing::warn!(%status, attempt, "a webhook was refused"),
                Err(error) => tracing::warn!(%error, attempt, "a webhook was not delivered"),
            }
            tokio::time::sleep(WEBHOOK_PAUSE).await;
        }
    }

    /// Larger amounts are looked at for longer: up to a tenth of a second more.
    fn clearing_time(&self, amount_cents: u64) -> Duration {
        let share = amount_cents.min(LIMIT_CENTS) as f64 / LIMIT_CENTS as f64;
        if self.slow.is_on() {
            return Duration::from_secs_f64(6.0 + 1.5 * share);
        }
        Duration::from_secs_f64(0.05 + 0.1 * share)
    }

    async fn deliver(&self, url: &str, body: &str) -> reqwest::Result<StatusCode> {
        let secret = if self.wrong_key.is_on() {
            "rotated"
        } else {
            &self.secret
        };
        let signature = signature::sign(secret, Timestamp::now().as_second(), body.as_bytes());
        let request = self
            .client
            .post(url)
            .header(signature::HEADER, signature)
            .header("content-type", "application/json")
            .body(body.to_owned());
        let response = skopos_sdk::client::send(&self.client, request).await?;
        Ok(response.status())
    }
}
