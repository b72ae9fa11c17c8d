//! Model calls beside what OpenTelemetry's own instrumentation recorded of the same calls (shared cases, `otel_latest`).

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::SpanData;
use serde_json::Value;
use skopos_sdk::tasks::{TaskTracer, Usage};

use super::recorded::{Recorded, attribute};
use crate::support::shared;

const ENDPOINT: &str = "https://api.openai.com/v1";
/// What an application must say in its own words, and what only OpenAI's instrumentation knows.
const NOT_OURS: [&str; 3] = ["openai.", "gen_ai.embeddings.", "gen_ai.request.encoding_formats"];
/// Request parameters and content are left to the service, which adds them to the span where it wants them.
const LEFT_TO_SERVICE: [&str; 4] = [
    "gen_ai.request.temperature",
    "gen_ai.request.max_tokens",
    "gen_ai.input.",
    "gen_ai.output.",
];

/// Makes the recorded call with the SDK.
fn replay(tasks: &TaskTracer, recorded: &Value) {
    let get = |key: &str| text(recorded, key).unwrap_or_default();
    let call = tasks
        .llm_call(&get("gen_ai.request.model"), ENDPOINT)
        .operation_name(&get("gen_ai.operation.name"));
    if let Some(error_type) = text(recorded, "error.type") {
        call.fail_as(error_type, "the model does not exist");
        return;
    }
    call.usage(Usage {
        input_tokens: get("gen_ai.usage.input_tokens").parse().expect("a count"),
        output_tokens: get("gen_ai.usage.output_tokens").parse().unwrap_or_default(),
        ..Usage::default()
    });
    let reason = get("gen_ai.response.finish_reasons");
    let reasons: Vec<&str> = Some(reason.as_str())
        .filter(|reason| !reason.is_empty())
        .into_iter()
        .collect();
    call.response(&get("gen_ai.response.model"), get("gen_ai.response.id"), &reasons);
}

/// A value of an OTLP attribute as text; the first of a list.
fn text(span: &Value, key: &str) -> Option<String> {
    let attributes = span["attributes"].as_array()?;
    let mut value = &attributes.iter().find(|attribute| attribute["key"] == key)?["value"];
    if let Some(first) = value["arrayValue"]["values"].get(0) {
        value = first;
    }
    let (_, value) = value.as_object()?.iter().next()?;
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

fn spans(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Object(fields) if fields.contains_key("spanId") => found.push(value.clone()),
        Value::Object(fields) => fields.values().for_each(|value| spans(value, found)),
        Value::Array(values) => values.iter().for_each(|value| spans(value, found)),
        _ => {}
    }
}

#[track_caller]
fn compare(ours: &SpanData, theirs: &Value) {
    assert_eq!(Some(ours.name.as_ref()), theirs["name"].as_str());
    assert_eq!(ours.span_kind, SpanKind::Client);
    assert_eq!(
        matches!(ours.status, Status::Error { .. }),
        theirs["status"]["code"] == 2,
        "{}",
        ours.name
    );
    for attribute_of_theirs in theirs["attributes"].as_array().expect("attributes") {
        let key = attribute_of_theirs["key"].as_str().expect("a key");
        if NOT_OURS
            .iter()
            .chain(&LEFT_TO_SERVICE)
            .any(|prefix| key.starts_with(prefix))
        {
            continue;
        }
        let value = attribute(ours, key).map(|value| value.trim_matches(['[', ']', '"']).to_owned());
        assert_eq!(value, text(theirs, key), "{key} of {}", ours.name);
    }
    let known = text(theirs, "gen_ai.usage.output_tokens").is_some();
    assert_eq!(
        attribute(ours, "gen_ai.usage.output_tokens").is_some(),
        known,
        "absent is unknown, never zero"
    );
}

#[test]
fn spans_say_what_the_conventions_say() {
    let case = shared::<Value>("genai/otel_latest/traces.json");
    let mut theirs = Vec::new();
    spans(&case, &mut theirs);
    theirs.retain(|span| text(span, "gen_ai.request.model").is_some());
    assert_eq!(theirs.len(), 4, "three chats and an embedding");
    let recorded = Recorded::start();
    let tasks = TaskTracer::new(&recorded.meter);
    for call in &theirs {
        replay(&tasks, call);
    }
    let ours = recorded.spans();
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        compare(ours, theirs);
    }
    let case = shared::<Value>("genai/otel_latest/metrics_2.json");
    let mut points = Vec::new();
    histograms(&case, &mut points);
    points.retain(|(name, _)| name.starts_with("gen_ai.client."));
    assert!(points.len() > 3, "durations and tokens of chats and of an embedding");
    for (name, point) in &points {
        compare_point(&recorded, name, point);
    }
}

/// The points of all histograms, with the histogram's name.
fn histograms(value: &Value, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(fields) if fields.contains_key("histogram") => {
            let name = fields["name"].as_str().expect("a name");
            let points = fields["histogram"]["dataPoints"].as_array().expect("points");
            found.extend(points.iter().map(|point| (name.to_owned(), point.clone())));
        }
        Value::Object(fields) => fields.values().for_each(|value| histograms(value, found)),
        Value::Array(values) => values.iter().for_each(|value| histograms(value, found)),
        _ => {}
    }
}

/// Ours counted as many calls under the same labels, with the same bounds.
#[track_caller]
fn compare_point(recorded: &Recorded, name: &str, point: &Value) {
    const LABELS: [&str; 5] = [
        "gen_ai.operation.name",
        "gen_ai.request.model",
        "gen_ai.response.model",
        "gen_ai.token.type",
        "error.type",
    ];
    let labels: Vec<(String, String)> = LABELS
        .into_iter()
        .filter_map(|key| Some((key.replace('.', "_"), text(point, key)?)))
        .collect();
    let labels: Vec<(&str, &str)> = labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let unit = if name.ends_with("duration") { "_seconds" } else { "" };
    let exported = format!("{}{unit}", name.replace('.', "_"));
    let theirs: u64 = point["count"]
        .as_str()
        .and_then(|count| count.parse().ok())
        .expect("a count");
    assert_eq!(recorded.count(&exported, &labels), theirs, "{exported} {labels:?}");
    for bound in point["explicitBounds"].as_array().expect("bounds") {
        let bound = bound.as_f64().expect("a number").to_string();
        let bucket = [&labels[..], &[("le", &bound)]].concat();
        assert!(
            recorded.has(&format!("{exported}_bucket"), &bucket),
            "{exported} {bucket:?}"
        );
    }
}
