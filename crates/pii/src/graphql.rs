//! Answers of GraphQL repeat what was asked about: values under the names of the request's variables go.

use serde_json::{Map, Value};

/// Redacts the variables of the request and the same names in the answer; without variables, the answer's data.
pub(crate) fn scrub(event: &mut Map<String, Value>) {
    let is_graphql = event
        .get("request")
        .is_some_and(|request| request.get("api_target").and_then(Value::as_str) == Some("graphql"));
    if !is_graphql {
        return;
    }
    let variables = event
        .get_mut("request")
        .and_then(|request| request.get_mut("data")?.get_mut("variables"));
    let mut names = Vec::new();
    if let Some(Value::Object(variables)) = variables {
        for (name, value) in variables {
            names.push(name.clone());
            *value = filtered();
        }
    }
    let answer = event
        .get_mut("contexts")
        .and_then(|contexts| contexts.get_mut("response")?.get_mut("data"));
    let Some(Value::Object(answer)) = answer else { return };
    if names.is_empty() {
        answer.shift_remove("data");
    } else if let Some(data) = answer.get_mut("data") {
        redact_names(data, &names);
    }
}

fn filtered() -> Value {
    Value::String("[Filtered]".to_owned())
}

fn redact_names(value: &mut Value, names: &[String]) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                if names.contains(key) {
                    *value = filtered();
                } else {
                    redact_names(value, names);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| redact_names(value, names)),
        _ => {}
    }
}
