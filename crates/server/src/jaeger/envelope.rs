//! The envelope of Jaeger's answers: `data`, `total`, `limit`, `offset`, `errors`.

use std::convert::Infallible;
use std::io;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use skopos_core::{ErrorKind, Kinded};

use crate::query::QueryFailure;
use crate::text;

/// Size of a chunk of a long body; only a single longer text makes one larger.
const CHUNK_BYTES: usize = 64 * 1024;

#[derive(Serialize)]
struct Envelope<'a, T> {
    data: Option<T>,
    total: usize,
    limit: usize,
    offset: usize,
    errors: Option<[&'a JaegerError; 1]>,
}

impl<T> Envelope<'_, T> {
    const fn of(data: T, total: usize) -> Self {
        Self {
            data: Some(data),
            total,
            limit: 0,
            offset: 0,
            errors: None,
        }
    }
}

/// An answer with data; `total` is 0 where Jaeger does not count.
pub(super) fn success(data: impl Serialize, total: usize) -> Response {
    text::json(StatusCode::OK, &Envelope::of(data, total))
}

/// The body of an answer with data that Jaeger does not count, in chunks: one text of many megabytes would be there twice
/// each time it grows, and the allocator keeps what it once gave in one piece.
pub(super) fn success_body(data: impl Serialize) -> serde_json::Result<Chunks> {
    let mut body = Chunks::default();
    serde_json::to_writer(&mut body, &Envelope::of(data, 0))?;
    Ok(body)
}

/// A text in chunks.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    full: Vec<Bytes>,
    last: Vec<u8>,
}

impl io::Write for Chunks {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        if self.last.len() + text.len() > CHUNK_BYTES {
            let full = std::mem::replace(&mut self.last, Vec::with_capacity(CHUNK_BYTES));
            self.full.push(full.into());
        }
        self.last.extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl From<Chunks> for Body {
    fn from(mut chunks: Chunks) -> Self {
        chunks.full.push(chunks.last.into());
        let chunks = chunks.full.into_iter().map(Ok::<_, Infallible>);
        Self::from_stream(futures_util::stream::iter(chunks))
    }
}

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct JaegerError {
    code: u16,
    msg: String,
    #[serde(rename = "traceID", skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
}

impl JaegerError {
    /// A parameter is wrong.
    pub(super) fn bad_request(msg: impl Into<String>) -> Self {
        Self {
            code: StatusCode::BAD_REQUEST.as_u16(),
            msg: msg.into(),
            trace_id: None,
        }
    }

    /// The trace does not exist.
    pub(super) fn trace_not_found(trace_id: String) -> Self {
        Self {
            code: StatusCode::NOT_FOUND.as_u16(),
            msg: "trace not found".to_owned(),
            trace_id: Some(trace_id),
        }
    }

    fn of(kind: ErrorKind, msg: String) -> Self {
        Self {
            code: text::status_of(kind).as_u16(),
            msg,
            trace_id: None,
        }
    }
}

impl<E: Kinded + std::fmt::Display> From<QueryFailure<E>> for JaegerError {
    fn from(failure: QueryFailure<E>) -> Self {
        match failure {
            QueryFailure::Waited(error) => Self::of(error.kind(), error.to_string()),
            QueryFailure::Pool(error) => Self::of(error.kind(), error.to_string()),
            QueryFailure::Engine(error) => Self::of(error.kind(), error.to_string()),
        }
    }
}

impl IntoResponse for JaegerError {
    fn into_response(self) -> Response {
        let body = Envelope::<()> {
            data: None,
            total: 0,
            limit: 0,
            offset: 0,
            errors: Some([&self]),
        };
        let status = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        text::json(status, &body)
    }
}
