//! `eq`, `ne`, `lt`, `le`, `gt`, `ge` (`text/template/funcs.go`): unlike types do not compare.

use std::cmp::Ordering;

use crate::value::Value;

const INCOMPATIBLE: &str = "incompatible types for comparison";
const NOT_ORDERED: &str = "invalid type for comparison";

/// Whether `first` equals any of `others`.
pub(crate) fn equals_any(arguments: &[Value]) -> Result<bool, String> {
    let [first, others @ ..] = arguments else {
        return Err("wrong number of args for eq: want at least 1 got 0".to_owned());
    };
    if others.is_empty() {
        return Err("missing argument for comparison".to_owned());
    }
    for other in others {
        if equals(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(crate) fn equals(a: &Value, b: &Value) -> Result<bool, String> {
    match (a, b) {
        (Value::Nil, Value::Nil) => Ok(true),
        (Value::Nil, _) | (_, Value::Nil) => Ok(false),
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Int(a) | Value::Duration(a), Value::Int(b) | Value::Duration(b)) => Ok(a == b),
        (Value::Float(a), Value::Float(b)) => Ok(a == b),
        (Value::String(_) | Value::Safe(_), Value::String(_) | Value::Safe(_)) => Ok(a.as_str() == b.as_str()),
        (Value::Time(a), Value::Time(b)) => Ok(a == b),
        (Value::List(_) | Value::Map(_) | Value::Object(_), _) => Err(format!(
            "non-comparable type {}: {}",
            crate::format::text(a),
            a.type_name()
        )),
        _ => Err(INCOMPATIBLE.to_owned()),
    }
}

/// How two values of one ordered type stand to each other; `None` if one is NaN.
pub(crate) fn order(a: &Value, b: &Value) -> Result<Option<Ordering>, String> {
    match (a, b) {
        (Value::Int(a) | Value::Duration(a), Value::Int(b) | Value::Duration(b)) => Ok(Some(a.cmp(b))),
        (Value::Float(a), Value::Float(b)) => Ok(a.partial_cmp(b)),
        (Value::String(_) | Value::Safe(_), Value::String(_) | Value::Safe(_)) => Ok(Some(a.as_str().cmp(&b.as_str()))),
        (Value::Int(_) | Value::Duration(_) | Value::Float(_) | Value::String(_) | Value::Safe(_), Value::Bool(_))
        | (Value::Bool(_) | Value::Nil | Value::List(_) | Value::Map(_) | Value::Object(_) | Value::Time(_), _) => {
            Err(NOT_ORDERED.to_owned())
        }
        _ => Err(INCOMPATIBLE.to_owned()),
    }
}
