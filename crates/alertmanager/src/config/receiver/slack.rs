//! `slack_configs`: messages of Slack, by an incoming webhook or as a bot.

use std::time::Duration;

use serde::Serialize;
use skopos_config::strict::{Node, Result, Section, read_section};
use skopos_config::{HttpClientConfig, Secret};

use crate::config::fields::{Context, SecretPair, go_duration, http_config, own_http_config, text_or, url_or};
use crate::config::show;

/// Settings of Slack. Texts are templates.
///
/// With a token, messages go to `app_url` as a bot; otherwise to the webhook.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SlackConfig {
    /// How to connect.
    pub http_config: HttpClientConfig,
    /// The incoming webhook.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub api_url: Secret,
    /// The file with the incoming webhook.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_url_file: String,
    /// The bot's token: the bearer token of requests to `app_url`.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub app_token: Secret,
    /// The file with the bot's token.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub app_token_file: String,
    /// Slack's API for bots; empty where there is no token.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub app_url: String,
    /// The channel or user.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub channel: String,
    /// Under which name.
    pub username: String,
    /// The colour of the attachment's edge.
    pub color: String,
    /// The title.
    pub title: String,
    /// Where the title leads.
    pub title_link: String,
    /// The text above the attachment.
    pub pretext: String,
    /// The attachment's text.
    pub text: String,
    /// The message's text, beside the attachment.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message_text: String,
    /// Fields of the attachment.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<SlackField>,
    /// Whether fields are short where they do not say it.
    pub short_fields: bool,
    /// The footer.
    pub footer: String,
    /// What is shown where attachments are not.
    pub fallback: String,
    /// The id of callbacks.
    pub callback_id: String,
    /// An emoji as the icon.
    pub icon_emoji: String,
    /// An image as the icon.
    pub icon_url: String,
    /// An image.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image_url: String,
    /// A small image.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub thumb_url: String,
    /// Whether names are linked.
    pub link_names: bool,
    /// Which parts are in Slack's markup; empty for the default.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mrkdwn_in: Vec<String>,
    /// Buttons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<SlackAction>,
    /// Whether the first message is updated in place of sending further ones.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub update_message: bool,
    /// How long a request may take; 0 for no limit of its own.
    #[serde(skip_serializing_if = "Duration::is_zero", serialize_with = "show::go_duration")]
    pub timeout: Duration,
}

/// A field of an attachment. Texts are templates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlackField {
    /// The title.
    pub title: String,
    /// The value.
    pub value: String,
    /// Whether it may stand beside another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short: Option<bool>,
}

/// A button. Texts are templates. It has either a URL or a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlackAction {
    /// The type, `button`.
    #[serde(rename = "type")]
    pub action_type: String,
    /// What it says.
    pub text: String,
    /// Where it leads.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// The style.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub style: String,
    /// The name of the message action.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The value of the message action.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// What is asked before it acts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm: Option<SlackConfirmation>,
}

/// What is asked before a button acts. Texts are templates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlackConfirmation {
    /// The question.
    pub text: String,
    /// The title.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// The button that acts.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ok_text: String,
    /// The button that does not.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub dismiss_text: String,
}

/// Slack's API for bots; only there can messages be updated.
const POST_MESSAGE_URL: &str = "https://slack.com/api/chat.postMessage";

/// The endpoint and the credentials of a configuration.
struct Access {
    app_url: String,
    url: SecretPair,
    token: SecretPair,
    update_message: bool,
}

impl Access {
    fn read(section: &Section<'_>, context: &Context<'_>) -> Result<Self> {
        let url = SecretPair::read_url(section, "api_url", "api_url_file")?;
        let token = SecretPair::read(section, "app_token", "app_token_file")?;
        if !url.is_empty() && !token.is_empty() {
            section.refuse(
                section
                    .problem("at most one of api_url/api_url_file & app_token/app_token_file must be configured")
                    .help("an incoming webhook needs no token, a bot no webhook"),
            );
        }
        let update_message = section.flag_or("update_message", false)?;
        if update_message && url.inline() != POST_MESSAGE_URL && !url.is_hidden() {
            section.refuse(section.problem_at(
                "update_message",
                "update_message can only be used with bot tokens. api_url must be set to https://slack.com/api/chat.postMessage",
            ));
        }
        let http_config = own_http_config(section)?;
        let has_authorization = http_config
            .as_ref()
            .is_some_and(|config| config.authorization.is_some());
        let global = context.global;
        let token = if has_authorization || url.has_secret() {
            token
        } else {
            token.or(&global.slack_app_token, &global.slack_app_token_file)
        };
        // The token decides where messages go, so a webhook would have no effect beside it.
        let url = if token.is_empty() {
            url.or(&global.slack_api_url, &global.slack_api_url_file)
        } else {
            SecretPair::default()
        };
        if url.is_empty() && token.is_empty() {
            section.refuse(
                section
                    .problem("no Slack API URL nor App token set either inline or in a file")
                    .help("set api_url or app_token here, or slack_api_url or slack_app_token in global"),
            );
        }
        let inherited = global.http_config.authorization.is_some() && http_config.is_none();
        if !token.is_empty() && (has_authorization || inherited) {
            section.refuse(section.problem("http authorization can't be set when using Slack App tokens"));
        }
        let app_url = url_or(section, "app_url", &global.slack_app_url)?;
        Ok(Self {
            app_url: if token.is_empty() { String::new() } else { app_url },
            url,
            token,
            update_message,
        })
    }
}

