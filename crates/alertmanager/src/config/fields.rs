//! Reading of the kinds of values that several sections share: URLs, secrets with a file beside
//! them, addresses, Go's durations.

use std::cell::RefCell;
use std::time::Duration;

use skopos_config::strict::{Problem, Result, Section};
use skopos_config::{HttpClientConfig, Position, Secret};

use super::{GlobalConfig, Release, Warning};
use crate::matcher::ParserMode;

/// What stands in place of a secret in a configuration that was shown.
const HIDDEN: &str = "<secret>";

/// What the readers of sections need besides the section.
pub(super) struct Context<'a> {
    pub(super) mode: ParserMode,
    pub(super) release: Release,
    pub(super) global: &'a GlobalConfig,
    pub(super) warnings: RefCell<Vec<Warning>>,
}

impl Context<'_> {
    pub(super) fn warn(&self, position: Position, message: impl Into<String>) {
        self.warnings.borrow_mut().push(Warning {
            position: Some(position),
            message: message.into(),
        });
    }

    /// Whether `name` may name a label.
    pub(super) fn is_label_name(&self, name: &str) -> bool {
        match self.mode {
            ParserMode::Classic => skopos_core::labels::is_legacy_label_name(name),
            ParserMode::Fallback | ParserMode::Utf8Strict => !name.is_empty(),
        }
    }
}

/// A text, or `default` where the key is absent.
pub(super) fn text_or(section: &Section<'_>, key: &'static str, default: &str) -> Result<String> {
    Ok(section.text(key)?.unwrap_or_else(|| default.to_owned()))
}

/// A text, or `inherited` where the key is absent or empty.
pub(super) fn text_or_inherited(section: &Section<'_>, key: &'static str, inherited: &str) -> Result<String> {
    let own = section.text_or_empty(key)?;
    Ok(if own.is_empty() { inherited.to_owned() } else { own })
}

/// A duration in Go's notation, or whole nanoseconds.
pub(super) fn go_duration(section: &Section<'_>, key: &'static str) -> Result<Option<Duration>> {
    let Some(text) = section.text(key)? else {
        return Ok(None);
    };
    parse_go_duration(&text).map(Some).ok_or_else(|| {
        section
            .problem_at(key, format!("time: invalid duration {text:?}"))
            .help(format!("{key} takes a duration such as 30s, 1h30m or 1.5s"))
    })
}

/// Go's `time.ParseDuration` without negative values; digits alone are nanoseconds, as YAML
/// readers of Go take them.
pub(super) fn parse_go_duration(text: &str) -> Option<Duration> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_nanos);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut nanos = 0f64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let after = &rest[digits..];
        let end = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let unit = match &after[..end] {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        nanos += number * unit;
        rest = &after[end..];
    }
    (nanos <= i64::MAX as f64).then(|| Duration::from_nanos(nanos.round() as u64))
}

/// `host:port`; empty where absent.
pub(super) fn host_port(section: &Section<'_>, key: &'static str) -> Result<String> {
    let text = section.text_or_empty(key)?;
    if text.is_empty() {
        return Ok(text);
    }
    let refuse = |message: String| {
        Err(section
            .problem_at(key, message)
            .help("write host:port, an IPv6 address in brackets"))
    };
    let Some((host, port)) = text.rsplit_once(':') else {
        return refuse(format!("address {text}: missing port in address"));
    };
    let is_bracketed = host.starts_with('[') && host.ends_with(']');
    if text.starts_with('[') && text.ends_with(']') {
        return refuse(format!("address {text}: missing port in address"));
    }
    if host.contains(':') && !is_bracketed {
        return refuse(format!("address {text}: too many colons in address"));
    }
    if port.is_empty() {
        return refuse(format!("address {text:?}: port cannot be empty"));
    }
    Ok(text)
}

/// The URL under `key`.
pub(super) fn url(section: &Section<'_>, key: &'static str) -> Result<Option<String>> {
    let Some(text) = section.text(key)? else {
        return Ok(None);
    };
    check_url(&text).map_err(|message| bad_url(section, key, message))?;
    Ok(Some(text))
}

/// The URL under `key`, or `default` where there is none.
pub(super) fn url_or(section: &Section<'_>, key: &'static str, default: &str) -> Result<String> {
    Ok(url(section, key)?.unwrap_or_else(|| default.to_owned()))
}

/// A URL that is not shown.
pub(super) fn secret_url(section: &Section<'_>, key: &'static str) -> Result<Secret> {
    let Some(text) = section.text(key)? else {
        return Ok(Secret::default());
    };
    if text != HIDDEN {
        check_url(&text).map_err(|message| bad_url(section, key, message))?;
    }
    Ok(Secret::new(text))
}

