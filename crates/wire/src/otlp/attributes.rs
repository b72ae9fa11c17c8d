//! OTLP attributes to ours and back, and to the label pairs of log entries.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use skopos_core::span::{AttributeValue, Attributes};

/// The attributes in our model. An absent value is an empty text.
pub(super) fn attributes(pairs: Vec<KeyValue>) -> Attributes {
    pairs.into_iter().map(|pair| (pair.key, value(pair.value))).collect()
}

/// Protobuf decoding and JSON parsing bound the nesting, so recursion is safe.
pub(super) fn value(any: Option<AnyValue>) -> AttributeValue {
    match any.and_then(|any| any.value) {
        Some(Value::StringValue(text)) => AttributeValue::String(text),
        Some(Value::BoolValue(flag)) => AttributeValue::Bool(flag),
        Some(Value::IntValue(number)) => AttributeValue::Int(number),
        Some(Value::DoubleValue(number)) => AttributeValue::Double(number),
        Some(Value::BytesValue(bytes)) => AttributeValue::Bytes(bytes),
        Some(Value::ArrayValue(list)) => {
            AttributeValue::Array(list.values.into_iter().map(|item| value(Some(item))).collect())
        }
        Some(Value::KvlistValue(map)) => AttributeValue::Map(attributes(map.values)),
        // A reference into the string table of profiles, which no other signal has.
        Some(Value::StringValueStrindex(_)) | None => AttributeValue::String(String::new()),
    }
}

/// A value as the text of a log line or label: bytes in base64, lists and maps as JSON
/// (`pcommon.Value.AsString` in the Collector).
pub(super) fn value_text(value: &AttributeValue) -> String {
    match value {
        AttributeValue::String(text) => text.clone(),
        AttributeValue::Double(number) => crate::number::format_json_float(*number),
        AttributeValue::Bytes(bytes) => base64_text(bytes),
        AttributeValue::Array(_) | AttributeValue::Map(_) => plain_json(value).to_string(),
        AttributeValue::Bool(_) | AttributeValue::Int(_) => value.to_string(),
    }
}

/// Calls `emit` with a label name and text for `key`; maps flatten with `_` (Loki's
/// `attributeToLabels`).
pub(super) fn flatten(key: &str, value: &AttributeValue, emit: &mut dyn FnMut(String, String)) {
    match value {
        AttributeValue::Map(pairs) => {
            for (name, inner) in pairs {
                flatten(&format!("{key}_{name}"), inner, emit);
            }
        }
        other => emit(label_name(key), value_text(other)),
    }
}

/// A label name of the classic character set: other characters become `_`, a leading digit gets
/// `key_` in front.
pub(super) fn label_name(key: &str) -> String {
    let mut name = String::with_capacity(key.len() + 4);
    if key.starts_with(|first: char| first.is_ascii_digit()) {
        name.push_str("key_");
    }
    name.extend(key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }));
    name
}

pub(super) fn base64_text(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn plain_json(value: &AttributeValue) -> serde_json::Value {
    match value {
        AttributeValue::String(text) => text.as_str().into(),
        AttributeValue::Bool(flag) => (*flag).into(),
        AttributeValue::Int(number) => (*number).into(),
        AttributeValue::Double(number) => (*number).into(),
        AttributeValue::Bytes(bytes) => base64_text(bytes).into(),
        AttributeValue::Array(values) => values.iter().map(plain_json).collect(),
        AttributeValue::Map(pairs) => pairs
            .iter()
            .map(|(name, inner)| (name.clone(), plain_json(inner)))
            .collect(),
    }
}
