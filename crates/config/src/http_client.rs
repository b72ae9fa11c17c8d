//! How to connect to others over HTTP: credentials, TLS, proxy, headers.

mod jwt_bearer;
mod oauth2;
mod proxy;
mod tls;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

pub use self::jwt_bearer::{GrantType, JwtBearer, SignatureAlgorithm};
pub use self::oauth2::OAuth2;
pub use self::proxy::ProxyConfig;
pub(crate) use self::tls::read_tls;
pub use self::tls::{TlsConfig, TlsVersion};

use crate::error::{ConfigError, Problem, Result};
use crate::secret::Secret;
use crate::section::{Section, read_section, text};
use crate::yaml::{Node, parse};

/// HTTP client settings, inlined in the section of whoever connects.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HttpClientConfig {
    /// User and password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basic_auth: Option<BasicAuth>,
    /// The `Authorization` header; `bearer_token` and `bearer_token_file` become this too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Authorization>,
    /// OAuth 2.0 client credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oauth2: Option<OAuth2>,
    /// TLS settings.
    #[serde(skip_serializing_if = "TlsConfig::is_default")]
    pub tls_config: TlsConfig,
    /// Whether to follow redirects.
    pub follow_redirects: bool,
    /// Whether HTTP/2 may be used.
    pub enable_http2: bool,
    /// The proxy.
    #[serde(flatten)]
    pub proxy: ProxyConfig,
    /// Further headers of each request.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub http_headers: BTreeMap<String, HeaderValues>,
}

impl Default for HttpClientConfig {
    fn default() -> Self {
        Self {
            basic_auth: None,
            authorization: None,
            oauth2: None,
            tls_config: TlsConfig::default(),
            follow_redirects: true,
            enable_http2: true,
            proxy: ProxyConfig::default(),
            http_headers: BTreeMap::new(),
        }
    }
}

/// User and password.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct BasicAuth {
    /// The user.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub username: String,
    /// The file that holds the user.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub username_file: String,
    /// The password.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub password: Secret,
    /// The file that holds the password.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub password_file: String,
}

/// The `Authorization` header.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Authorization {
    /// The scheme, `Bearer` by default.
    #[serde(rename = "type")]
    pub scheme: String,
    /// The credentials.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub credentials: Secret,
    /// The file that holds the credentials.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub credentials_file: String,
}

/// The values of one header, from three sources.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct HeaderValues {
    /// Values shown in the configuration.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Values hidden in the configuration.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Secret>,
    /// Files that hold values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

impl HttpClientConfig {
    /// Whether nothing is set.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Reads a file that holds these settings alone, as promtool's `--http.config.file` does.
    pub fn load(path: &Path) -> std::result::Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Problem::new(format!("failed to read the file: {error}")).in_file(path))?;
        parse(&text)
            .and_then(|node| read_section(&node, "config.HTTPClientConfig", Self::read))
            .map_err(|problem| problem.in_file(path))
    }

    /// Reads the settings out of the section that they are inlined in.
    pub fn read(section: &Section<'_>) -> Result<Self> {
        let bearer_token = section.secret("bearer_token")?;
        let bearer_token_file = section.text_or_empty("bearer_token_file")?;
        let mut config = Self {
            basic_auth: section.section("basic_auth", "config.plain", BasicAuth::read)?,
            authorization: section.section("authorization", "config.plain", Authorization::read)?,
            oauth2: section.section("oauth2", "config.plain", OAuth2::read)?,
            tls_config: read_tls(section)?,
            follow_redirects: section.flag_or("follow_redirects", true)?,
            enable_http2: section.flag_or("enable_http2", true)?,
            proxy: ProxyConfig::read(section)?,
            http_headers: HeaderValues::read_map(section, "http_headers")?,
        };
        config.check_credentials(section, &bearer_token, &bearer_token_file)?;
        if !bearer_token.is_empty() || !bearer_token_file.is_empty() {
            config.authorization = Some(Authorization {
                scheme: "Bearer".to_owned(),
                credentials: bearer_token,
                credentials_file: bearer_token_file,
            });
        }
        Ok(config)
    }

    /// Refuses a signature beside other credentials.
    pub(crate) fn refuse_beside_sigv4(&self, section: &Section<'_>, message: &str) -> Result<()> {
        let has_others = self.basic_auth.is_some() || self.authorization.is_some() || self.oauth2.is_some();
        if has_others && section.get("sigv4").is_some() {
            return Err(section.problem_at("sigv4", message.to_owned()));
        }
        Ok(())
    }

    fn check_credentials(&self, section: &Section<'_>, token: &Secret, token_file: &str) -> Result<()> {
        if !token.is_empty() && !token_file.is_empty() {
            return Err(section.problem_at(
                "bearer_token",
                "at most one of bearer_token & bearer_token_file must be configured",
            ));
        }
        let has_token = !token.is_empty() || !token_file.is_empty();
        if has_token && (self.basic_auth.is_some() || self.oauth2.is_some()) {
            return Err(section
                .problem("at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured")
                .help("keep the one that the other side expects"));
        }
        if has_token && self.authorization.is_some() {
            return Err(section.problem_at(
                "authorization",
                "authorization is not compatible with bearer_token & bearer_token_file",
            ));
        }
        let chosen = [
            self.basic_auth.is_some(),
            self.oauth2.is_some(),
            self.authorization.is_some(),
        ];
        if chosen.into_iter().filter(|is_set| *is_set).count() > 1 {
            return Err(section.problem("at most one of basic_auth, oauth2 & authorization must be configured"));
        }
        Ok(())
    }
}

