//! Payments: asked of the provider, and done when it has said so with its signature.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::Value;
use skopos_sdk::tasks::trace_payment_processing;
use tokio::sync::oneshot;

use crate::failure::{Failure, Refusal};
use crate::payments::{PaymentRequest, Settlement, SettlementStatus};
use crate::peer::Peer;
use crate::signature;

/// Where the provider tells of payments.
pub(super) const WEBHOOK_PATH: &str = "/v1/webhooks/payments";
/// How long the confirmation of a payment is waited for.
const CONFIRMATION: Duration = Duration::from_secs(10);

/// The provider, and the payments that wait for its word.
pub(super) struct Payments {
    provider: Peer,
    callback_url: String,
    secret: String,
    pending: Mutex<HashMap<String, oneshot::Sender<SettlementStatus>>>,
}

impl Payments {
    pub(super) fn new(provider: Peer, public_url: &str, secret: String) -> Self {
        Self {
            provider,
            callback_url: format!("{}{WEBHOOK_PATH}", public_url.trim_end_matches('/')),
            secret,
            pending: Mutex::default(),
        }
    }

    /// Pays, and gives the payment's id once it is settled.
    pub(super) async fn pay(&self, amount_cents: u64) -> Result<String, Failure> {
        let payment_id = uuid::Uuid::new_v4().to_string();
        let amount = format!("{}.{:02}", amount_cents / 100, amount_cents % 100);
        let payment = trace_payment_processing(&payment_id, amount);
        let (sender, settled) = oneshot::channel();
        self.pending().insert(payment_id.clone(), sender);
        let result = payment
            .run(async {
                let request = PaymentRequest {
                    payment_id: payment_id.clone(),
                    amount_cents,
                    callback_url: self.callback_url.clone(),
                };
                let _accepted: Value = self.provider.post("/v1/payments", &request).await?;
                match tokio::time::timeout(CONFIRMATION, settled).await {
                    Ok(Ok(SettlementStatus::Settled)) => Ok(()),
                    Ok(Ok(SettlementStatus::Declined)) => {
                        payment.outcome("declined");
                        Err(Failure::new("declined", "the provider declined the payment"))
                    }
                    Ok(Err(_)) | Err(_) => {
                        payment.outcome("unconfirmed");
                        let message = format!("the payment was not confirmed within {CONFIRMATION:?}");
                        Err(Failure::new("unconfirmed", message))
                    }
                }
            })
            .await;
        self.pending().remove(&payment_id);
        result.map(|()| payment_id)
    }

    /// Takes the provider's word for a payment. What is not signed by it is not believed; a word that comes twice, or for
    /// a payment that nobody waits for any more, changes nothing.
    pub(super) fn confirm(&self, header: &str, body: &[u8], now: i64) -> Result<(), Refusal> {
        signature::verify(&self.secret, header, body, now).map_err(|error| {
            tracing::warn!(%error, "a webhook of a payment was refused");
            Refusal(StatusCode::UNAUTHORIZED, error.to_string())
        })?;
        let settlement: Settlement =
            serde_json::from_slice(body).map_err(|error| Refusal::unprocessable(error.to_string()))?;
        if let Some(waiting) = self.pending().remove(&settlement.payment_id) {
            let told = waiting.send(settlement.status);
            tracing::debug!(is_waited_for = told.is_ok(), "a payment was settled");
        }
        Ok(())
    }

    fn pending(&self) -> MutexGuard<'_, HashMap<String, oneshot::Sender<SettlementStatus>>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
