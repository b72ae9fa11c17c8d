//! `email_configs`: mail over SMTP.

use std::collections::BTreeMap;

use serde::Serialize;
use skopos_config::strict::{Result, Section};
use skopos_config::{Secret, TlsConfig};

use crate::config::fields::{Context, SecretPair, host_port, text_or, text_or_inherited};

/// Settings of mail.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EmailConfig {
    /// The addressees, a template that gives a comma-separated list.
    pub to: String,
    /// The sender, a template.
    pub from: String,
    /// The name given in HELO.
    pub hello: String,
    /// The SMTP server, `host:port`.
    pub smarthost: String,
    /// The user of CRAM-MD5, PLAIN and LOGIN.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub auth_username: String,
    /// The password of PLAIN and LOGIN.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub auth_password: Secret,
    /// The file with the password.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub auth_password_file: String,
    /// The secret of CRAM-MD5.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub auth_secret: Secret,
    /// The file with the secret.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub auth_secret_file: String,
    /// The identity of PLAIN.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub auth_identity: String,
    /// Headers by their canonical name; values are templates.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The HTML body, a template; empty for none.
    pub html: String,
    /// The text body, a template; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Whether mail is sent over TLS only.
    pub require_tls: bool,
    /// TLS settings.
    pub tls_config: TlsConfig,
    /// Whether TLS begins with the connection; by the port (465) where not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force_implicit_tls: Option<bool>,
    /// How mails of one group are tied together.
    #[serde(skip_serializing_if = "ThreadingConfig::is_default")]
    pub threading: ThreadingConfig,
}

/// How mails of one group are tied together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ThreadingConfig {
    /// Whether they are.
    pub enabled: bool,
    /// When a new thread begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_by_date: Option<ThreadByDate>,
}

/// When a new thread of mails begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ThreadByDate {
    /// Never.
    None,
    /// Each day.
    Daily,
}

impl ThreadingConfig {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    fn read(section: &Section<'_>) -> Result<Self> {
        let enabled = section.flag_or("enabled", false)?;
        let thread_by_date = match section.text_or_empty("thread_by_date")?.as_str() {
            "none" => Some(ThreadByDate::None),
            "daily" => Some(ThreadByDate::Daily),
            _ if enabled => {
                let message = "threading.thread_by_date must be either 'none' or 'daily'";
                section.refuse(section.problem_at("thread_by_date", message));
                None
            }
            _ => None,
        };
        Ok(Self {
            enabled,
            thread_by_date,
        })
    }
}

impl EmailConfig {
    pub(super) fn read(section: &Section<'_>, context: &Context<'_>) -> Result<Self> {
        let global = context.global;
        let to = section.text_or_empty("to")?;
        if to.is_empty() {
            section.refuse(section.problem_at("to", "missing to address in email config"));
        }
        let headers = read_headers(section)?;
        let threading = read_threading(section, &headers)?;
        let own_smarthost = host_port(section, "smarthost")?;
        let smarthost = if own_smarthost.is_empty() {
            global.smtp_smarthost.clone()
        } else {
            own_smarthost
        };
        if smarthost.is_empty() {
            section.refuse(
                section
                    .problem("no global SMTP smarthost set")
                    .help("set smarthost here or smtp_smarthost in global"),
            );
        }
        let from = text_or_inherited(section, "from", &global.smtp_from)?;
        if from.is_empty() {
            section.refuse(
                section
                    .problem("no global SMTP from set")
                    .help("set from here or smtp_from in global"),
            );
        }
        let (auth_password, auth_password_file) = SecretPair::read(section, "auth_password", "auth_password_file")?
            .or(&global.smtp_auth_password, &global.smtp_auth_password_file)
            .into_parts();
        let (auth_secret, auth_secret_file) = SecretPair::read(section, "auth_secret", "auth_secret_file")?
            .or(&global.smtp_auth_secret, &global.smtp_auth_secret_file)
            .into_parts();
        Ok(Self {
            to,
            from,
            hello: text_or_inherited(section, "hello", &global.smtp_hello)?,
            smarthost,
            auth_username: text_or_inherited(section, "auth_username", &global.smtp_auth_username)?,
            auth_password,
            auth_password_file,
            auth_secret,
            auth_secret_file,
            auth_identity: text_or_inherited(section, "auth_identity", &global.smtp_auth_identity)?,
            headers,
            html: text_or(section, "html", "{{ template \"email.default.html\" . }}")?,
            text: section.text_or_empty("text")?,
            require_tls: section.flag_or("require_tls", global.smtp_require_tls)?,
            tls_config: section
                .section("tls_config", "config.plain", TlsConfig::read)?
                .unwrap_or_else(|| global.smtp_tls_config.clone()),
            force_implicit_tls: section.flag("force_implicit_tls")?.or(global.smtp_force_implicit_tls),
            threading,
        })
    }
}

fn read_headers(section: &Section<'_>) -> Result<BTreeMap<String, String>> {
    let mut headers = BTreeMap::new();
    for (name, value) in section.text_map("headers")? {
        let name = canonical_header(&name);
        if headers.insert(name.clone(), value).is_some() {
            section.refuse(section.problem_at("headers", format!("duplicate header {name:?} in email config")));
        }
    }
    Ok(headers)
}

fn read_threading(section: &Section<'_>, headers: &BTreeMap<String, String>) -> Result<ThreadingConfig> {
    let threading = section
        .section("threading", "config.ThreadingConfig", ThreadingConfig::read)?
        .unwrap_or_default();
    let conflict = ["References", "In-Reply-To"]
        .into_iter()
        .find(|name| threading.enabled && headers.contains_key(*name));
    if let Some(name) = conflict {
        let message = format!("conflicting configuration: threading.enabled conflicts with custom {name} header");
        section.refuse(section.problem_at("headers", message));
    }
    Ok(threading)
}

/// The name as Go's `textproto.CanonicalMIMEHeaderKey` writes it: each word begins with a capital.
/// A name with characters that no header has stays as it is.
fn canonical_header(name: &str) -> String {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if !name.chars().all(is_token) {
        return name.to_owned();
    }
    let mut begins = true;
    name.chars()
        .map(|c| {
            let canonical = if begins {
                c.to_ascii_uppercase()
            } else {
                c.to_ascii_lowercase()
            };
            begins = c == '-';
            canonical
        })
        .collect()
}
