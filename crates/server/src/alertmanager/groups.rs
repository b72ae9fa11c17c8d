//! `/alerts/groups`: alerts as they are told together.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde::{Serialize, Serializer};
use skopos_alertmanager::view::{AlertView, GroupView};
use skopos_core::Labels;

use super::Shared;
use super::encode::{self, GettableAlert, ReceiverName};
use super::error::ApiError;
use super::listing;
use super::params::Query;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertGroup<'a> {
    #[serde(serialize_with = "alerts")]
    alerts: &'a [AlertView],
    #[serde(serialize_with = "encode::labels")]
    labels: &'a Labels,
    receiver: ReceiverName<'a>,
    #[serde(serialize_with = "encode::pairs")]
    route_labels: &'a [(String, String)],
}

/// The groups with what fires in them.
pub(super) async fn list(State(handle): State<Shared>, RawQuery(query): RawQuery) -> Result<Response, ApiError> {
    let filter = Query::read(query.as_deref()).alert_filter(handle.parser_mode())?;
    listing::answer(&handle, write, move |machine, now_ms| {
        machine.group_views(now_ms, &filter)
    })
    .await
}

fn write(view: &GroupView, _: i64, out: &mut Vec<u8>) {
    encode::append(&AlertGroup::of(view), out);
}

impl<'a> AlertGroup<'a> {
    fn of(view: &'a GroupView) -> Self {
        Self {
            alerts: &view.alerts,
            labels: &view.labels,
            receiver: ReceiverName { name: &view.receiver },
            route_labels: &view.route_labels,
        }
    }
}

/// Alerts, each made while it is written.
fn alerts<S: Serializer>(views: &[AlertView], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(views.iter().map(GettableAlert::of))
}
