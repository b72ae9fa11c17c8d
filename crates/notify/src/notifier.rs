//! The front: a notification in, one sending, its outcome out.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use skopos_alertmanager::Notification;
use skopos_alertmanager::config::{Integration, Receiver};
use skopos_http_client::{ClientOptions, HttpClient, HttpClientError};

use crate::courier::{Courier, KeptToken};
use crate::receiver::{self, Endpoints, Rendered};
use crate::send_error::{FailureReason, SendError};
use crate::telemetry;
use crate::template::{Rendering, Templates};

/// What receivers need beside the configuration.
#[derive(Debug, Clone)]
pub struct NotifierOptions {
    /// Where people reach this server, without a slash at the end.
    pub external_url: String,
    /// The folder at which relative paths of certificates and credentials in `http_config` start.
    pub folder: PathBuf,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// Services whose addresses no configuration names.
    pub endpoints: Endpoints,
}

impl Default for NotifierOptions {
    fn default() -> Self {
        Self {
            external_url: String::new(),
            folder: PathBuf::from("."),
            user_agent: format!("Skopos/{}", env!("CARGO_PKG_VERSION")),
            endpoints: Endpoints::default(),
        }
    }
}

/// A receiver that cannot be made ready.
#[derive(Debug, thiserror::Error)]
#[error("receiver {receiver:?}, {integration}: http_config: {source}")]
pub struct NotifierError {
    /// The receiver.
    pub receiver: String,
    /// The integration, such as `slack[0]`.
    pub integration: String,
    /// Why.
    pub source: HttpClientError,
}

/// A notification that was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// What the integration wants to know when it sends the group's next notification.
    pub receiver_data: Vec<(String, String)>,
    /// The status of the last answer, of HTTP or SMTP.
    pub status: u16,
    /// What was sent, without secrets.
    pub rendered: Rendered,
    /// How long it took.
    pub duration: Duration,
}

#[derive(Debug)]
struct Ready {
    integration: Integration,
    client: HttpClient,
    token: KeptToken,
}

/// Sends notifications to the receivers of a configuration.
#[derive(Debug)]
pub struct Notifier {
    receivers: HashMap<String, Vec<Ready>>,
    templates: Templates,
    options: NotifierOptions,
}

impl Notifier {
    /// Makes the receivers ready: reads their certificates.
    pub fn new(receivers: &[Receiver], templates: Templates, options: NotifierOptions) -> Result<Self, NotifierError> {
        let mut ready = HashMap::with_capacity(receivers.len());
        for receiver in receivers {
            let integrations = receiver.integrations.iter().map(|integration| {
                let config = receiver::http_config(&integration.kind);
                let client_options = ClientOptions {
                    folder: &options.folder,
                    user_agent: &options.user_agent,
                    compression: true,
                };
                let client = HttpClient::new(&config, client_options).map_err(|source| NotifierError {
                    receiver: receiver.name.clone(),
                    integration: integration.label(),
                    source,
                })?;
                Ok(Ready {
                    integration: integration.clone(),
                    client,
                    token: KeptToken::default(),
                })
            });
            let integrations: Result<Vec<Ready>, NotifierError> = integrations.collect();
            ready.insert(receiver.name.clone(), integrations?);
        }
        Ok(Self {
            receivers: ready,
            templates,
            options,
        })
    }

    /// The templates that messages are made of.
    pub fn templates(&self) -> &Templates {
        &self.templates
    }

    /// The message as it would be sent. Without I/O.
    pub fn render(&self, notification: &Notification) -> Result<Rendered, SendError> {
        let ready = self.ready(notification)?;
        Ok(receiver::render_with(
            &ready.integration.kind,
            &self.rendering(notification),
        )?)
    }

    /// Sends a notification once, within its deadline.
    pub async fn notify(&self, notification: &Notification) -> Result<Delivery, SendError> {
        let ready = self.ready(notification)?;
        let kind = ready.integration.kind.name();
        telemetry::REQUESTS.with_label_values(&[kind]).inc();
        let began = Instant::now();
        let result = self.attempt(ready, notification, began).await;
        let seconds = began.elapsed().as_secs_f64();
        telemetry::LATENCY_SECONDS.with_label_values(&[kind]).observe(seconds);
        if result.is_err() {
            telemetry::REQUESTS_FAILED.with_label_values(&[kind]).inc();
        }
        result
    }

    /// Counts a notification that came to its end: sent, or given up with the last error.
    pub fn count_outcome(&self, notification: &Notification, error: Option<&SendError>) {
        let Ok(ready) = self.ready(notification) else { return };
        let kind = ready.integration.kind.name();
        telemetry::NOTIFICATIONS.with_label_values(&[kind]).inc();
        if let Some(error) = error {
            telemetry::NOTIFICATIONS_FAILED
                .with_label_values(&[kind, error.reason.as_str()])
                .inc();
        }
    }

    async fn attempt(&self, ready: &Ready, notification: &Notification, began: Instant) -> Result<Delivery, SendError> {
        let rendering = self.rendering(notification);
        let rendered = receiver::render_with(&ready.integration.kind, &rendering)?;
        let courier = Courier::new(
            &rendering,
            notification,
            &ready.client,
            &self.options.endpoints,
            &ready.token,
        );
        let kind = &ready.integration.kind;
        let own = receiver::timeout(kind);
        let left = left_until(notification.deadline_ms);
        let limit = own.map_or(left, |own| own.min(left));
        let sending = receiver::send(kind, &rendered.body, &courier);
        let sent = tokio::time::timeout(limit, sending).await.map_err(|_| {
            let name = kind.name();
            let text = match own.filter(|own| *own < left) {
                Some(own) => format!("configured {name} timeout reached ({own:?})"),
                None => "context deadline exceeded: the group's next tick comes before the receiver answers".to_owned(),
            };
            SendError::recoverable(text).with_reason(FailureReason::ContextDeadlineExceeded)
        })??;
        Ok(Delivery {
            receiver_data: sent.receiver_data,
            status: sent.status,
            rendered,
            duration: began.elapsed(),
        })
    }

    fn rendering<'a>(&'a self, notification: &Notification) -> Rendering<'a> {
        Rendering::new(&self.templates, notification, &self.options.external_url)
    }

    fn ready(&self, notification: &Notification) -> Result<&Ready, SendError> {
        let (name, position) = (&notification.receiver, notification.integration);
        let ready = self.receivers.get(name).and_then(|all| all.get(position));
        ready.ok_or_else(|| {
            SendError::lasting(format!(
                "the configuration has no integration {position} of receiver {name:?}"
            ))
        })
    }
}

/// The time that is left until a Unix time in milliseconds.
fn left_until(deadline_ms: i64) -> Duration {
    let now_ms = jiff::Timestamp::now().as_millisecond();
    Duration::from_millis(u64::try_from(deadline_ms - now_ms).unwrap_or(0))
}