impl SlackConfig {
    pub(super) fn read(section: &Section<'_>, context: &Context<'_>) -> Result<Self> {
        let access = Access::read(section, context)?;
        let (api_url, api_url_file) = access.url.into_parts();
        let (app_token, app_token_file) = access.token.into_parts();
        let or_template = |key: &'static str, name: &str| {
            text_or(section, key, &format!("{{{{ template \"slack.default.{name}\" . }}}}"))
        };
        Ok(Self {
            http_config: http_config(section, context)?,
            api_url,
            api_url_file,
            app_token,
            app_token_file,
            app_url: access.app_url,
            channel: section.text_or_empty("channel")?,
            username: or_template("username", "username")?,
            color: or_template("color", "color")?,
            title: or_template("title", "title")?,
            title_link: or_template("title_link", "titlelink")?,
            pretext: or_template("pretext", "pretext")?,
            text: or_template("text", "text")?,
            message_text: section.text_or_empty("message_text")?,
            fields: section.list("fields", SlackField::read)?,
            short_fields: section.flag_or("short_fields", false)?,
            footer: or_template("footer", "footer")?,
            fallback: or_template("fallback", "fallback")?,
            callback_id: or_template("callback_id", "callbackid")?,
            icon_emoji: or_template("icon_emoji", "iconemoji")?,
            icon_url: or_template("icon_url", "iconurl")?,
            image_url: section.text_or_empty("image_url")?,
            thumb_url: section.text_or_empty("thumb_url")?,
            link_names: section.flag_or("link_names", false)?,
            mrkdwn_in: section.texts("mrkdwn_in")?,
            actions: section.list("actions", SlackAction::read)?,
            update_message: access.update_message,
            timeout: go_duration(section, "timeout")?.unwrap_or_default(),
        })
    }
}

/// A text that must be there.
fn required(section: &Section<'_>, key: &'static str, of: &str) -> Result<String> {
    let text = section.text_or_empty(key)?;
    if text.is_empty() {
        section.refuse(section.problem_at(key, format!("missing {key} in Slack {of} configuration")));
    }
    Ok(text)
}

impl SlackField {
    fn read(node: &Node) -> Result<Self> {
        read_section(node, "config.plain", |section| {
            Ok(Self {
                title: required(section, "title", "field")?,
                value: required(section, "value", "field")?,
                short: section.flag("short")?,
            })
        })
    }
}

impl SlackAction {
    fn read(node: &Node) -> Result<Self> {
        read_section(node, "config.plain", |section| {
            let mut action = Self {
                action_type: required(section, "type", "action")?,
                text: required(section, "text", "action")?,
                url: section.text_or_empty("url")?,
                style: section.text_or_empty("style")?,
                name: section.text_or_empty("name")?,
                value: section.text_or_empty("value")?,
                confirm: section.section("confirm", "config.plain", SlackConfirmation::read)?,
            };
            if action.url.is_empty() && action.name.is_empty() {
                section.refuse(section.problem("missing name or url in Slack action configuration"));
            }
            if !action.url.is_empty() {
                // A link has none of the parts of a message action.
                action.name.clear();
                action.value.clear();
                action.confirm = None;
            }
            Ok(action)
        })
    }
}

impl SlackConfirmation {
    fn read(section: &Section<'_>) -> Result<Self> {
        Ok(Self {
            text: required(section, "text", "confirmation")?,
            title: section.text_or_empty("title")?,
            ok_text: section.text_or_empty("ok_text")?,
            dismiss_text: section.text_or_empty("dismiss_text")?,
        })
    }
}
