//! `/receivers`: all receivers of the configuration.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use skopos_alertmanager::view::takes_receiver;

use super::Shared;
use super::encode;
use super::error::ApiError;
use super::params::Query;
use crate::text;

#[derive(Serialize)]
struct Receiver<'a> {
    name: &'a str,
    #[serde(serialize_with = "encode::pairs")]
    labels: &'a [(String, String)],
}

/// The receivers in the order of the file.
pub(super) async fn receivers(State(handle): State<Shared>, RawQuery(query): RawQuery) -> Result<Response, ApiError> {
    let query = Query::read(query.as_deref());
    let plan = handle.read(|machine, _| Arc::clone(machine.plan()));
    let matchers = query.matchers("receiver_matchers", handle.parser_mode())?;
    let wanted = plan
        .receivers
        .iter()
        .filter(|receiver| takes_receiver(&matchers, receiver));
    let shown: Vec<Receiver<'_>> = wanted
        .map(|receiver| Receiver {
            name: &receiver.name,
            labels: &receiver.labels,
        })
        .collect();
    Ok(text::with_type(StatusCode::OK, text::JSON, encode::json(&shown)))
}
