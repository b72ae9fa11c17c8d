//! Values of templates as JSON, and values of the configuration with templates in them.

use std::any::Any;

use serde_json::{Map, Value as Json};
use skopos_template::{Object, TimeValue, Value};

use super::data::{AlertData, Alerts, Data};
use super::kv::{Kv, Pair};
use super::{Rendering, TemplateError};

/// How deep lists and maps in a rendered text may nest.
const MAX_DEPTH: usize = 32;

/// `.` as JSON.
pub(super) fn data(data: &Data) -> Map<String, Json> {
    let mut out = Map::new();
    out.insert("receiver".to_owned(), data.receiver.as_str().into());
    out.insert("status".to_owned(), data.status().into());
    out.insert("alerts".to_owned(), alerts(&data.alerts));
    out.insert("notification_reason".to_owned(), data.reason.into());
    out.insert("groupLabels".to_owned(), kv(&data.group_labels));
    out.insert("commonLabels".to_owned(), kv(&data.common_labels));
    out.insert("commonAnnotations".to_owned(), kv(&data.common_annotations));
    out.insert("routeLabels".to_owned(), kv(&data.route_labels));
    out.insert("externalURL".to_owned(), data.external_url.as_str().into());
    out
}

/// Any value as JSON (`toJson`).
pub(super) fn value(value: &Value) -> Json {
    match value {
        Value::Nil => Json::Null,
        Value::Bool(flag) => Json::Bool(*flag),
        Value::Int(number) | Value::Duration(number) => Json::from(*number),
        Value::Float(number) => serde_json::Number::from_f64(*number).map_or(Json::Null, Json::Number),
        Value::String(text) => Json::from(&**text),
        Value::Safe(safe) => Json::from(&*safe.text),
        Value::List(items) => items.iter().map(self::value).collect(),
        Value::Map(map) => {
            let entries = map.entries.iter();
            Json::Object(
                entries
                    .map(|(name, value)| (name.clone(), self::value(value)))
                    .collect(),
            )
        }
        Value::Time(time) => Json::from(timestamp(time)),
        Value::Object(object) => of_object(object.as_ref()),
    }
}

fn of_object(object: &dyn Object) -> Json {
    let any: &dyn Any = object;
    if let Some(data) = any.downcast_ref::<Data>() {
        return Json::Object(self::data(data));
    }
    if let Some(all) = any.downcast_ref::<Alerts>() {
        return alerts(all);
    }
    if let Some(one) = any.downcast_ref::<AlertData>() {
        return alert(one);
    }
    if let Some(pairs) = any.downcast_ref::<Kv>() {
        return kv(pairs);
    }
    if let Some(Pair((name, value))) = any.downcast_ref::<Pair>() {
        return serde_json::json!({ "Name": name, "Value": value });
    }
    match object.items() {
        Some(items) => items.iter().map(value).collect(),
        None => Json::from(object.text()),
    }
}

fn alerts(alerts: &Alerts) -> Json {
    alerts.0.iter().map(|one| alert(one)).collect()
}

fn alert(alert: &AlertData) -> Json {
    serde_json::json!({
        "status": alert.status(),
        "labels": kv(&alert.labels),
        "annotations": kv(&alert.annotations),
        "startsAt": timestamp(&alert.starts_at),
        "endsAt": timestamp(&alert.ends_at),
        "generatorURL": alert.generator_url,
        "fingerprint": alert.fingerprint,
    })
}

fn kv(kv: &Kv) -> Json {
    let pairs = kv.iter();
    Json::Object(
        pairs
            .map(|(name, value)| (name.to_owned(), Json::from(value)))
            .collect(),
    )
}

/// RFC 3339 with as many digits of the second as there are.
fn timestamp(time: &TimeValue) -> String {
    time.format("2006-01-02T15:04:05.999999999Z07:00")
}

pub(super) fn free_form(rendering: &Rendering<'_>, field: &str, value: &Json) -> Result<Json, TemplateError> {
    rendered(rendering, field, value, 0)
}

fn rendered(rendering: &Rendering<'_>, field: &str, value: &Json, depth: usize) -> Result<Json, TemplateError> {
    if depth > MAX_DEPTH {
        return Err(TemplateError::Unfit {
            field: field.to_owned(),
            reason: format!("nested more than {MAX_DEPTH} levels deep"),
        });
    }
    match value {
        Json::String(template) => {
            let text = rendering.text(field, template)?;
            Ok(typed(text))
        }
        Json::Array(items) => items
            .iter()
            .map(|item| rendered(rendering, field, item, depth + 1))
            .collect(),
        Json::Object(entries) => {
            let mut out = Map::new();
            for (name, value) in entries {
                let inner = format!("{field}.{name}");
                out.insert(
                    rendering.text(field, name)?,
                    rendered(rendering, &inner, value, depth + 1)?,
                );
            }
            Ok(Json::Object(out))
        }
        other => Ok(other.clone()),
    }
}

/// A rendered text by YAML's rules: a number, a list or a map where it reads as one.
fn typed(text: String) -> Json {
    match serde_saphyr::from_str::<Json>(&text) {
        Ok(Json::String(_)) | Err(_) => Json::String(text),
        Ok(value) => value,
    }
}
