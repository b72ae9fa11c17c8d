//! `email_configs`: mail in text and HTML.

mod message;
mod smtp;

use serde_json::{Map, Value as Json, json};
use skopos_alertmanager::config::receiver::{EmailConfig, ThreadByDate};

use super::{Sent, sent};
use crate::courier::Courier;
use crate::send_error::SendError;
use crate::template::{Rendering, TemplateError};

/// The subject where the settings have none.
const SUBJECT: &str = "{{ template \"email.default.subject\" . }}";
/// Characters of the group's hash in the id of a thread.
const THREAD_KEY_LENGTH: usize = 16;

/// Addresses, headers and bodies.
pub(super) fn render(config: &EmailConfig, rendering: &Rendering<'_>) -> Result<Json, TemplateError> {
    let from = rendering.text("from", &config.from)?;
    let to = rendering.text("to", &config.to)?;
    let mut headers = Map::new();
    for (name, template) in &config.headers {
        let value = rendering.text(&format!("headers.{name}"), template)?;
        headers.insert(name.clone(), value.into());
    }
    if !headers.contains_key("Subject") {
        headers.insert("Subject".to_owned(), rendering.text("headers.Subject", SUBJECT)?.into());
    }
    headers.entry("To").or_insert_with(|| to.as_str().into());
    headers.entry("From").or_insert_with(|| from.as_str().into());
    if config.threading.enabled {
        let root = thread_root(config, rendering);
        headers.insert("References".to_owned(), root.as_str().into());
        headers.insert("In-Reply-To".to_owned(), root.into());
    }
    let mut body = json!({ "from": from, "to": to, "headers": headers });
    if !config.text.is_empty() {
        body["text"] = rendering.text("text", &config.text)?.into();
    }
    if !config.html.is_empty() {
        body["html"] = rendering.html("html", &config.html)?.into();
    }
    Ok(body)
}

/// The id of a mail that never existed, to which all mails of the group answer: readers show them
/// as one thread.
fn thread_root(config: &EmailConfig, rendering: &Rendering<'_>) -> String {
    let key = rendering.key_hash();
    let key = &key[..THREAD_KEY_LENGTH];
    let day = match config.threading.thread_by_date {
        Some(ThreadByDate::Daily) => {
            let at = jiff::Timestamp::from_millisecond(rendering.now_ms()).unwrap_or_default();
            at.strftime("%Y-%m-%d").to_string()
        }
        Some(ThreadByDate::None) | None => String::new(),
    };
    format!("<alert-{key}-{day}@alertmanager>")
}

pub(super) async fn send(config: &EmailConfig, body: &Json, courier: &Courier<'_>) -> Result<Sent, SendError> {
    let mail = message::compose(body)?;
    let status = smtp::deliver(config, courier, &mail).await?;
    Ok(sent(status))
}
