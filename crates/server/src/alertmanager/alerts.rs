//! `/alerts`: what fires, and the door by which alerts come in.

use axum::extract::{RawQuery, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json_borrow::Value;
use skopos_alertmanager::alert::PostableAlert;
use skopos_alertmanager::view::AlertView;

use super::Shared;
use super::body::{self, Fields};
use super::encode::{self, GettableAlert};
use super::error::{ApiError, WRONG_TYPE};
use super::listing;
use super::params::Query;

/// Largest body that is decoded where it arrived; larger ones are work for a thread of their own.
const SMALL_BODY_BYTES: usize = 128 << 10;

/// The alerts that fire.
pub(super) async fn list(State(handle): State<Shared>, RawQuery(query): RawQuery) -> Result<Response, ApiError> {
    let filter = Query::read(query.as_deref()).alert_filter(handle.parser_mode())?;
    listing::answer(&handle, write, move |machine, now_ms| {
        machine.alert_views(now_ms, &filter)
    })
    .await
}

fn write(view: &AlertView, _: i64, out: &mut Vec<u8>) {
    encode::append(&GettableAlert::of(view), out);
}

/// Takes alerts. Valid ones are kept even if others are refused.
pub(super) async fn post(State(handle): State<Shared>, request: Request) -> Result<Response, ApiError> {
    let bytes = body::read(request, "alerts").await?;
    let alerts = if bytes.len() <= SMALL_BODY_BYTES {
        read(&bytes)?
    } else {
        handle.work(move |_| read(&bytes)).await??
    };
    let outcome = handle.post_alerts(alerts).await?;
    match outcome.error_text() {
        None => Ok(StatusCode::OK.into_response()),
        Some(error) => Err(ApiError::bad_request(error)),
    }
}

fn read(bytes: &[u8]) -> Result<Vec<PostableAlert>, ApiError> {
    let body = body::decode(bytes, "alerts")?;
    let Value::Array(items) = &body else {
        return Err(body::unmarshal("alerts", &body, "value of type models.PostableAlerts"));
    };
    items
        .iter()
        .enumerate()
        .map(|(index, item)| read_one(item, index))
        .collect()
}

fn read_one(item: &Value<'_>, index: usize) -> Result<PostableAlert, ApiError> {
    let fields = Fields::read(item, "alerts", "models.PostableAlert")?;
    let generator_url = fields.text("generatorURL")?.unwrap_or_default();
    let alert = PostableAlert {
        annotations: fields.text_map("annotations")?.unwrap_or_default(),
        starts_at_ms: fields.time_ms("startsAt")?,
        ends_at_ms: fields.time_ms("endsAt")?,
        labels: fields
            .text_map("labels")?
            .ok_or_else(|| ApiError::required(&format!("{index}.labels")))?,
        generator_url: generator_url.to_owned(),
    };
    if !is_request_uri(generator_url) {
        let message = format!("{index}.generatorURL in body must be of type uri: {generator_url:?}");
        return Err(ApiError::schema(WRONG_TYPE, message));
    }
    Ok(alert)
}

/// Whether Go's `url.ParseRequestURI` takes the text: a path or a URL with a scheme. Nothing is
/// taken as well, as it says nothing.
fn is_request_uri(text: &str) -> bool {
    let is_clean = !text.chars().any(|c| c.is_ascii_control() || c == ' ');
    let has_scheme = text.split_once(':').is_some_and(|(scheme, rest)| {
        let mut chars = scheme.chars();
        chars.next().is_some_and(|first| first.is_ascii_alphabetic())
            && chars.all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
            && !rest.is_empty()
    });
    text.is_empty() || (is_clean && (text.starts_with('/') || has_scheme))
}
