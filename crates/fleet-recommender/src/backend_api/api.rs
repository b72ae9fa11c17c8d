//! The requests of tenants: recommendations, similar items, interactions, their bill, and signing up.

use std::sync::Arc;

use axum::extract::{Extension, Path, Query, State};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use skopos_bus::Event;

use super::Backend;
use super::accounts::Account;
use super::admit::{self, SIGN_UP};
use super::error::ApiError;
use crate::catalog::{self, Billable, Tenant};
use crate::events::{Action, INTERACTION_EVENT, INTERACTIONS, Interaction};
use crate::ranking::{DEFAULT_COUNT, MAX_COUNT, Ranking};

/// Interactions of one request.
const MAX_INTERACTIONS: usize = 100;

pub(super) fn router(backend: &Arc<Backend>) -> Router {
    Router::new()
        .route("/v1/recommendations", get(recommend))
        .route("/v1/items/{item}/similar", get(similar))
        .route("/v1/interactions", post(interact))
        .route("/v1/usage", get(usage))
        .route(SIGN_UP, post(sign_up))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(backend), admit::admit))
        .with_state(Arc::clone(backend))
}

#[derive(Debug, Deserialize)]
struct ForUser {
    user: u32,
    count: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct Count {
    count: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct NewInteractions {
    interactions: Vec<NewInteraction>,
}

#[derive(Debug, Deserialize)]
struct NewInteraction {
    user: u32,
    item: u32,
    action: Action,
}

#[derive(Debug, Deserialize)]
struct SignUp {
    tenant_id: String,
}

/// A ranking as tenants see it.
#[derive(Debug, Serialize)]
struct Recommendations {
    tenant_id: &'static str,
    cached: bool,
    #[serde(flatten)]
    ranking: Ranking,
}

async fn recommend(
    State(backend): State<Arc<Backend>>,
    Extension(account): Extension<Arc<Account>>,
    Query(query): Query<ForUser>,
) -> Result<Json<Recommendations>, ApiError> {
    let tenant = account.tenant;
    if query.user >= tenant.users {
        return Err(ApiError::invalid(format!("there is no user {}", query.user)));
    }
    let count = bounded(query.count);
    let key = (tenant.id, query.user);
    // Lists of the usual length are cached; others are made for the one request.
    let found = if count == DEFAULT_COUNT {
        backend.cache.get(key).await
    } else {
        None
    };
    let cached = found.is_some();
    let ranking = if let Some(ranking) = found {
        ranking
    } else {
        let ranking = backend.upstream.recommend(tenant, query.user, count).await;
        let ranking = ranking.ok_or_else(nobody_answers)?;
        if count == DEFAULT_COUNT {
            backend.cache.put(key, &ranking).await;
        }
        ranking
    };
    serve(&backend, tenant, Billable::Recommendations, ranking, cached).await
}

async fn similar(
    State(backend): State<Arc<Backend>>,
    Extension(account): Extension<Arc<Account>>,
    Path(item): Path<u32>,
    Query(query): Query<Count>,
) -> Result<Json<Recommendations>, ApiError> {
    let tenant = account.tenant;
    if item >= tenant.items {
        return Err(ApiError::invalid(format!("there is no item {item}")));
    }
    let ranking = backend.upstream.similar(tenant, item, bounded(query.count)).await;
    let Some(ranking) = ranking else {
        return Err(ApiError::new(
            StatusCode::NOT_FOUND,
            "no_model",
            "no model of this tenant is trained yet".to_owned(),
            "ask again in a minute",
        ));
    };
    serve(&backend, tenant, Billable::SimilarItems, ranking, false).await
}

/// Records the event first: what cannot be billed is not served.
async fn serve(
    backend: &Backend,
    tenant: &'static Tenant,
    billable: Billable,
    ranking: Ranking,
    cached: bool,
) -> Result<Json<Recommendations>, ApiError> {
    let recorded = backend.ledger.record(tenant, billable).await;
    recorded.map_err(|error| ApiError::ledger(&error))?;
    let items = ranking.items.len();
    backend.metrics.served(tenant.id, &ranking.algorithm, items);
    Ok(Json(Recommendations {
        tenant_id: tenant.id,
        cached,
        ranking,
    }))
}

async fn interact(
    State(backend): State<Arc<Backend>>,
    Extension(account): Extension<Arc<Account>>,
    Json(new): Json<NewInteractions>,
) -> Result<impl IntoResponse, ApiError> {
    let tenant = account.tenant;
    if new.interactions.is_empty() || new.interactions.len() > MAX_INTERACTIONS {
        return Err(ApiError::invalid(format!(
            "a request has 1 to {MAX_INTERACTIONS} interactions"
        )));
    }
    let interactions: Vec<Interaction> = new
        .interactions
        .iter()
        .map(|one| Interaction {
            tenant_id: tenant.id.to_owned(),
            user: one.user,
            item: one.item,
            action: one.action,
        })
        .collect();
    for interaction in &interactions {
        interaction.check().map_err(|error| ApiError::invalid(error.message))?;
    }
    let recorded = backend.ledger.record(tenant, Billable::Interactions).await;
    recorded.map_err(|error| ApiError::ledger(&error))?;
    let sent = interactions.iter().map(|interaction| publish(&backend, interaction));
    futures_util::future::try_join_all(sent).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "accepted": interactions.len() }))))
}

