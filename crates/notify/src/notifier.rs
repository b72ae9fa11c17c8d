//! The front: a notification in, one sending, its outcome out.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use skopos_alertmanager::Notification;
use skopos_alertmanager::config::{Config, Integration, Receiver};
use skopos_http_client::{ClientOptions, HttpClient, HttpClientError};

use crate::courier::{Courier, KeptToken};
use crate::receiver::{self, Endpoints, Rendered, Sent};
use crate::send_error::{FailureReason, SendError};
use crate::template::{Rendering, TemplateError, Templates};

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

/// Receivers that cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub enum NotifierError {
    /// The templates of the configuration.
    #[error(transparent)]
    Templates(#[from] TemplateError),
    /// The `http_config` of an integration.
    #[error("receiver {receiver:?}, {integration}: http_config: {source}")]
    Client {
        /// The receiver.
        receiver: String,
        /// The integration, such as `slack[0]`.
        integration: String,
        /// Why.
        source: HttpClientError,
    },
}

/// A notification that was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// What the integration wants to know when it sends the group's next notification.
    pub receiver_data: Vec<(String, String)>,
    /// The status of the last answer, of HTTP or SMTP.
    pub status: u16,
    /// The message in a line.
    pub summary: String,
    /// What was sent, without secrets, as JSON.
    pub payload: String,
    /// The media type in which it was sent.
    pub content_type: String,
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
    /// Makes the receivers of a configuration ready: reads its templates and certificates.
    pub fn new(config: &Config, external_url: &str) -> Result<Self, NotifierError> {
        let options = NotifierOptions {
            external_url: external_url.to_owned(),
            folder: config.folder().to_owned(),
            ..NotifierOptions::default()
        };
        Self::with_options(&config.receivers, Templates::load(&config.templates)?, options)
    }

    /// Makes receivers ready with these templates.
    pub fn with_options(
        receivers: &[Receiver],
        templates: Templates,
        options: NotifierOptions,
    ) -> Result<Self, NotifierError> {
        let mut ready = HashMap::with_capacity(receivers.len());
        for receiver in receivers {
            let integrations = receiver.integrations.iter().map(|integration| {
                let config = receiver::http_config(&integration.kind);
                let client_options = ClientOptions {
                    folder: &options.folder,
                    user_agent: &options.user_agent,
                    compression: true,
                };
                let client = HttpClient::new(&config, client_options).map_err(|source| NotifierError::Client {
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
        let rendering = self.rendering(notification);
        let rendered = receiver::render_with(&ready.integration.kind, &rendering)?;
        let payload = rendered.body.to_string();
        let content_type = receiver::content_type(&ready.integration.kind).to_owned();
        let began = Instant::now();
        match self.attempt(ready, notification, &rendering, &rendered).await {
            Ok(sent) => Ok(Delivery {
                receiver_data: sent.receiver_data,
                status: sent.status,
                summary: rendered.summary,
                payload,
                content_type,
                duration: began.elapsed(),
            }),
            Err(error) => Err(SendError {
                payload,
                content_type,
                ..error
            }),
        }
    }

    async fn attempt(
        &self,
        ready: &Ready,
        notification: &Notification,
        rendering: &Rendering<'_>,
        rendered: &Rendered,
    ) -> Result<Sent, SendError> {
        let endpoints = &self.options.endpoints;
        let courier = Courier::new(rendering, notification, &ready.client, endpoints, &ready.token);
        let kind = &ready.integration.kind;
        let own = receiver::timeout(kind);
        let left = left_until(notification.deadline_ms);
        let limit = own.map_or(left, |own| own.min(left));
        let sending = receiver::send(kind, &rendered.body, &courier);
        tokio::time::timeout(limit, sending).await.map_err(|_| {
            let name = kind.name();
            let text = match own.filter(|own| *own < left) {
                Some(own) => format!("configured {name} timeout reached ({own:?})"),
                None => "context deadline exceeded: the group's next tick comes before the receiver answers".to_owned(),
            };
            SendError::recoverable(text).with_reason(FailureReason::ContextDeadlineExceeded)
        })?
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
