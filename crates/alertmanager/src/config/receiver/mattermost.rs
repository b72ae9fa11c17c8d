//! `mattermost_configs`: messages of Mattermost.

use serde::Serialize;
use skopos_config::strict::{Node, Result, Section, read_section};
use skopos_config::{HttpClientConfig, Secret};

use crate::config::fields::{Context, SecretPair, http_config, text_or};

/// Settings of Mattermost. Texts are templates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MattermostConfig {
    /// How to connect.
    pub http_config: HttpClientConfig,
    /// The incoming webhook. Either this or the file is set.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub webhook_url: Secret,
    /// The file with the incoming webhook.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub webhook_url_file: String,
    /// The channel or user.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub channel: String,
    /// Under which name.
    pub username: String,
    /// An image as the icon.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub icon_url: String,
    /// An emoji as the icon.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub icon_emoji: String,
    /// The first attachment.
    #[serde(flatten)]
    pub attachment: MattermostAttachment,
    /// Further attachments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<MattermostAttachment>,
    /// The type of the post.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub post_type: String,
    /// Further properties.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub props: Option<MattermostProps>,
    /// How urgent it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<MattermostPriority>,
}

/// An attachment. Texts are templates.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct MattermostAttachment {
    /// What is shown where attachments are not.
    pub fallback: String,
    /// The colour of the edge.
    pub color: String,
    /// The text above.
    pub pretext: String,
    /// The text.
    pub text: String,
    /// The author.
    pub author_name: String,
    /// Where the author leads.
    pub author_link: String,
    /// The image beside the author.
    pub author_icon: String,
    /// The title.
    pub title: String,
    /// Where the title leads.
    pub title_link: String,
    /// Fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<MattermostField>,
    /// A small image.
    pub thumb_url: String,
    /// The footer.
    pub footer: String,
    /// The image beside the footer.
    pub footer_icon: String,
    /// An image.
    pub image_url: String,
}

/// A field of an attachment. Texts are templates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MattermostField {
    /// The title.
    pub title: String,
    /// The value.
    pub value: String,
    /// Whether it may stand beside another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short: Option<bool>,
}

/// Further properties of a post.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct MattermostProps {
    /// The text of the side panel, a template.
    pub card: String,
}

/// How urgent a post is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct MattermostPriority {
    /// `standard`, `important` or `urgent`, a template.
    pub priority: String,
    /// Whether readers are asked to acknowledge.
    pub requested_ack: bool,
    /// Whether readers are notified until they acknowledge.
    pub persistent_notifications: bool,
}

/// What the first attachment says where nothing is set.
const DEFAULTS: AttachmentDefaults = AttachmentDefaults {
    fallback: "{{ template \"mattermost.default.fallback\" . }}",
    color: "{{ template \"mattermost.default.color\" . }}",
    text: "{{ template \"mattermost.default.text\" . }}",
    title: "{{ template \"mattermost.default.title\" . }}",
    title_link: "{{ template \"mattermost.default.titlelink\" . }}",
};

#[derive(Default)]
struct AttachmentDefaults {
    fallback: &'static str,
    color: &'static str,
    text: &'static str,
    title: &'static str,
    title_link: &'static str,
}

impl MattermostConfig {
    pub(super) fn read(section: &Section<'_>, context: &Context<'_>) -> Result<Self> {
        let global = context.global;
        let url = SecretPair::read_url(section, "webhook_url", "webhook_url_file")?
            .or(&global.mattermost_webhook_url, &global.mattermost_webhook_url_file);
        if url.is_empty() {
            section.refuse(
                section
                    .problem("missing webhook_url or webhook_url_file on mattermost_config")
                    .help("set one of them here, or mattermost_webhook_url in global"),
            );
        }
        let (webhook_url, webhook_url_file) = url.into_parts();
        Ok(Self {
            http_config: http_config(section, context)?,
            webhook_url,
            webhook_url_file,
            channel: section.text_or_empty("channel")?,
            username: text_or(section, "username", "{{ template \"mattermost.default.username\" . }}")?,
            icon_url: section.text_or_empty("icon_url")?,
            icon_emoji: section.text_or_empty("icon_emoji")?,
            attachment: MattermostAttachment::read(section, &DEFAULTS)?,
            attachments: section.list("attachments", |node| {
                read_section(node, "mattermost.MattermostAttachment", |section| {
                    MattermostAttachment::read(section, &AttachmentDefaults::default())
                })
            })?,
            post_type: section.text_or_empty("type")?,
            props: section.section("props", "mattermost.MattermostProps", |section| {
                Ok(MattermostProps {
                    card: section.text_or_empty("card")?,
                })
            })?,
            priority: section.section("priority", "mattermost.MattermostPriority", MattermostPriority::read)?,
        })
    }
}

impl MattermostAttachment {
    fn read(section: &Section<'_>, defaults: &AttachmentDefaults) -> Result<Self> {
        Ok(Self {
            fallback: text_or(section, "fallback", defaults.fallback)?,
            color: text_or(section, "color", defaults.color)?,
            pretext: section.text_or_empty("pretext")?,
            text: text_or(section, "text", defaults.text)?,
            author_name: section.text_or_empty("author_name")?,
            author_link: section.text_or_empty("author_link")?,
            author_icon: section.text_or_empty("author_icon")?,
            title: text_or(section, "title", defaults.title)?,
            title_link: text_or(section, "title_link", defaults.title_link)?,
            fields: section.list("fields", MattermostField::read)?,
            thumb_url: section.text_or_empty("thumb_url")?,
            footer: section.text_or_empty("footer")?,
            footer_icon: section.text_or_empty("footer_icon")?,
            image_url: section.text_or_empty("image_url")?,
        })
    }
}

impl MattermostField {
    fn read(node: &Node) -> Result<Self> {
        read_section(node, "mattermost.plain", |section| {
            let required = |key: &'static str| {
                let text = section.text_or_empty(key)?;
                if text.is_empty() {
                    section.refuse(section.problem_at(key, format!("missing {key} in Mattermost field configuration")));
                }
                Ok(text)
            };
            Ok(Self {
                title: required("title")?,
                value: required("value")?,
                short: section.flag("short")?,
            })
        })
    }
}

impl MattermostPriority {
    fn read(section: &Section<'_>) -> Result<Self> {
        Ok(Self {
            priority: section.text_or_empty("priority")?,
            requested_ack: section.flag_or("requested_ack", false)?,
            persistent_notifications: section.flag_or("persistent_notifications", false)?,
        })
    }
}
