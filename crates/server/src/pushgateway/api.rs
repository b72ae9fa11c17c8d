//! What the Pushgateway tells of itself: `GET /api/v1/metrics`, the groups with all they hold, and `GET /api/v1/status`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};
use skopos_core::Labels;
use skopos_core::metric::MetricType;
use skopos_wire::number::format_float;

use super::families::Family;
use super::groups::Group;
use crate::router::Shared;
use crate::tenant::Tenant;
use crate::text;
use crate::time::rfc3339;

pub(super) async fn metrics(State(app): State<Shared>, Tenant(tenant): Tenant) -> Response {
    let groups = app.push_groups.of(&tenant);
    let data: Vec<Value> = groups.iter().map(|(labels, group)| group_json(labels, group)).collect();
    text::json(StatusCode::OK, &json!({ "status": "success", "data": data }))
}

/// Flags, build and start.
pub(super) async fn status(State(app): State<Shared>) -> Response {
    let data = json!({
        "flags": app.state.config.flags(),
        "build_information": app.state.build.json(),
        "start_time": rfc3339(Some(app.started_ms)),
    });
    text::json(StatusCode::OK, &json!({ "status": "success", "data": data }))
}

fn group_json(labels: &Labels, group: &Group) -> Value {
    let mut out = Map::new();
    out.insert("labels".to_owned(), pairs(labels));
    let is_successful = group.pushed_ms >= group.failed_ms;
    out.insert("last_push_successful".to_owned(), is_successful.into());
    let time_stamp = rfc3339(Some(group.pushed_ms).filter(|ms| *ms != 0));
    for (name, family) in &group.families {
        out.insert(name.clone(), family_json(family, &time_stamp));
    }
    for (name, help, at_ms) in [
        (
            "push_time_seconds",
            "Last Unix time when changing this group in the Pushgateway succeeded.",
            group.pushed_ms,
        ),
        (
            "push_failure_time_seconds",
            "Last Unix time when changing this group in the Pushgateway failed.",
            group.failed_ms,
        ),
    ] {
        let value = format_float(at_ms as f64 / 1000.0);
        let metrics = json!([{ "labels": pairs(labels), "value": value }]);
        let own = json!({ "time_stamp": time_stamp, "type": "GAUGE", "help": help, "metrics": metrics });
        out.insert(name.to_owned(), own);
    }
    Value::Object(out)
}

fn family_json(family: &Family, time_stamp: &str) -> Value {
    let metrics: Vec<Value> = family
        .series
        .iter()
        .map(|(labels, value)| json!({ "labels": pairs(labels), "value": format_float(*value) }))
        .collect();
    let metric_type = match family.metric_type {
        MetricType::Unknown => "UNTYPED".to_owned(),
        other => other.as_str().to_ascii_uppercase(),
    };
    json!({ "time_stamp": time_stamp, "type": metric_type, "help": family.help, "metrics": metrics })
}

fn pairs(labels: &Labels) -> Value {
    labels
        .iter()
        .map(|(name, value)| (name.to_owned(), Value::from(value)))
        .collect::<Map<_, _>>()
        .into()
}
