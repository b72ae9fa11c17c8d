//! The one form of an event on which selectors work: clients may send several for a message, headers and lists.

use serde_json::{Map, Value, json};
use std::net::IpAddr;

use crate::meta::MetaTree;

/// Brings an event into its form. What is no event becomes an empty one, with a remark.
pub(crate) fn normalize(event: Value) -> (Map<String, Value>, MetaTree) {
    let mut event = match event {
        Value::Object(event) => event,
        other => {
            let mut meta = MetaTree::default();
            meta.add_error(&[], "expected event", other);
            return (Map::new(), meta);
        }
    };
    let mut meta = MetaTree::from_value(event.shift_remove("_meta"));
    message(&mut event);
    for list in ["exception", "breadcrumbs", "threads"] {
        if let Some(value) = event.get_mut(list) {
            into_values(value);
        }
    }
    if let Some(Value::Object(request)) = event.get_mut("request") {
        normalize_request(request);
    }
    if let Some(tags @ Value::Object(_)) = event.get_mut("tags") {
        pairs_of_object(tags);
    }
    if let Some(Value::Object(contexts)) = event.get_mut("contexts") {
        for (name, context) in contexts {
            if let Value::Object(context) = context {
                context.entry("type").or_insert_with(|| json!(name));
            }
        }
    }
    for (parent, key) in [("user", "ip_address"), ("sdk", "client_ip")] {
        if let Some(Value::Object(object)) = event.get_mut(parent) {
            check_address(object, parent, key, &mut meta);
        }
    }
    (event, meta)
}

/// `message` is an older name of the log entry.
fn message(event: &mut Map<String, Value>) {
    let text = |value: &Value| match value {
        Value::String(text) => Some(json!({ "formatted": text })),
        _ => None,
    };
    if let Some(message) = event.shift_remove("message")
        && event.get("logentry").is_none_or(Value::is_null)
        && !message.is_null()
    {
        let entry = text(&message).unwrap_or(message);
        event.insert("logentry".to_owned(), entry);
    } else if let Some(entry) = event.get("logentry").and_then(text) {
        event.insert("logentry".to_owned(), entry);
    }
}

fn into_values(value: &mut Value) {
    let list = match value.take() {
        list @ Value::Array(_) => list,
        Value::Object(object) if object.contains_key("values") || object.is_empty() => {
            *value = Value::Object(object);
            return;
        }
        Value::Null => return,
        single => Value::Array(vec![single]),
    };
    *value = json!({ "values": list });
}

fn normalize_request(request: &mut Map<String, Value>) {
    match request.get_mut("query_string") {
        Some(query @ Value::String(_)) => {
            let text = query.as_str().unwrap_or_default().trim_start_matches('?').to_owned();
            let pairs = url::form_urlencoded::parse(text.as_bytes());
            *query = pairs.map(|(key, value)| json!([key, value])).collect();
        }
        Some(query) => pairs_of_object(query),
        None => {}
    }
    match request.get_mut("cookies") {
        Some(cookies @ Value::String(_)) => {
            let text = cookies.as_str().unwrap_or_default().to_owned();
            let pairs = text
                .split(';')
                .map(str::trim)
                .filter(|pair| !pair.is_empty())
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
            *cookies = pairs.map(|(key, value)| json!([key, value])).collect();
        }
        Some(cookies) => pairs_of_object(cookies),
        None => {}
    }
    if let Some(headers) = request.get_mut("headers") {
        pairs_of_object(headers);
        for pair in headers.as_array_mut().into_iter().flatten() {
            if let Some(name) = pair.get_mut(0)
                && let Some(text) = name.as_str()
            {
                *name = Value::String(header_name(text));
            }
        }
    }
}

/// Each part of a header's name begins with a capital letter.
fn header_name(name: &str) -> String {
    let mut starts = true;
    let cased = name.chars().map(|c| {
        let upper = std::mem::replace(&mut starts, c == '-');
        if upper { c.to_ascii_uppercase() } else { c }
    });
    cased.collect()
}

fn pairs_of_object(value: &mut Value) {
    if let Value::Object(object) = value {
        let mut pairs: Vec<(String, Value)> = std::mem::take(object).into_iter().collect();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        *value = pairs.into_iter().map(|(key, value)| json!([key, value])).collect();
    }
}

/// An address that is none is not kept: it would be shown to all as one.
fn check_address(object: &mut Map<String, Value>, parent: &str, key: &str, meta: &mut MetaTree) {
    let Some(value) = object.get_mut(key) else { return };
    let is_valid = match &*value {
        Value::Null => true,
        Value::String(text) => text == "{{auto}}" || text.parse::<IpAddr>().is_ok(),
        _ => false,
    };
    if !is_valid {
        let path = [parent.to_owned(), key.to_owned()];
        meta.add_error(&path, "expected an ip address", value.take());
    }
}
