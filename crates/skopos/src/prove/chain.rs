//! The way from a proven alert to a person: routes, grouping, inhibition, and the message that the receiver would get.
//! Nothing is sent.

use anyhow::Context as _;
use serde_json::Value;
use skopos_alertmanager::silence::Silence;
use skopos_alertmanager::{Config, Notification};
use skopos_core::{Clock as _, SystemClock};
use skopos_notify::{Templates, render};
use skopos_prove::{Chain, Message, Prover, Report, Sandbox};

use crate::node::sources::alerting::{LoadedAlerting, LoadedPart};

/// Fields that hold what people read, the plainest first.
const TEXT_FIELDS: &[&str] = &["text", "message", "description", "body", "content", "summary", "html"];

/// Follows every proven alert to its receivers, as a server with this configuration would, past the silences that are
/// active now. Without any configuration nothing is followed.
pub(crate) fn follow(
    prover: &Prover,
    report: &mut Report,
    alerting: &LoadedAlerting,
    external_url: &str,
    silences: Vec<Silence>,
) -> anyhow::Result<()> {
    if alerting.parts.is_empty() {
        return Ok(());
    }
    let sandbox = Renderer::new(&alerting.parts, external_url)?;
    Chain::new(&alerting.config, &sandbox)
        .with_silences(silences, SystemClock.now_ms())
        .follow(prover, report);
    Ok(())
}

/// Renders notifications with the templates of the configuration that they come from.
#[derive(Debug)]
struct Renderer<'a> {
    parts: Vec<(&'a str, &'a Config, Templates)>,
    external_url: &'a str,
}

impl<'a> Renderer<'a> {
    fn new(parts: &'a [LoadedPart], external_url: &'a str) -> anyhow::Result<Self> {
        let mut ready = Vec::with_capacity(parts.len());
        for part in parts {
            let templates = Templates::load(&part.config.templates);
            let templates = templates.with_context(|| part.config.path.display().to_string())?;
            ready.push((part.prefix.as_str(), &part.config, templates));
        }
        Ok(Self {
            parts: ready,
            external_url,
        })
    }
}

impl Sandbox for Renderer<'_> {
    fn receive(&self, notification: &Notification) -> Result<Message, String> {
        let found = self.parts.iter().find_map(|(prefix, config, templates)| {
            let name = notification.receiver.strip_prefix(prefix)?;
            let integration = config.receiver(name)?.integrations.get(notification.integration)?;
            Some((name, integration, templates))
        });
        let (name, integration, templates) =
            found.ok_or_else(|| format!("there is no receiver {:?}", notification.receiver))?;
        let own = Notification {
            receiver: name.to_owned(),
            ..notification.clone()
        };
        let rendered =
            render(&integration.kind, templates, &own, self.external_url).map_err(|error| error.to_string())?;
        Ok(Message {
            text: text_of(&rendered.body).unwrap_or(&rendered.summary).to_owned(),
            payload: format!("{:#}", rendered.body),
            title: rendered.summary,
        })
    }
}

/// What people read of a message.
fn text_of(body: &Value) -> Option<&str> {
    let members: Vec<&Value> = match body {
        Value::Object(object) => {
            let own = TEXT_FIELDS.iter().filter_map(|field| object.get(*field)?.as_str());
            if let Some(text) = own.into_iter().find(|text| !text.trim().is_empty()) {
                return Some(text);
            }
            object.values().collect()
        }
        Value::Array(list) => list.iter().collect(),
        _ => return None,
    };
    members.into_iter().find_map(text_of)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_text_of_a_message() {
        let slack = json!({"channel": "#a", "attachments": [{"color": "red", "text": "  "}, {"text": "down"}]});
        assert_eq!(text_of(&slack), Some("down"));
        let webhook = json!({"status": "firing", "alerts": [{"annotations": {"summary": "s", "description": "d"}}]});
        assert_eq!(text_of(&webhook), Some("d"));
        assert_eq!(text_of(&json!({"a": 1})), None);
    }
}