async fn publish(backend: &Backend, interaction: &Interaction) -> Result<(), ApiError> {
    let data = serde_json::to_value(interaction).expect("an interaction has text keys only");
    let key = format!("{}/{}", interaction.tenant_id, interaction.user);
    let event = Event::new(INTERACTION_EVENT, data);
    match backend.producer.publish(INTERACTIONS, &key, event).await {
        Ok(_) => Ok(()),
        Err(error) => {
            tracing::error!(
                error = &error as &(dyn std::error::Error + 'static),
                "an interaction is not on the bus"
            );
            Err(ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "bus_unavailable",
                "the event bus did not take the interactions".to_owned(),
                "send them again in a few seconds; repeats do no harm",
            ))
        }
    }
}

async fn usage(
    State(backend): State<Arc<Backend>>,
    Extension(account): Extension<Arc<Account>>,
) -> Result<Json<serde_json::Value>, ApiError> {
    let sums = backend.ledger.usage(account.tenant).await;
    let sums = sums.map_err(|error| ApiError::ledger(&error))?;
    let lines: Vec<_> = sums
        .iter()
        .map(|sum| json!({ "kind": sum.billable.name(), "events": sum.events, "micro_usd": sum.micros }))
        .collect();
    let total: i64 = sums.iter().map(|sum| sum.micros).sum();
    Ok(Json(
        json!({ "tenant_id": account.tenant.id, "plan": account.tenant.plan.name, "lines": lines, "micro_usd": total }),
    ))
}

async fn sign_up(State(backend): State<Arc<Backend>>, Json(body): Json<SignUp>) -> Result<impl IntoResponse, ApiError> {
    let Some(tenant) = catalog::find(&body.tenant_id) else {
        return Err(ApiError::invalid(format!("{} is not invited", body.tenant_id)));
    };
    backend
        .ledger
        .open_account(tenant)
        .await
        .map_err(|error| ApiError::ledger(&error))?;
    let is_new = backend.accounts.open(tenant);
    if is_new {
        tracing::info!(tenant_id = tenant.id, plan = tenant.plan.name, "a tenant has signed up");
    }
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((
        status,
        Json(json!({ "tenant_id": tenant.id, "plan": tenant.plan.name })),
    ))
}

fn bounded(count: Option<usize>) -> usize {
    count.unwrap_or(DEFAULT_COUNT).clamp(1, MAX_COUNT)
}

fn nobody_answers() -> ApiError {
    ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "no_recommendations",
        "neither the ML engine nor the data pipeline answers".to_owned(),
        "send it again in a few seconds; nothing was billed",
    )
}
