//! `/silences` and `/silence/{id}`.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use serde_json_borrow::Value;
use skopos_alertmanager::Matcher;
use skopos_alertmanager::machine::StoredMatcher;
use skopos_alertmanager::silence::{PostableSilence, Silence, SilenceError};

use super::Shared;
use super::body::{self, Fields};
use super::encode::{self, GettableSilence};
use super::error::{ApiError, TOO_FEW, WRONG_TYPE};
use super::listing;
use super::params::Query;
use crate::text;

const BODY: &str = "silence";

/// All silences, filtered.
pub(super) async fn list(State(handle): State<Shared>, RawQuery(query): RawQuery) -> Result<Response, ApiError> {
    let filter = Query::read(query.as_deref()).silence_filter(handle.parser_mode())?;
    listing::answer(&handle, write, move |machine, now_ms| {
        machine.silence_views(now_ms, &filter)
    })
    .await
}

fn write(silence: &Arc<Silence>, now_ms: i64, out: &mut Vec<u8>) {
    encode::append(&GettableSilence::of(silence, now_ms), out);
}

/// One silence.
pub(super) async fn get(State(handle): State<Shared>, Path(id): Path<String>) -> Result<Response, ApiError> {
    check_id(&id)?;
    let (silence, now_ms) = handle.read(|machine, now_ms| (machine.silence(&id).cloned(), now_ms));
    let silence = silence.ok_or_else(ApiError::not_found)?;
    Ok(ok(encode::json(&GettableSilence::of(&silence, now_ms))))
}

/// Ends a silence.
pub(super) async fn delete(State(handle): State<Shared>, Path(id): Path<String>) -> Result<Response, ApiError> {
    check_id(&id)?;
    let ended = handle
        .change(|machine, now_ms| machine.expire_silence(now_ms, &id))
        .await?;
    match ended {
        Ok(()) => Ok(StatusCode::OK.into_response()),
        Err(_) => Err(ApiError::not_found()),
    }
}

/// Makes or changes a silence.
pub(super) async fn post(State(handle): State<Shared>, request: Request) -> Result<Response, ApiError> {
    let bytes = body::read(request, BODY).await?;
    let silence = read(&body::decode(&bytes, BODY)?)?;
    let set = handle
        .change(|machine, now_ms| machine.set_silence(now_ms, silence))
        .await?;
    match set {
        Ok(id) => Ok(ok(encode::json(&json!({ "silenceID": id })))),
        Err(error @ SilenceError::NotFound) => Err(ApiError::plain(StatusCode::NOT_FOUND, error.to_string())),
        Err(error) => Err(ApiError::bad_request(error.to_string())),
    }
}

fn ok(body: Vec<u8>) -> Response {
    text::with_type(StatusCode::OK, text::JSON, body)
}

fn check_id(id: &str) -> Result<(), ApiError> {
    match uuid::Uuid::try_parse(id) {
        Ok(_) => Ok(()),
        Err(_) => Err(ApiError::schema(
            WRONG_TYPE,
            format!("silenceID in path must be of type uuid: {id:?}"),
        )),
    }
}

/// Reads a silence; what is missing is told in the order of the schema.
fn read(body: &Value<'_>) -> Result<PostableSilence, ApiError> {
    let fields = Fields::read(body, BODY, "models.PostableSilence")?;
    let required = |name: &str| ApiError::required(name);
    let id = fields.text("id")?.filter(|id| !id.is_empty());
    let annotations = fields.text_map("annotations")?.unwrap_or_default();
    let (comment, created_by) = (fields.text("comment")?, fields.text("createdBy")?);
    let (starts_at_ms, ends_at_ms) = (fields.time_ms("startsAt")?, fields.time_ms("endsAt")?);
    let matchers = fields.list("matchers")?;
    let comment = comment.ok_or_else(|| required("comment"))?;
    let created_by = created_by.ok_or_else(|| required("createdBy"))?;
    let ends_at_ms = ends_at_ms.ok_or_else(|| required("endsAt"))?;
    let matchers = matchers.ok_or_else(|| required("matchers"))?;
    if matchers.is_empty() {
        return Err(ApiError::schema(
            TOO_FEW,
            "matchers in body should have at least 1 items",
        ));
    }
    let matchers: Result<Vec<StoredMatcher>, ApiError> = matchers
        .iter()
        .enumerate()
        .map(|(index, matcher)| read_matcher(matcher, index))
        .collect();
    let matchers = matchers?;
    // Go's zero time is given and lies in the past, so that it becomes now.
    let starts_at_ms = match (starts_at_ms, fields.text("startsAt")?) {
        (Some(time_ms), _) => time_ms,
        (None, Some(_)) => i64::MIN,
        (None, None) => return Err(required("startsAt")),
    };
    let matchers: Result<Vec<Matcher>, ApiError> = matchers
        .into_iter()
        .enumerate()
        .map(|(index, matcher)| compile(matcher, index))
        .collect();
    Ok(PostableSilence {
        id: id.map(str::to_owned),
        matchers: matchers?,
        starts_at_ms,
        ends_at_ms,
        created_by: created_by.to_owned(),
        comment: comment.to_owned(),
        annotations,
    })
}

fn read_matcher(matcher: &Value<'_>, index: usize) -> Result<StoredMatcher, ApiError> {
    let fields = Fields::read(matcher, BODY, "models.Matcher")?;
    let required = |name: &str| ApiError::required(&format!("matchers.{index}.{name}"));
    let (name, value) = (fields.text("name")?, fields.text("value")?);
    let (is_regex, is_equal) = (fields.flag("isRegex")?, fields.flag("isEqual")?);
    Ok(StoredMatcher {
        is_regex: is_regex.ok_or_else(|| required("isRegex"))?,
        name: name.ok_or_else(|| required("name"))?.to_owned(),
        value: value.ok_or_else(|| required("value"))?.to_owned(),
        is_equal: is_equal.unwrap_or(true),
    })
}

fn compile(matcher: StoredMatcher, index: usize) -> Result<Matcher, ApiError> {
    let pattern = matcher.value.clone();
    Matcher::try_from(matcher).map_err(|error| {
        ApiError::bad_request(format!(
            "invalid silence: invalid label matcher {index}: invalid regular expression {pattern:?}: {error}"
        ))
    })
}
