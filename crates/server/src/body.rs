//! Request bodies at the push doors: read with a bound, before any decoding.

use axum::body::Body;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, Request, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use skopos_core::TenantId;
use skopos_wire::compression::{CompressionError, Encoding, decompress};

use crate::router::App;
use crate::telemetry;
use crate::tenant::tenant_of;

/// A push as it came: whose, how written and packed, and its bytes.
#[derive(Debug)]
pub(crate) struct Push {
    pub(crate) tenant: TenantId,
    /// `Content-Type`, empty where missing.
    pub(crate) content_type: String,
    /// `Content-Encoding`, empty where missing.
    pub(crate) content_encoding: String,
    pub(crate) body: Bytes,
}

/// Why a push could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    /// The tenant's name is not one.
    #[error("X-Scope-OrgID: {0}")]
    Tenant(#[from] skopos_core::tenant::TenantError),
    /// Larger than allowed.
    #[error("request body too large: limit {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The connection broke.
    #[error("failed to read the request body: {0}")]
    Interrupted(String),
}

impl BodyError {
    /// The HTTP status of the failure.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Tenant(_) | Self::Interrupted(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// Reads a push of at most the configured size and counts its bytes.
pub(crate) async fn read_push(app: &App, door: &'static str, request: Request<Body>) -> Result<Push, BodyError> {
    let limit = app.state.options.max_body_bytes;
    let (parts, body) = request.into_parts();
    let tenant = tenant_of(&parts.headers)?;
    let body = read(body, limit).await?;
    telemetry::RECEIVED_BYTES
        .with_label_values(&[door])
        .inc_by(body.len() as u64);
    Ok(Push {
        tenant,
        content_type: header_text(&parts.headers, &CONTENT_TYPE),
        content_encoding: header_text(&parts.headers, &CONTENT_ENCODING),
        body,
    })
}

/// A body as it was before it was packed as its `Content-Encoding` says, of at most so many bytes.
pub(crate) fn unpack(content_encoding: &str, body: Bytes, limit_bytes: usize) -> Result<Bytes, CompressionError> {
    match Encoding::from_header(content_encoding)? {
        Encoding::Identity => Ok(body),
        packed => decompress(packed, &body, limit_bytes).map(Bytes::from),
    }
}

/// A header's value as text, empty where it is missing.
pub(crate) fn header_text(headers: &HeaderMap, name: &HeaderName) -> String {
    headers.get(name).map_or_else(String::new, |value| {
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    })
}

async fn read(body: Body, limit: usize) -> Result<Bytes, BodyError> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge { limit }),
        Err(error) => Err(BodyError::Interrupted(error.to_string())),
    }
}
