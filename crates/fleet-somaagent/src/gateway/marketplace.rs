//! The marketplace: searches, purchases and reports, all of them answered by analytics-service.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Gateway;
use crate::analytics::{Found, Offer, Order, Receipt};
use crate::policy::Question;
use crate::refusal::Refusal;

#[derive(Debug, Deserialize)]
pub(super) struct Search {
    q: String,
}

/// What a buyer wants.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Wish {
    pub(crate) capsule: String,
}

pub(super) async fn search(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    Query(Search { q }): Query<Search>,
) -> Result<Json<Found>, Refusal> {
    let tenant = gateway.admit(&headers, "marketplace.search").await?.tenant;
    let query = [("q", q.as_str()), ("tenant", &tenant)];
    Ok(Json(gateway.analytics.get("/v1/marketplace/search", &query).await?))
}

pub(super) async fn buy(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    wish: Result<Json<Wish>, JsonRejection>,
) -> Result<(StatusCode, Json<Receipt>), Refusal> {
    let claims = gateway.authenticate(&headers).await?;
    let Json(Wish { capsule }) = wish?;
    let offer = gateway.offer(&capsule, &claims.tenant).await?;
    let question = Question {
        action: "marketplace.buy".to_owned(),
        price_cents: Some(offer.capsule.price_cents),
        ..Question::default()
    };
    gateway.authorize(&claims, question).await?;
    let order = Order {
        tenant: claims.tenant,
        user: claims.sub,
        capsule,
    };
    let receipt = gateway.analytics.post("/v1/purchases", &order).await?;
    Ok((StatusCode::CREATED, Json(receipt)))
}

pub(super) async fn report(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let tenant = gateway.admit(&headers, "analytics.read").await?.tenant;
    let path = format!("/v1/reports/{}", segment(&name)?);
    Ok(Json(gateway.analytics.get(&path, &[("tenant", &tenant)]).await?))
}

impl Gateway {
    /// The capsule, with whether the tenant has bought it.
    pub(super) async fn offer(&self, capsule: &str, tenant: &str) -> Result<Offer, Refusal> {
        let path = format!("/v1/marketplace/capsules/{}", segment(capsule)?);
        Ok(self.analytics.get(&path, &[("tenant", tenant)]).await?)
    }
}

/// A name from a caller as one segment of a path of ours: nothing that could lead elsewhere.
pub(super) fn segment(name: &str) -> Result<&str, Refusal> {
    let is_plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_plain {
        return Ok(name);
    }
    Err(Refusal::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "invalid_name",
        "a name has letters, digits and hyphens",
    ))
}