/// A URL that is not shown and may be a template, whose URL is only known when it is sent.
pub(super) fn secret_template_url(section: &Section<'_>, key: &'static str) -> Result<Secret> {
    match section.text(key)? {
        Some(text) if text.contains("{{") => Ok(Secret::new(text)),
        _ => secret_url(section, key),
    }
}

fn bad_url(section: &Section<'_>, key: &'static str, message: String) -> Problem {
    section
        .problem_at(key, message)
        .help(format!("{key} takes a URL such as https://example.org/path"))
}

fn check_url(text: &str) -> std::result::Result<(), String> {
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    let scheme = if is_scheme { scheme } else { "" };
    if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
        return Err(format!("unsupported scheme {scheme:?} for URL"));
    }
    let authority = text[scheme.len() + 1..].strip_prefix("//").unwrap_or_default();
    if authority.is_empty() || authority.starts_with(['/', '?', '#']) {
        return Err("missing host for URL".to_owned());
    }
    // The text itself may hold a secret, so the reason names none of it.
    url::Url::parse(text)
        .map(|_| ())
        .map_err(|error| format!("invalid URL: {error}"))
}

/// Ends the path of a URL with a slash.
pub(super) fn with_trailing_slash(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let (path, rest) = url.split_at(end);
    if path.ends_with('/') {
        return url.to_owned();
    }
    format!("{path}/{rest}")
}

/// A secret that is either inline or in a file.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct SecretPair {
    secret: Secret,
    file: String,
}

impl SecretPair {
    /// Reads both keys; only one may be set.
    pub(super) fn read(section: &Section<'_>, key: &'static str, file_key: &'static str) -> Result<Self> {
        Self::exclusive(section, key, file_key, section.secret(key)?)
    }

    /// The same for a secret that is a URL.
    pub(super) fn read_url(section: &Section<'_>, key: &'static str, file_key: &'static str) -> Result<Self> {
        Self::exclusive(section, key, file_key, secret_url(section, key)?)
    }

    /// The same for a secret that may be the template of a URL.
    pub(super) fn read_template_url(section: &Section<'_>, key: &'static str, file_key: &'static str) -> Result<Self> {
        Self::exclusive(section, key, file_key, secret_template_url(section, key)?)
    }

    fn exclusive(section: &Section<'_>, key: &'static str, file_key: &'static str, secret: Secret) -> Result<Self> {
        let file = section.text_or_empty(file_key)?;
        if !secret.is_empty() && !file.is_empty() {
            section.refuse(
                section
                    .problem_at(
                        file_key,
                        format!("at most one of {key} & {file_key} must be configured"),
                    )
                    .help("keep the one that holds"),
            );
        }
        Ok(Self { secret, file })
    }

    /// This pair, or the inherited one where nothing is set.
    pub(super) fn or(self, secret: &Secret, file: &str) -> Self {
        if self.is_empty() {
            return Self {
                secret: secret.clone(),
                file: file.to_owned(),
            };
        }
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.secret.is_empty() && self.file.is_empty()
    }

    pub(super) fn has_secret(&self) -> bool {
        !self.secret.is_empty()
    }

    /// The inline secret, to compare it.
    pub(super) fn inline(&self) -> &str {
        self.secret.expose()
    }

    /// Whether the secret was hidden when the configuration was shown.
    pub(super) fn is_hidden(&self) -> bool {
        self.secret.expose() == HIDDEN
    }

    pub(super) fn into_parts(self) -> (Secret, String) {
        (self.secret, self.file)
    }
}

/// The section's own `http_config`.
pub(super) fn own_http_config(section: &Section<'_>) -> Result<Option<HttpClientConfig>> {
    section.section("http_config", "config.plain", HttpClientConfig::read)
}

/// The section's own `http_config`, or the global one as a whole.
pub(super) fn http_config(section: &Section<'_>, context: &Context<'_>) -> Result<HttpClientConfig> {
    Ok(own_http_config(section)?.unwrap_or_else(|| context.global.http_config.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations() {
        for (text, ms) in [
            ("10s", Some(10_000)),
            ("1.5h", Some(5_400_000)),
            ("1h2m3s", Some(3_723_000)),
            ("5000000", Some(5)),
            ("1d", None),
            ("", None),
            ("s", None),
            ("-1s", None),
        ] {
            assert_eq!(parse_go_duration(text), ms.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn urls() {
        assert_eq!(check_url("http://a/"), Ok(()));
        assert_eq!(
            check_url("ftp://a/"),
            Err("unsupported scheme \"ftp\" for URL".to_owned())
        );
        assert_eq!(check_url("a"), Err("unsupported scheme \"\" for URL".to_owned()));
        assert_eq!(check_url("http:///x"), Err("missing host for URL".to_owned()));
        assert_eq!(with_trailing_slash("http://a?x=1"), "http://a/?x=1");
    }
}
