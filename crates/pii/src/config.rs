//! What is asked for: rules with selectors, or the few switches of a project that stand for them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::rule::{Redaction, RuleSpec, RuleType};

/// A configuration of rules (docs.sentry.io, "Advanced data scrubbing").
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PiiConfig {
    /// Rules by name. Built-in rules begin with `@`.
    #[serde(default)]
    pub rules: BTreeMap<String, RuleSpec>,
    /// For each selector, the names of the rules that apply.
    #[serde(default)]
    pub applications: BTreeMap<String, Vec<String>>,
}

/// The switches of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DataScrubbing {
    /// Whether anything beyond addresses is scrubbed.
    pub scrub_data: bool,
    /// Whether IP addresses are.
    pub scrub_ip_addresses: bool,
    /// Whether the default rules apply.
    pub scrub_defaults: bool,
    /// Parts of further keys whose values go.
    pub sensitive_fields: Vec<String>,
    /// Keys or selectors whose values stay.
    pub exclude_fields: Vec<String>,
}

impl Default for DataScrubbing {
    fn default() -> Self {
        Self {
            scrub_data: true,
            scrub_ip_addresses: true,
            scrub_defaults: true,
            sensitive_fields: Vec::new(),
            exclude_fields: Vec::new(),
        }
    }
}

/// What the default rules look at.
const SCRUBBED: &str = "($string || $number || $array || $object)";
/// What they leave alone: the texts by which errors are told apart, and what names programs rather than people.
const LEFT_ALONE: &str = "(debug_meta.** || $frame.filename || $frame.abs_path || $logentry.formatted || $error.value \
     || $http.headers.'user-agent')";
/// Where clients put the address of who asks.
const ADDRESSES: &str = "$http.env.REMOTE_ADDR || $user.ip_address || $sdk.client_ip";
/// Cookies that are as good as a password.
const COOKIES: &[&str] = &[
    "sentrysid",
    "sudo",
    "su",
    "session",
    "__session",
    "sessionid",
    "session_id",
    "user_session",
    "symfony",
    "phpsessid",
    "fasthttpsessionid",
    "mysession",
    "irissessionid",
    "jsessionid",
    "connect.sid",
    "csrf",
    "xsrf",
];

impl DataScrubbing {
    /// The rules that the switches stand for.
    #[must_use]
    pub fn to_config(&self) -> PiiConfig {
        let mut config = PiiConfig::default();
        let mut general = Vec::new();
        if self.scrub_data && self.scrub_defaults {
            general.push("@common:filter".to_owned());
            let cookies = COOKIES.iter().map(|name| format!("$http.cookies.'{name}'"));
            let cookies = cookies.collect::<Vec<_>>().join(" || ");
            let selector = self.without_excluded(&format!("({cookies})"));
            config
                .applications
                .insert(selector, vec!["@anything:filter".to_owned()]);
        }
        if self.scrub_ip_addresses {
            general.push("@ip:replace".to_owned());
            config
                .applications
                .insert(ADDRESSES.to_owned(), vec!["@anything:remove".to_owned()]);
        }
        let fields: Vec<String> = self
            .sensitive_fields
            .iter()
            .map(|field| field.trim())
            .filter(|field| !field.is_empty())
            .map(regex::escape)
            .collect();
        if self.scrub_data && !fields.is_empty() {
            general.push("strip-fields".to_owned());
            let rule = RuleSpec {
                kind: RuleType::RedactPair {
                    key_pattern: fields.join("|"),
                },
                redaction: Redaction::Replace {
                    text: "[Filtered]".to_owned(),
                },
            };
            config.rules.insert("strip-fields".to_owned(), rule);
        }
        if !general.is_empty() {
            let selector = self.without_excluded(&format!("{SCRUBBED} && !{LEFT_ALONE}"));
            config.applications.insert(selector, general);
        }
        config
    }

    fn without_excluded(&self, selector: &str) -> String {
        let fields = self.exclude_fields.iter().map(|field| field.trim());
        fields
            .filter(|field| !field.is_empty())
            .fold(selector.to_owned(), |selector, field| {
                format!("{selector} && !({})", excluded(field))
            })
    }
}

/// A field may be a selector; a key of it may lie anywhere. What is no selector is a key.
fn excluded(field: &str) -> String {
    if crate::Selector::parse(field).is_err() {
        return format!("**.'{}'", field.replace('\'', "''"));
    }
    if field.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '\'')) {
        format!("**.{field}")
    } else {
        field.to_owned()
    }
}
