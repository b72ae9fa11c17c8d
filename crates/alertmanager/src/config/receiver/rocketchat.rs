//! `rocketchat_configs`: messages of Rocket.Chat.

use serde::Serialize;
use skopos_config::strict::{Node, Result, Section, read_section};
use skopos_config::{HttpClientConfig, Secret};

use crate::config::fields::{Context, SecretPair, http_config, text_or, url_or};

/// Settings of Rocket.Chat. Texts are templates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RocketchatConfig {
    /// How to connect.
    pub http_config: HttpClientConfig,
    /// Rocket.Chat's API.
    pub api_url: String,
    /// The token's id.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub token_id: Secret,
    /// The file with the token's id.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub token_id_file: String,
    /// The token.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub token: Secret,
    /// The file with the token.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub token_file: String,
    /// The channel or user.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub channel: String,
    /// The colour of the attachment's edge.
    pub color: String,
    /// The title.
    pub title: String,
    /// Where the title leads.
    pub title_link: String,
    /// The text.
    pub text: String,
    /// Fields of the attachment.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<RocketchatField>,
    /// Whether fields are short where they do not say it.
    pub short_fields: bool,
    /// An emoji as the icon.
    pub emoji: String,
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
    /// Buttons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<RocketchatAction>,
}

/// A field of an attachment. Texts are templates.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct RocketchatField {
    /// Whether it may stand beside another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short: Option<bool>,
    /// The title.
    pub title: String,
    /// The value.
    pub value: String,
}

/// A button. Texts are templates. The keys have no underscores: Alertmanager's reader derives them
/// from its own field names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct RocketchatAction {
    /// The type, `button`.
    #[serde(rename = "type")]
    pub action_type: String,
    /// What it says.
    pub text: String,
    /// Where it leads.
    pub url: String,
    /// An image on it.
    #[serde(rename = "imageurl")]
    pub image_url: String,
    /// Whether the link opens inside.
    #[serde(rename = "iswebview")]
    pub is_webview: bool,
    /// How high it opens.
    #[serde(rename = "webviewheightratio")]
    pub webview_height_ratio: String,
    /// What it sends.
    pub msg: String,
    /// Whether that is sent in the chat's window.
    #[serde(rename = "msginchatwindow")]
    pub msg_in_chat_window: bool,
    /// How that is sent.
    #[serde(rename = "msgprocessingtype")]
    pub msg_processing_type: String,
}

impl RocketchatConfig {
    pub(super) fn read(section: &Section<'_>, context: &Context<'_>) -> Result<Self> {
        let global = context.global;
        let token = SecretPair::read(section, "token", "token_file")?;
        let token_id = SecretPair::read(section, "token_id", "token_id_file")?
            .or(&global.rocketchat_token_id, &global.rocketchat_token_id_file);
        if token_id.is_empty() {
            section.refuse(
                section
                    .problem("no global Rocketchat TokenID set either inline or in a file")
                    .help("set token_id or token_id_file here, or rocketchat_token_id in global"),
            );
        }
        let token = token.or(&global.rocketchat_token, &global.rocketchat_token_file);
        if token.is_empty() {
            section.refuse(
                section
                    .problem("no global Rocketchat Token set either inline or in a file")
                    .help("set token or token_file here, or rocketchat_token in global"),
            );
        }
        let (token_id, token_id_file) = token_id.into_parts();
        let (token, token_file) = token.into_parts();
        let or_template = |key: &'static str, name: &str| {
            text_or(
                section,
                key,
                &format!("{{{{ template \"rocketchat.default.{name}\" . }}}}"),
            )
        };
        Ok(Self {
            http_config: http_config(section, context)?,
            api_url: url_or(section, "api_url", &global.rocketchat_api_url)?,
            token_id,
            token_id_file,
            token,
            token_file,
            channel: section.text_or_empty("channel")?,
            color: text_or(
                section,
                "color",
                "{{ if eq .Status \"firing\" }}red{{ else }}green{{ end }}",
            )?,
            title: or_template("title", "title")?,
            title_link: or_template("title_link", "titlelink")?,
            text: or_template("text", "text")?,
            fields: section.list("fields", RocketchatField::read)?,
            short_fields: section.flag_or("short_fields", false)?,
            emoji: or_template("emoji", "emoji")?,
            icon_url: or_template("icon_url", "iconurl")?,
            image_url: section.text_or_empty("image_url")?,
            thumb_url: section.text_or_empty("thumb_url")?,
            link_names: section.flag_or("link_names", false)?,
            actions: section.list("actions", RocketchatAction::read)?,
        })
    }
}

impl RocketchatField {
    fn read(node: &Node) -> Result<Self> {
        read_section(node, "config.RocketchatAttachmentField", |section| {
            Ok(Self {
                short: section.flag("short")?,
                title: section.text_or_empty("title")?,
                value: section.text_or_empty("value")?,
            })
        })
    }
}

impl RocketchatAction {
    fn read(node: &Node) -> Result<Self> {
        read_section(node, "config.RocketchatAttachmentAction", |section| {
            Ok(Self {
                action_type: section.text_or_empty("type")?,
                text: section.text_or_empty("text")?,
                url: section.text_or_empty("url")?,
                image_url: section.text_or_empty("imageurl")?,
                is_webview: section.flag_or("iswebview", false)?,
                webview_height_ratio: section.text_or_empty("webviewheightratio")?,
                msg: section.text_or_empty("msg")?,
                msg_in_chat_window: section.flag_or("msginchatwindow", false)?,
                msg_processing_type: section.text_or_empty("msgprocessingtype")?,
            })
        })
    }
}
