//! Error tracking over Sentry's protocol: `tracing::error!`, panics and failed requests become events, `warn` and `info`
//! their breadcrumbs. Every event passes the strict PII filter; without `SENTRY_DSN` nothing of this is there.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus::Registry;
use sentry::protocol::{Breadcrumb, Event};
use sentry::{ClientOptions, Hub, Scope};
use serde_json::Value;
use skopos_pii::ServiceFilter;

use self::transport::Transport;
use crate::SetupError;
use crate::backends::ExportRuntime;
use crate::settings::Settings;

mod layer;
mod transport;

pub(crate) use layer::ErrorsLayer;

/// The client of one set-up.
#[derive(Clone)]
pub(crate) struct Errors {
    hub: Arc<Hub>,
}

impl fmt::Debug for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Errors").finish_non_exhaustive()
    }
}

impl Errors {
    /// A client for the DSN of the settings; none without one.
    pub(crate) fn new(
        settings: &Settings,
        registry: &Registry,
        runtime: &mut ExportRuntime,
    ) -> Result<Option<Self>, SetupError> {
        let Some(dsn) = settings.sentry.dsn.as_ref().filter(|_| settings.enabled) else {
            return Ok(None);
        };
        let dsn: sentry::types::Dsn = dsn.expose().parse().map_err(|_| SetupError::Setting {
            name: "SENTRY_DSN".to_owned(),
            value: "(hidden)".to_owned(),
            expected: "a DSN such as https://KEY@HOST/PROJECT",
        })?;
        let transport = Arc::new(Transport::start(&dsn, registry, runtime.get()?)?);
        let filter = Arc::new(ServiceFilter::strict());
        let for_breadcrumbs = Arc::clone(&filter);
        let mut options = ClientOptions::new()
            .release(format!("{}@{}", settings.service, settings.version))
            .environment(settings.environment.clone());
        options.dsn = Some(dsn);
        options.default_integrations = false;
        options.before_send = Some(Arc::new(move |event| scrub_event(&filter, event)));
        options.before_breadcrumb = Some(Arc::new(move |breadcrumb| {
            Some(scrub_breadcrumb(&for_breadcrumbs, breadcrumb))
        }));
        options.transport = Some(Arc::new(move |_: &ClientOptions| -> Arc<dyn sentry::Transport> {
            Arc::<Transport>::clone(&transport)
        }));
        let client = Arc::new(sentry::Client::with_options(options));
        let hub = Arc::new(Hub::new(Some(client), Arc::new(Scope::default())));
        Ok(Some(Self { hub }))
    }

    /// Makes it the client of `sentry::capture_message` and its like as well.
    pub(crate) fn install(&self) {
        Hub::main().bind_client(self.hub.client());
    }

    /// The layer that makes events of what is logged.
    pub(crate) fn layer(&self) -> ErrorsLayer {
        ErrorsLayer::new(Arc::clone(&self.hub))
    }

    /// Sends what is queued; gives up after the time.
    pub(crate) fn flush(&self, timeout: Duration) {
        if let Some(client) = self.hub.client() {
            client.flush(Some(timeout));
        }
    }
}

/// An event without what had to go. One that cannot be read back then is not sent: better none than one that tells.
fn scrub_event(filter: &ServiceFilter, mut event: Event<'static>) -> Option<Event<'static>> {
    if let Some(user) = &mut event.user {
        // An address is a type of its own, so there is nothing that could stand in its place.
        user.ip_address = None;
    }
    let mut value = serde_json::to_value(event).ok()?;
    filter.scrub(&mut value);
    serde_json::from_value(value).ok()
}

fn scrub_breadcrumb(filter: &ServiceFilter, mut breadcrumb: Breadcrumb) -> Breadcrumb {
    if let Some(message) = breadcrumb.message.take() {
        breadcrumb.message = Some(filter.scrub_text(&message).into_owned());
    }
    let mut data = Value::Object(std::mem::take(&mut breadcrumb.data).into_iter().collect());
    filter.scrub(&mut data);
    if let Value::Object(data) = data {
        breadcrumb.data = data.into_iter().collect();
    }
    breadcrumb
}

#[cfg(test)]
mod tests;
