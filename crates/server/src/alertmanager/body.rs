//! JSON bodies, checked as the library behind Alertmanager's API checks them.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json_borrow::{ObjectAsVec, Value};

use super::error::ApiError;

/// Largest body that is read.
const MAX_BODY_BYTES: usize = 64 << 20;
const JSON: &str = "application/json";
/// What a body is taken for whose type is not said.
const UNKNOWN_TYPE: &str = "application/octet-stream";
/// Go's zero time: no time was said.
const ZERO_TIME_SECONDS: i64 = -62_135_596_800;

/// Reads the body that the API's document calls `name`.
pub(super) async fn read(request: Request<Body>, name: &str) -> Result<Bytes, ApiError> {
    let content_type = request.headers().get(CONTENT_TYPE);
    let content_type = content_type
        .and_then(|value| value.to_str().ok())
        .unwrap_or(UNKNOWN_TYPE);
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case(JSON) {
        return Err(ApiError::coded(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("unsupported media type {media_type:?}, only [{JSON}] are allowed"),
        ));
    }
    let bytes = match Limited::new(request.into_body(), MAX_BODY_BYTES).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Err(ApiError::coded(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("body larger than {MAX_BODY_BYTES} bytes"),
            ));
        }
        Err(error) => return Err(unreadable(name, &error.to_string())),
    };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(ApiError::required(name));
    }
    Ok(bytes)
}

/// Decodes a body; its texts stay where they are.
pub(super) fn decode<'a>(bytes: &'a [u8], name: &str) -> Result<Value<'a>, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| {
        if error.is_eof() {
            unreadable(name, "unexpected EOF")
        } else {
            unreadable(name, &error.to_string())
        }
    })
}

fn unreadable(name: &str, reason: &str) -> ApiError {
    ApiError::coded(
        StatusCode::BAD_REQUEST,
        format!("parsing {name} body from \"\" failed, because {reason}"),
    )
}

/// A value of another JSON type than wanted.
pub(super) fn unmarshal(name: &str, value: &Value<'_>, wanted: &str) -> ApiError {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::Str(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    unreadable(name, &format!("json: cannot unmarshal {kind} into Go {wanted}"))
}

/// The fields of an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a> {
    object: &'a ObjectAsVec<'a>,
    /// What the API's document calls the body.
    body: &'a str,
    /// The type that the object is of.
    model: &'a str,
}

impl<'a> Fields<'a> {
    pub(super) fn read(value: &'a Value<'a>, body: &'a str, model: &'a str) -> Result<Self, ApiError> {
        match value {
            Value::Object(object) => Ok(Self { object, body, model }),
            other => Err(unmarshal(body, other, &format!("value of type {model}"))),
        }
    }

    /// A field's value. Of several the last holds, as in Go.
    fn find(&self, name: &str) -> Option<&'a Value<'a>> {
        let named = self.object.iter().filter(|(known, _)| *known == name);
        let (_, value) = named.last()?;
        (!matches!(value, Value::Null)).then_some(value)
    }

    fn wrong(&self, name: &str, value: &Value<'_>, wanted: &str) -> ApiError {
        unmarshal(
            self.body,
            value,
            &format!("struct field {}.{name} of type {wanted}", self.model),
        )
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, ApiError> {
        match self.find(name) {
            None => Ok(None),
            Some(Value::Str(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(name, other, "string")),
        }
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.find(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(self.wrong(name, other, "bool")),
        }
    }

    pub(super) fn list(&self, name: &str) -> Result<Option<&'a [Value<'a>]>, ApiError> {
        match self.find(name) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(other) => Err(self.wrong(name, other, "[]*models.Matcher")),
        }
    }

    /// The pairs of an object, sorted by name. Of several with one name the last holds.
    pub(super) fn text_map(&self, name: &str) -> Result<Option<Vec<(String, String)>>, ApiError> {
        let pairs = match self.find(name) {
            None => return Ok(None),
            Some(Value::Object(pairs)) => pairs,
            Some(other) => return Err(self.wrong(name, other, "map[string]string")),
        };
        let pairs = pairs.iter().map(|(key, value)| match value {
            Value::Str(text) => Ok((key.to_owned(), text.clone().into_owned())),
            Value::Null => Ok((key.to_owned(), String::new())),
            other => Err(self.wrong(name, other, "string")),
        });
        let mut pairs = pairs.collect::<Result<Vec<_>, _>>()?;
        // The sort is stable, and of equal neighbours the first is kept.
        pairs.reverse();
        pairs.sort_by(|(left, _), (right, _)| left.cmp(right));
        pairs.dedup_by(|(left, _), (right, _)| left == right);
        Ok(Some(pairs))
    }

    /// A time in milliseconds; `None` where it is missing, empty or Go's zero time.
    pub(super) fn time_ms(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.text(name)?.filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let time = parse_time(text).ok_or_else(|| {
            let reason = format!("parsing time {text:?} of {name}: it is not like 2006-01-02T15:04:05Z");
            unreadable(self.body, &reason)
        })?;
        Ok((time.as_second() != ZERO_TIME_SECONDS).then(|| time.as_millisecond()))
    }
}

/// Reads RFC 3339, or the same without an offset, which then is UTC.
fn parse_time(text: &str) -> Option<Timestamp> {
    let with_offset = text.parse().ok();
    with_offset.or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })
}
