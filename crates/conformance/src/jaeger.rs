//! Batches of Jaeger's thrift: what is taken, and the spans that come of it.

use std::path::Path;

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use skopos_core::span::{AttributeValue, Span};
use skopos_wire::jaeger::{decode_batch, is_thrift, references};

use crate::{Outcome, data};

#[derive(Deserialize)]
struct Suite {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    content_type: String,
    body_base64: String,
    expect: Expect,
}

#[derive(Deserialize)]
struct Expect {
    status: u16,
    spans: Option<Vec<Value>>,
}

/// Runs the cases of a file, or of the `thrift_http.yaml` in a folder.
pub fn run(path: &Path) -> anyhow::Result<Outcome> {
    let file = data::file(path, "thrift_http.yaml");
    let Some(text) = data::text(&file)? else {
        return Ok(Outcome::default());
    };
    let suite: Suite = serde_saphyr::from_str(&text).with_context(|| file.display().to_string())?;
    let mut outcome = Outcome::default();
    for case in suite.cases {
        let result = check(&case).with_context(|| case.id.clone())?;
        outcome.record(case.id, result);
    }
    Ok(outcome)
}

fn check(case: &Case) -> anyhow::Result<Result<(), String>> {
    let body = STANDARD.decode(&case.body_base64)?;
    let decoded = if is_thrift(&case.content_type) {
        decode_batch(&body).map_err(|error| error.to_string())
    } else {
        Err(format!("{} is no media type of thrift", case.content_type))
    };
    Ok(match (case.expect.status, decoded) {
        (202, Ok((batch, rejected))) if rejected.count == 0 => {
            case.expect.spans.as_deref().map_or(Ok(()), |expected| {
                let got: Vec<Value> = batch.spans.iter().map(shown).collect();
                compare(&got, expected)
            })
        }
        (202, Ok((_, rejected))) => Err(rejected.message),
        (202, Err(error)) => Err(error),
        (status, Ok(_)) => Err(format!("should be answered with {status}, is taken")),
        (_, Err(_)) => Ok(()),
    })
}

/// The fields of a case that it names must be those of the span.
fn compare(got: &[Value], expected: &[Value]) -> Result<(), String> {
    if got.len() != expected.len() {
        return Err(format!("should give {} spans, gives {}", expected.len(), got.len()));
    }
    for (got, expected) in got.iter().zip(expected) {
        let fields = expected.as_object().into_iter().flatten();
        for (name, value) in fields {
            if got[name] != *value {
                return Err(format!("{name} should be {value}, is {}", got[name]));
            }
        }
    }
    Ok(())
}

/// A span in the words of the cases.
fn shown(span: &Span) -> Value {
    let references = references(span).into_iter().map(|reference| {
        json!({
            "type": reference.kind.as_str(),
            "trace_id": reference.trace_id.to_string(),
            "span_id": reference.span_id.to_string(),
        })
    });
    let tags: Map<String, Value> = span
        .attributes
        .iter()
        .map(|(key, value)| (key.clone(), shown_value(value)))
        .collect();
    json!({
        "trace_id": span.trace_id.to_string(),
        "span_id": span.span_id.to_string(),
        "operation": span.name,
        "start_us": span.start_ns / 1000,
        "duration_us": span.duration_ns() / 1000,
        "references": references.collect::<Vec<_>>(),
        "service": span.resource.service_name(),
        "tags": tags,
    })
}

fn shown_value(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::Bool(value) => json!({ "type": "bool", "value": value }),
        AttributeValue::Int(value) => json!({ "type": "int64", "value": value }),
        AttributeValue::Double(value) => json!({ "type": "float64", "value": value }),
        AttributeValue::Bytes(value) => json!({ "type": "binary", "value": STANDARD.encode(value) }),
        other => json!({ "type": "string", "value": other.to_string() }),
    }
}
