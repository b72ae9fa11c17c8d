//! policy-engine: decides whether an action is allowed, by policies in Rego.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use clap::Args;
use serde_json::{Value, json};
use skopos_fleet_frame::process::{self, Context, ProcessArgs, serve_http};
use skopos_fleet_frame::{Fault, FleetError};
use skopos_sdk::log;

use self::engine::{PolicyError, Rules};
use self::metrics::PolicyMetrics;
use crate::refusal::Refusal;
use crate::{FAULTS, POLICY};

pub(crate) use self::engine::{Answer, Question};

mod engine;
mod metrics;

/// A release of the policy with two limits that contradict each other for some buyers.
pub(crate) const CONFLICT: &str = "soma-policy-conflict";

/// Settings of the policy engine.
#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    /// Where HTTP is served.
    #[arg(long, default_value = "127.0.0.1:8022", value_name = "ADDRESS")]
    listen: SocketAddr,
    #[command(flatten)]
    process: ProcessArgs,
}

struct Policy {
    sound: Rules,
    conflicting: Rules,
    conflict: Fault,
    metrics: PolicyMetrics,
}

pub(crate) fn run(arguments: PolicyArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    process::run(POLICY, &process, FAULTS, |context| serve(arguments, context))
}

async fn serve(arguments: PolicyArgs, context: Context) -> Result<(), FleetError> {
    let policy = Arc::new(Policy {
        sound: Rules::shipped()?,
        conflicting: Rules::conflicting()?,
        conflict: context.faults.get(CONFLICT),
        metrics: PolicyMetrics::register(context.observability.registry())?,
    });
    let router = Router::new()
        .route("/v1/evaluate", post(evaluate))
        .route("/v1/policies", get(policies))
        .with_state(policy)
        .layer(crate::http_layer(&context)?)
        .merge(context.own_routes());
    serve_http(arguments.listen, router, context.stop).await
}

async fn evaluate(
    State(policy): State<Arc<Policy>>,
    question: Result<Json<Question>, JsonRejection>,
) -> Result<Json<Answer>, Refusal> {
    let Json(question) = question?;
    policy.decide(&question).map(Json).map_err(|error| {
        Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "policy_not_evaluated",
            format!("{error}; go back to the release of the policy before"),
        )
    })
}

async fn policies(State(policy): State<Arc<Policy>>) -> Json<Value> {
    Json(json!({ "packages": policy.rules().packages() }))
}

impl Policy {
    fn rules(&self) -> &Rules {
        if self.conflict.is_on() {
            &self.conflicting
        } else {
            &self.sound
        }
    }

    fn decide(&self, question: &Question) -> Result<Answer, PolicyError> {
        let answer = self.metrics.timed(|| self.rules().decide(question));
        if let Ok(answer) = &answer
            && !answer.allow
        {
            log::info!(
                role = question.role,
                tenant = question.tenant,
                action = question.action,
                reasons = answer.reasons.join("; "),
                "denied"
            );
        }
        answer
    }
}
