//! Packs over HTTP: which one is current, its state, and its contents.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;

use super::store::Store;
use crate::invocation::PackState;
use crate::pack::{Pack, pack_id};
use crate::refusal::Refusal;

const HINT: &str = "packs are built for the last two dates of the price file; leave asof_date out for the latest";

#[derive(Deserialize)]
struct Wanted {
    asof_date: Option<String>,
}

pub(super) fn router(store: Arc<Store>) -> Router {
    Router::new()
        .route("/v1/packs/state", get(state))
        .route("/v1/packs/{pack_id}", get(contents))
        .with_state(store)
}

async fn state(State(store): State<Arc<Store>>, Query(wanted): Query<Wanted>) -> Result<Json<PackState>, Refusal> {
    let found = match &wanted.asof_date {
        Some(date) => store.state(&pack_id(date)),
        None => store.latest(),
    };
    found
        .map(Json)
        .ok_or_else(|| Refusal::not_found("there is no such pack", HINT))
}

async fn contents(State(store): State<Arc<Store>>, Path(pack_id): Path<String>) -> Result<Json<Pack>, Refusal> {
    let pack = store.get(&pack_id);
    pack.map(|pack| Json(Pack::clone(&pack)))
        .ok_or_else(|| Refusal::not_found(format!("there is no pack {pack_id}"), HINT))
}
