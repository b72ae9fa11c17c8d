//! `/alerts/groups`: alerts as they are told together.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use skopos_alertmanager::view::GroupView;

use super::Shared;
use super::encode::{GettableAlert, Listed, ReceiverName, json, labels, pairs};
use super::error::ApiError;
use super::params::Query;
use crate::text;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertGroup<'a> {
    alerts: Vec<GettableAlert<'a>>,
    labels: Value,
    receiver: ReceiverName<'a>,
    route_labels: Value,
}

/// The groups with what fires in them.
pub(super) async fn list(State(handle): State<Shared>, RawQuery(query): RawQuery) -> Result<Response, ApiError> {
    let mode = handle.read(|machine, _| machine.options().parser_mode);
    let filter = Query::read(query.as_deref()).alert_filter(mode)?;
    let views = handle
        .look(move |machine, now_ms| machine.group_views(now_ms, &filter))
        .await?;
    let shown = Listed(|| views.iter().map(AlertGroup::of));
    Ok(text::with_type(StatusCode::OK, text::JSON, json(&shown)))
}

impl<'a> AlertGroup<'a> {
    fn of(view: &'a GroupView) -> Self {
        let route_labels = view.route_labels.iter();
        Self {
            alerts: view.alerts.iter().map(GettableAlert::of).collect(),
            labels: labels(&view.labels),
            receiver: ReceiverName { name: &view.receiver },
            route_labels: pairs(route_labels.map(|(name, value)| (name.as_str(), value.as_str()))),
        }
    }
}