impl BasicAuth {
    fn read(section: &Section<'_>) -> Result<Self> {
        let auth = Self {
            username: section.text_or_empty("username")?,
            username_file: section.text_or_empty("username_file")?,
            password: section.secret("password")?,
            password_file: section.text_or_empty("password_file")?,
        };
        refuse_references(section, &["username_ref", "password_ref"])?;
        if !auth.username.is_empty() && !auth.username_file.is_empty() {
            return Err(
                section.problem("at most one of basic_auth username, username_file & username_ref must be configured")
            );
        }
        if !auth.password.is_empty() && !auth.password_file.is_empty() {
            return Err(
                section.problem("at most one of basic_auth password, password_file & password_ref must be configured")
            );
        }
        Ok(auth)
    }
}

/// References into a secret manager are a feature of programs that embed Prometheus.
fn refuse_references(section: &Section<'_>, keys: &[&'static str]) -> Result<()> {
    for key in keys {
        if section.get(key).is_some() {
            return Err(section
                .problem_at(key, format!("{key} needs a secret manager, which there is none of"))
                .help("name a file with the _file key instead"));
        }
    }
    Ok(())
}

impl Authorization {
    fn read(section: &Section<'_>) -> Result<Self> {
        let scheme = section.text_or_empty("type")?;
        let authorization = Self {
            scheme: if scheme.trim().is_empty() {
                "Bearer".to_owned()
            } else {
                scheme.trim().to_owned()
            },
            credentials: section.secret("credentials")?,
            credentials_file: section.text_or_empty("credentials_file")?,
        };
        refuse_references(section, &["credentials_ref"])?;
        if !authorization.credentials.is_empty() && !authorization.credentials_file.is_empty() {
            return Err(
                section.problem("at most one of authorization credentials & credentials_file must be configured")
            );
        }
        if authorization.scheme.eq_ignore_ascii_case("basic") {
            return Err(section.problem_at(
                "type",
                "authorization type cannot be set to \"basic\", use \"basic_auth\" instead",
            ));
        }
        Ok(authorization)
    }
}

/// Headers that the client sets itself.
const RESERVED_HEADERS: [&str; 14] = [
    "Authorization",
    "Host",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "User-Agent",
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Www-Authenticate",
    "Accept-Encoding",
    "X-Prometheus-Remote-Write-Version",
    "X-Prometheus-Scrape-Timeout-Seconds",
];

impl HeaderValues {
    /// Reads a mapping of header names to their values.
    pub fn read_map(section: &Section<'_>, key: &'static str) -> Result<BTreeMap<String, Self>> {
        let Some(node) = section.get(key) else {
            return Ok(BTreeMap::new());
        };
        let mut headers = BTreeMap::new();
        for entry in Section::new(node, "config.Headers")?.pairs() {
            if RESERVED_HEADERS
                .iter()
                .any(|name| name.eq_ignore_ascii_case(&entry.key))
            {
                return Err(Problem::at(
                    entry.key_at,
                    format!("setting header {:?} is not allowed", entry.key),
                ));
            }
            let values = read_section(&entry.node, "config.Header", Self::read)?;
            headers.insert(entry.key.clone(), values);
        }
        Ok(headers)
    }

    fn read(section: &Section<'_>) -> Result<Self> {
        let secret = |node: &Node| text(node).map(Secret::new);
        Ok(Self {
            values: section.texts("values")?,
            secrets: section.list("secrets", secret)?,
            files: section.texts("files")?,
        })
    }
}
