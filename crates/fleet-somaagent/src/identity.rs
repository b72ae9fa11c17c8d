//! identity-service: users, signed tokens and their verification.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use clap::Args;
use prometheus::{IntCounterVec, Opts, Registry};
use rand::Rng;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use skopos_fleet_frame::process::{self, Context, ProcessArgs, serve_http};
use skopos_fleet_frame::{Fault, FleetError};
use skopos_sdk::log;

use self::token::{Claims, Signer};
use self::users::Users;
use crate::refusal::Refusal;
use crate::{FAULTS, IDENTITY};

pub(crate) mod token;
pub(crate) mod users;

/// Each verification takes long.
pub(crate) const SLOW: &str = "soma-identity-slow";
/// What the fault adds to a verification, in milliseconds.
const SLOW_MS: std::ops::Range<u64> = 600..900;

/// Settings of the identity service.
#[derive(Debug, Args)]
pub(crate) struct IdentityArgs {
    /// Where HTTP is served.
    #[arg(long, default_value = "127.0.0.1:8023", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Seconds that a token is good for.
    #[arg(long, default_value_t = 900, value_name = "SECONDS")]
    token_seconds: u32,
    #[command(flatten)]
    process: ProcessArgs,
}

/// Who wants a token.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: String,
}

/// A token with its life.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Issued {
    pub(crate) token: String,
    /// Seconds.
    pub(crate) expires_in: i64,
}

/// A token to be verified.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Presented {
    pub(crate) token: String,
}

struct Identity {
    users: Users,
    signer: Signer,
    token_seconds: i64,
    slow: Fault,
    issued: IntCounterVec,
    verified: IntCounterVec,
}

pub(crate) fn run(arguments: IdentityArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    process::run(IDENTITY, &process, FAULTS, |context| serve(arguments, context))
}

async fn serve(arguments: IdentityArgs, context: Context) -> Result<(), FleetError> {
    let registry = context.observability.registry();
    let identity = Arc::new(Identity {
        users: Users::shipped()?,
        signer: Signer::generate()?,
        token_seconds: i64::from(arguments.token_seconds),
        slow: context.faults.get(SLOW),
        issued: counter(registry, "identity_tokens_issued_total", "Requests for a token.")?,
        verified: counter(registry, "identity_verifications_total", "Verifications of a token.")?,
    });
    let router = Router::new()
        .route("/v1/tokens", post(issue))
        .route("/v1/tokens/verify", post(verify))
        .route("/v1/keys", get(keys))
        .with_state(identity)
        .layer(crate::http_layer(&context)?)
        .merge(context.own_routes());
    serve_http(arguments.listen, router, context.stop).await
}

/// A counter by result: success, failure.
fn counter(registry: &Registry, name: &str, help: &str) -> prometheus::Result<IntCounterVec> {
    let counter = IntCounterVec::new(Opts::new(name, help), &["result"])?;
    for result in ["success", "failure"] {
        counter.with_label_values(&[result]);
    }
    registry.register(Box::new(counter.clone()))?;
    Ok(counter)
}

fn counted<T, E>(counter: &IntCounterVec, result: Result<T, E>) -> Result<T, E> {
    let label = if result.is_ok() { "success" } else { "failure" };
    counter.with_label_values(&[label]).inc();
    result
}

async fn issue(
    State(identity): State<Arc<Identity>>,
    login: Result<Json<Login>, JsonRejection>,
) -> Result<(StatusCode, Json<Issued>), Refusal> {
    let Json(login) = login?;
    let (name, service) = (login.user.clone(), Arc::clone(&identity));
    // Hashing is slow on purpose.
    let is_right = tokio::task::spawn_blocking(move || service.users.is_password(&login.user, &login.password))
        .await
        .unwrap_or(false);
    let user = identity.users.get(&name).filter(|_| is_right);
    let user = counted(&identity.issued, user.ok_or_else(wrong_login))?;
    let now = jiff::Timestamp::now().as_second();
    let token = identity.signer.sign(&Claims {
        sub: name,
        tenant: user.tenant.clone(),
        role: user.role.clone(),
        exp: now + identity.token_seconds,
    });
    log::info!(tenant = user.tenant, role = user.role, "token issued");
    let issued = Issued {
        token,
        expires_in: identity.token_seconds,
    };
    Ok((StatusCode::CREATED, Json(issued)))
}

fn wrong_login() -> Refusal {
    Refusal::new(
        StatusCode::UNAUTHORIZED,
        "wrong_login",
        "there is no such user with this password; in a demo it is demo- and the user's name",
    )
}

async fn verify(
    State(identity): State<Arc<Identity>>,
    presented: Result<Json<Presented>, JsonRejection>,
) -> Result<Json<Claims>, Refusal> {
    let Json(Presented { token }) = presented?;
    if identity.slow.is_on() {
        let pause = Duration::from_millis(rand::rng().random_range(SLOW_MS));
        tokio::time::sleep(pause).await;
    }
    let now = jiff::Timestamp::now().as_second();
    let claims = counted(&identity.verified, identity.signer.verify(&token, now));
    claims.map(Json).map_err(|error| {
        Refusal::new(
            StatusCode::UNAUTHORIZED,
            "token_refused",
            format!("{error}; ask for a new one with POST /v1/tokens"),
        )
    })
}

/// The public key as a JSON Web Key (RFC 8037).
async fn keys(State(identity): State<Arc<Identity>>) -> Json<Value> {
    Json(json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": identity.signer.public_key() }] }))
}
