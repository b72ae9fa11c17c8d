//! Who asked: request id, tenant and user of the request that this task serves. They reach every log line and span.
//!
//! The layer reads `X-Request-ID`, `X-Tenant-ID` and `X-User-ID`, makes a request id where none is sent, and answers with it.
//! A task that is spawned starts without context; hand it over with [`RequestContext::scope`].
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! use skopos_sdk::context::RequestContext;
//!
//! let context = RequestContext { tenant_id: Some("acme".into()), ..RequestContext::generate() };
//! context.scope(async {
//!     tracing::info!("the line bears request_id and tenant_id");
//!     assert_eq!(RequestContext::current().and_then(|c| c.tenant_id).as_deref(), Some("acme"));
//! }).await;
//! # }
//! ```

use std::future::Future;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::KeyValue;

mod layer;
mod span;

pub use layer::{RequestContextLayer, RequestContextService};
pub(crate) use span::{ContextProcessor, Discard};

/// Header and field of the request's own id.
pub const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// Header of the tenant on whose behalf the request is made.
pub const TENANT_ID_HEADER: HeaderName = HeaderName::from_static("x-tenant-id");
/// Header of the user on whose behalf the request is made.
pub const USER_ID_HEADER: HeaderName = HeaderName::from_static("x-user-id");

/// Bytes of one id; a longer one is taken as not sent.
const MAX_ID_BYTES: usize = 128;

tokio::task_local! {
    static CURRENT: RequestContext;
}

/// The ids of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestContext {
    /// Distinct for every request; sent on to the services that it needs.
    pub request_id: Option<String>,
    /// The tenant.
    pub tenant_id: Option<String>,
    /// The user.
    pub user_id: Option<String>,
}

impl RequestContext {
    /// A context with a new request id (UUID version 4) alone.
    #[must_use]
    pub fn generate() -> Self {
        Self {
            request_id: Some(uuid::Uuid::new_v4().to_string()),
            ..Self::default()
        }
    }

    /// Reads the headers. Ids are 1 to 128 visible ASCII characters; anything else is taken as not sent.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let read = |name: &HeaderName| headers.get(name).and_then(valid_id).map(str::to_owned);
        Self {
            request_id: read(&REQUEST_ID_HEADER),
            tenant_id: read(&TENANT_ID_HEADER),
            user_id: read(&USER_ID_HEADER),
        }
    }

    /// Writes the headers for a call to a service of the same system. Not for strangers: it names tenant and user.
    pub fn inject(&self, headers: &mut HeaderMap) {
        let names = [REQUEST_ID_HEADER, TENANT_ID_HEADER, USER_ID_HEADER];
        for (name, (_, id)) in names.into_iter().zip(self.ids()) {
            if let Some(value) = id.and_then(|id| HeaderValue::from_str(id).ok()) {
                headers.insert(name, value);
            }
        }
    }

    /// The context of this task.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Looks at the context of this task without a copy.
    pub(crate) fn with_current(look: impl FnOnce(&Self)) {
        // An error says that there is no context, and then there is nothing to look at.
        CURRENT.try_with(look).unwrap_or_default();
    }

    /// Runs a future in this context.
    pub async fn scope<F: Future>(self, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }

    /// Runs plain code in this context.
    pub fn sync_scope<T>(self, call: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, call)
    }

    /// Field names and values, in fixed order.
    pub(crate) fn ids(&self) -> [(&'static str, Option<&str>); 3] {
        [
            ("request_id", self.request_id.as_deref()),
            ("tenant_id", self.tenant_id.as_deref()),
            ("user_id", self.user_id.as_deref()),
        ]
    }

    fn attributes(&self) -> impl Iterator<Item = KeyValue> {
        self.ids()
            .into_iter()
            .filter_map(|(name, id)| id.map(|id| KeyValue::new(name, id.to_owned())))
    }
}

fn valid_id(value: &HeaderValue) -> Option<&str> {
    let text = value.to_str().ok()?;
    let ok = (1..=MAX_ID_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    ok.then_some(text)
}

#[cfg(test)]
mod tests;
