//! Capsules: packaged agents that a tenant has bought. Running one calls the service that does its work.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Gateway;
use crate::analytics::catalogue::{Capsule, CapsuleKind};
use crate::events::Event;
use crate::identity::token::Claims;
use crate::orchestrator::NewProject;
use crate::peer::CallError;
use crate::refusal::Refusal;
use crate::slm::embedding::cosine;
use crate::slm::{Completion, Embeddings, Inputs, Prompt};

/// Sentences of an extract.
const SENTENCES: usize = 3;

/// What a capsule is run with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Execution {
    pub(crate) input: String,
}

pub(super) async fn execute(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Result<Json<Execution>, JsonRejection>,
) -> Result<Json<Value>, Refusal> {
    let claims = gateway.admit(&headers, "capsule.execute").await?;
    let Json(Execution { input }) = body?;
    let offer = gateway.offer(&id, &claims.tenant).await?;
    if !offer.is_licensed {
        gateway
            .metrics
            .executed(&offer.capsule.id, &claims.tenant, "not_licensed");
        return Err(Refusal::new(
            StatusCode::PAYMENT_REQUIRED,
            "not_licensed",
            format!("your tenant has not bought {id}; buy it with POST /v1/marketplace/purchases"),
        ));
    }
    let started = Instant::now();
    let output = gateway.perform(&offer.capsule, &claims, input).await;
    let outcome = match &output {
        Ok(_) => "success",
        Err(error) if error.status().is_some_and(|status| status.is_client_error()) => "refused",
        Err(_) => "failed",
    };
    gateway.report_execution(&offer.capsule, &claims.tenant, outcome, started);
    Ok(Json(json!({ "capsule": id, "output": output? })))
}

impl Gateway {
    /// The capsule's work.
    async fn perform(&self, capsule: &Capsule, claims: &Claims, input: String) -> Result<Value, CallError> {
        match capsule.kind {
            CapsuleKind::Extract => {
                let prompt = Prompt {
                    text: input,
                    sentences: SENTENCES,
                    avoid: Vec::new(),
                };
                let completion: Completion = self.slm.post("/v1/infer/sync", &prompt).await?;
                Ok(json!(completion.sentences.join(" ")))
            }
            CapsuleKind::Compare => {
                let input = input.split('|').take(2).map(str::to_owned).collect();
                let embedded: Embeddings = self.slm.post("/v1/embeddings", &Inputs { input }).await?;
                let nearness = match embedded.embeddings.as_slice() {
                    [one, other] => cosine(one, other),
                    // One text alone is nothing but itself.
                    _ => 1.0,
                };
                Ok(json!(nearness))
            }
            CapsuleKind::Plan => {
                let project = NewProject {
                    tenant: claims.tenant.clone(),
                    text: input,
                };
                self.orchestrator.post("/v1/plans", &project).await
            }
        }
    }

    fn report_execution(&self, capsule: &Capsule, tenant: &str, outcome: &str, started: Instant) {
        let elapsed = started.elapsed();
        self.metrics.executed(&capsule.id, tenant, outcome);
        self.metrics.execution_time(&capsule.id, elapsed);
        self.reporter.report(Event {
            kind: "capsule".to_owned(),
            tenant: tenant.to_owned(),
            subject: capsule.id.clone(),
            outcome: outcome.to_owned(),
            duration_ms: elapsed.as_secs_f64() * 1000.0,
            at_ms: jiff::Timestamp::now().as_millisecond(),
        });
    }
}
