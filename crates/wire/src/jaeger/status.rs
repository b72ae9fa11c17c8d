//! How a span ended, which Jaeger says in tags (`setInternalSpanStatus` in the Collector).

use skopos_core::span::{AttributeValue, Attributes, SpanKind, StatusCode, attribute};

use super::mapping::take_text;

const ERROR: &str = "error";
const STATUS_CODE: &str = "otel.status_code";
const STATUS_DESCRIPTION: &str = "otel.status_description";
const HTTP_STATUS_CODE: &str = "http.status_code";
const HTTP_STATUS_MESSAGE: &str = "http.status_message";

/// Takes the tags out that say how the span ended: `error=true` above all, then `otel.status_code`, and where neither
/// is there, the status of HTTP says it and stays a tag.
pub(super) fn take_status(tags: &mut Attributes, kind: SpanKind) -> (StatusCode, String) {
    let failed = take_true(tags, ERROR);
    let told = take_text(tags, STATUS_CODE);
    if failed {
        let description = take_text(tags, STATUS_DESCRIPTION);
        let message = description.unwrap_or_else(|| text_of(tags, HTTP_STATUS_MESSAGE));
        return (StatusCode::Error, message);
    }
    if let Some(word) = told {
        let message = take_text(tags, STATUS_DESCRIPTION).unwrap_or_default();
        return (code_of(&word), message);
    }
    match http_status(tags) {
        Some(status) if is_http_error(status, kind) => (StatusCode::Error, text_of(tags, HTTP_STATUS_MESSAGE)),
        _ => (StatusCode::Unset, String::new()),
    }
}

fn code_of(word: &str) -> StatusCode {
    if word.eq_ignore_ascii_case("OK") {
        StatusCode::Ok
    } else if word.eq_ignore_ascii_case("ERROR") {
        StatusCode::Error
    } else {
        StatusCode::Unset
    }
}

fn take_true(tags: &mut Attributes, name: &str) -> bool {
    let is_meant = |(key, value): &(String, AttributeValue)| key == name && *value == AttributeValue::Bool(true);
    match tags.iter().position(is_meant) {
        Some(index) => {
            tags.remove(index);
            true
        }
        None => false,
    }
}

fn text_of(tags: &Attributes, name: &str) -> String {
    match attribute(tags, name) {
        Some(AttributeValue::String(text)) => text.clone(),
        _ => String::new(),
    }
}

fn http_status(tags: &Attributes) -> Option<i64> {
    match attribute(tags, HTTP_STATUS_CODE)? {
        AttributeValue::Int(status) => Some(*status),
        AttributeValue::String(digits) => digits.parse().ok(),
        _ => None,
    }
}

/// What the client did wrong is no error of the server (OpenTelemetry's semantic conventions for HTTP).
fn is_http_error(status: i64, kind: SpanKind) -> bool {
    match status {
        100..400 => false,
        400..500 => kind != SpanKind::Server,
        _ => true,
    }
}
