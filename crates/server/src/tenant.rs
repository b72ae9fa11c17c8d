//! Whose data a request is about: `X-Scope-OrgID`, else the default tenant.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::Response;
use skopos_core::TenantId;
use skopos_core::tenant::TenantError;

use crate::prometheus::envelope;

const TENANT_HEADER: &str = "x-scope-orgid";

/// The tenant of a request.
#[derive(Debug, Clone)]
pub(crate) struct Tenant(pub(crate) TenantId);

/// Reads the tenant from the headers.
pub(crate) fn tenant_of(headers: &HeaderMap) -> Result<TenantId, TenantError> {
    match headers.get(TENANT_HEADER) {
        None => Ok(TenantId::default()),
        Some(value) => TenantId::new(&String::from_utf8_lossy(value.as_bytes())),
    }
}

impl<S: Sync> FromRequestParts<S> for Tenant {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Response> {
        tenant_of(&parts.headers)
            .map(Self)
            .map_err(|error| envelope::bad_data(format!("X-Scope-OrgID: {error}")))
    }
}
