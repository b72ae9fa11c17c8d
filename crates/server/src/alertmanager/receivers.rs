//! `/receivers`: all receivers of the configuration.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use skopos_alertmanager::view::takes_receiver;

use super::Shared;
use super::encode::{self, pairs};
use super::error::ApiError;
use super::params::Query;
use crate::text;

/// The receivers in the order of the file.
pub(super) async fn receivers(State(handle): State<Shared>, RawQuery(query): RawQuery) -> Result<Response, ApiError> {
    let query = Query::read(query.as_deref());
    let (plan, mode) = handle.read(|machine, _| (Arc::clone(machine.plan()), machine.options().parser_mode));
    let matchers = query.matchers("receiver_matchers", mode)?;
    let wanted = plan
        .receivers
        .iter()
        .filter(|receiver| takes_receiver(&matchers, receiver));
    let shown = wanted.map(|receiver| {
        let labels = receiver
            .labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        json!({ "name": &*receiver.name, "labels": pairs(labels) })
    });
    let shown: Vec<Value> = shown.collect();
    Ok(text::with_type(StatusCode::OK, text::JSON, encode::json(&shown)))
}
