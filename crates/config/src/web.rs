//! The web configuration (`--web.config.file`): TLS, users and headers of the server's own listeners, as
//! `docs/web-configuration.md` of Prometheus' exporter-toolkit describes it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{ConfigError, Problem, Result};
use crate::http_client::TlsVersion;
use crate::secret::Secret;
use crate::section::{Section, read_section};
use crate::yaml::parse;

/// A web configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebConfig {
    /// TLS; plain where there is none.
    pub tls: Option<TlsServerConfig>,
    /// Whether HTTP/2 is offered over TLS.
    pub http2: bool,
    /// Headers of each answer.
    pub headers: BTreeMap<String, String>,
    /// Users and the bcrypt hashes of their passwords; anybody may ask where there is none.
    pub users: BTreeMap<String, Secret>,
    /// How many requests are taken.
    pub rate_limit: Option<RateLimit>,
}

/// A token bucket: one request for each interval, and some at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Time in which one more request is allowed.
    pub interval: Duration,
    /// Most requests at once.
    pub burst: u32,
}

/// A text that is written in the configuration or lies in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Material {
    /// The text.
    Inline(Secret),
    /// The file, from the configuration's folder on.
    File(PathBuf),
}

impl Material {
    /// The text; what is wrong names the file.
    pub fn read(&self) -> std::result::Result<Vec<u8>, String> {
        match self {
            Self::Inline(text) => Ok(text.expose().as_bytes().to_vec()),
            Self::File(path) => {
                std::fs::read(path).map_err(|error| format!("failed to read {}: {error}", path.display()))
            }
        }
    }
}

/// What is asked of clients about certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientAuth {
    /// Nothing.
    #[default]
    NoClientCert,
    /// One, but none will do, and any.
    RequestClientCert,
    /// Any.
    RequireAnyClientCert,
    /// One that is signed by the authority, or none.
    VerifyClientCertIfGiven,
    /// One that is signed by the authority.
    RequireAndVerifyClientCert,
}

/// TLS of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsServerConfig {
    /// The chain of certificates, PEM.
    pub cert: Material,
    /// The key, PEM.
    pub key: Material,
    /// Authorities that sign clients' certificates, PEM.
    pub client_ca: Option<Material>,
    /// What is asked of clients.
    pub client_auth: ClientAuth,
    /// Names of which a client's certificate must have one.
    pub client_allowed_sans: Option<Vec<String>>,
    /// Least version.
    pub min_version: TlsVersion,
    /// Highest version.
    pub max_version: TlsVersion,
    /// Suites up to TLS 1.2 by Go's names; all where empty.
    pub cipher_suites: Vec<String>,
    /// Whether the server's order of suites decides.
    pub prefer_server_cipher_suites: bool,
    /// Curves by Go's names; all where empty.
    pub curve_preferences: Vec<String>,
}

const CLIENT_AUTHS: [(&str, ClientAuth); 7] = [
    ("", ClientAuth::NoClientCert),
    ("NoClientCert", ClientAuth::NoClientCert),
    ("RequestClientCert", ClientAuth::RequestClientCert),
    ("RequireAnyClientCert", ClientAuth::RequireAnyClientCert),
    // The name of old.
    ("RequireClientCert", ClientAuth::RequireAnyClientCert),
    ("VerifyClientCertIfGiven", ClientAuth::VerifyClientCertIfGiven),
    ("RequireAndVerifyClientCert", ClientAuth::RequireAndVerifyClientCert),
];

const VERSIONS: [(&str, TlsVersion); 4] = [
    ("TLS13", TlsVersion::Tls13),
    ("TLS12", TlsVersion::Tls12),
    ("TLS11", TlsVersion::Tls11),
    ("TLS10", TlsVersion::Tls10),
];

/// Suites that Go names and offers.
const CIPHER_SUITES: [&str; 13] = [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
];

const CURVES: [&str; 4] = ["CurveP256", "CurveP384", "CurveP521", "X25519"];

/// Headers that can be set, with the values that some must have.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
    ("Content-Security-Policy", &[]),
];

impl WebConfig {
    /// Reads a file. The files that it names are not read; see [`Material::read`].
    pub fn load(path: &Path) -> std::result::Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Problem::new(format!("failed to read the file: {error}")).in_file(path))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        parse(&text)
            .and_then(|node| read_section(&node, "web.Config", |section| Self::read(section, folder)))
            .map_err(|problem| problem.in_file(path))
    }

    fn read(section: &Section<'_>, folder: &Path) -> Result<Self> {
        let tls = section.section("tls_server_config", "web.TLSConfig", |tls| {
            TlsServerConfig::read(tls, folder)
        })?;
        let http = section.section("http_server_config", "web.HTTPConfig", |http| {
            Ok((http.flag_or("http2", true)?, headers(http)?))
        })?;
        let (http2, headers) = http.unwrap_or_else(|| (true, BTreeMap::new()));
        Ok(Self {
            tls: tls.flatten(),
            http2,
            headers,
            users: users(section)?,
            rate_limit: section
                .section("rate_limit", "web.RateLimiterConfig", rate_limit)?
                .flatten(),
        })
    }
}

fn headers(section: &Section<'_>) -> Result<BTreeMap<String, String>> {
    let mut headers = section.text_map("headers")?;
    for (name, value) in &headers {
        let Some((_, allowed)) = HEADERS.iter().find(|(known, _)| known == name) else {
            return Err(section
                .problem_at("headers", format!("HTTP header {name:?} can not be configured"))
                .help(format!("these can: {}", HEADERS.map(|(name, _)| name).join(", "))));
        };
        if !value.is_empty() && !allowed.is_empty() && !allowed.contains(&value.as_str()) {
            let expected = allowed.join(", ");
            let message = format!("invalid value for {name}. Expected one of: {expected}, but got: {value:?}");
            return Err(section.problem_at("headers", message));
        }
        if value.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(section.problem_at("headers", format!("the value of {name} has control characters")));
        }
    }
    headers.retain(|_, value| !value.is_empty());
    Ok(headers)
}

fn users(section: &Section<'_>) -> Result<BTreeMap<String, Secret>> {
    let users = section.text_map("basic_auth_users")?;
    for (name, hash) in &users {
        if !is_bcrypt(hash) {
            return Err(section
                .problem_at(
                    "basic_auth_users",
                    format!("the password of {name:?} is no bcrypt hash"),
                )
                .help("make one with: htpasswd -nBC 10 \"\" | tr -d ':\\n'"));
        }
    }
    Ok(users
        .into_iter()
        .map(|(name, hash)| (name, Secret::new(hash)))
        .collect())
}

/// Whether a text is `$2y$10$` and 53 characters of bcrypt's base 64.
fn is_bcrypt(hash: &str) -> bool {
    let mut parts = hash.split('$');
    let (Some(""), Some(version), Some(cost), Some(rest), None) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'/';
    matches!(version, "2a" | "2b" | "2x" | "2y")
        && cost.len() == 2
        && cost.parse::<u32>().is_ok_and(|cost| (4..=31).contains(&cost))
        && rest.len() == 53
        && rest.bytes().all(is_digit)
}

fn rate_limit(section: &Section<'_>) -> Result<Option<RateLimit>> {
    let interval = section.duration_or("interval", Duration::ZERO)?;
    let burst = section.count_or("burst", 0)?;
    let burst = u32::try_from(burst).map_err(|_| section.problem_at("burst", "burst is too large"))?;
    Ok((!interval.is_zero()).then_some(RateLimit { interval, burst }))
}

impl TlsServerConfig {
    /// `None` where nothing turns TLS on.
    fn read(section: &Section<'_>, folder: &Path) -> Result<Option<Self>> {
        let cert = material(section, "cert", "cert_file", folder)?;
        let key = material(section, "key", "key_file", folder)?;
        let client_ca = material(section, "client_ca", "client_ca_file", folder)?;
        let auth_text = section.text_or_empty("client_auth_type")?;
        let client_auth = section.choice("client_auth_type", &CLIENT_AUTHS, |text| {
            format!("invalid ClientAuth: {text}")
        })?;
        let version = |key, default| {
            let found = section.choice(key, &VERSIONS, |text| format!("unknown TLS version: {text}"))?;
            Ok(found.unwrap_or(default))
        };
        let (min_version, max_version) = (
            version("min_version", TlsVersion::Tls12)?,
            version("max_version", TlsVersion::Tls13)?,
        );
        let cipher_suites = names(section, "cipher_suites", "cipher", &CIPHER_SUITES)?;
        let prefer_server_cipher_suites = section.flag_or("prefer_server_cipher_suites", true)?;
        let curve_preferences = names(section, "curve_preferences", "curve", &CURVES)?;
        let sans = section.texts("client_allowed_sans")?;
        let client_allowed_sans = section.get("client_allowed_sans").map(|_| sans);
        if cert.is_none() && key.is_none() && client_ca.is_none() && auth_text.is_empty() {
            return Ok(None);
        }
        let (Some(cert), Some(key)) = (&cert, &key) else {
            let missing = if cert.is_none() {
                "cert or cert_file"
            } else {
                "key or key_file"
            };
            return Err(section.problem(format!("missing one of {missing}")));
        };
        let config = Self {
            cert: cert.clone(),
            key: key.clone(),
            client_ca,
            client_auth: client_auth.unwrap_or_default(),
            client_allowed_sans,
            min_version,
            max_version,
            cipher_suites,
            prefer_server_cipher_suites,
            curve_preferences,
        };
        config.check(section)?;
        Ok(Some(config))
    }

    fn check(&self, section: &Section<'_>) -> Result<()> {
        let (is_any, is_verified) = (
            self.client_auth == ClientAuth::RequireAnyClientCert,
            self.client_auth == ClientAuth::RequireAndVerifyClientCert,
        );
        if self.client_ca.is_some() && self.client_auth == ClientAuth::NoClientCert {
            return Err(section.problem("client CA's have been configured without a Client Auth Policy"));
        }
        if self.client_allowed_sans.is_some() && !is_any && !is_verified {
            let message = "client_allowed_sans requires client_auth_type to be one of RequireAnyClientCert or \
                           RequireAndVerifyClientCert";
            return Err(section.problem_at("client_allowed_sans", message));
        }
        let is_checked = is_verified || self.client_auth == ClientAuth::VerifyClientCertIfGiven;
        if is_checked && self.client_ca.is_none() {
            return Err(section
                .problem_at(
                    "client_auth_type",
                    "there is no authority to check clients' certificates against",
                )
                .help("name it in client_ca_file: the system's own authorities are not asked"));
        }
        if self.max_version < TlsVersion::Tls12 {
            return Err(section
                .problem_at("max_version", "TLS before 1.2 is not spoken here")
                .help("leave max_version out"));
        }
        if self.min_version > self.max_version {
            return Err(section.problem_at("min_version", "min_version is higher than max_version"));
        }
        Ok(())
    }
}

fn material(
    section: &Section<'_>,
    inline: &'static str,
    file: &'static str,
    folder: &Path,
) -> Result<Option<Material>> {
    let (text, path) = (section.secret(inline)?, section.text_or_empty(file)?);
    match (text.is_empty(), path.is_empty()) {
        (true, true) => Ok(None),
        (false, true) => Ok(Some(Material::Inline(text))),
        (true, false) => Ok(Some(Material::File(folder.join(path)))),
        (false, false) => Err(section.problem_at(file, format!("only one of {inline} and {file} can be given"))),
    }
}

fn names(section: &Section<'_>, key: &'static str, what: &str, known: &[&str]) -> Result<Vec<String>> {
    let names = section.texts(key)?;
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(names),
        Some(unknown) => Err(section
            .problem_at(key, format!("unknown {what}: {unknown}"))
            .help(format!("use some of: {}", known.join(", ")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze";

    fn load(text: &str) -> std::result::Result<WebConfig, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("web.yml");
        std::fs::write(&path, text).expect("written");
        WebConfig::load(&path).map_err(|error| error.to_string().replace(&folder.path().display().to_string(), ""))
    }

    #[test]
    fn every_field_is_read() {
        let config = load(&format!(
            "tls_server_config:
  cert_file: server.crt
  key: KEY
  client_ca_file: /ca.crt
  client_auth_type: RequireAndVerifyClientCert
  client_allowed_sans: [a.example]
  min_version: TLS13
  max_version: TLS13
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
  prefer_server_cipher_suites: false
  curve_preferences: [X25519]
http_server_config:
  http2: false
  headers: {{X-Frame-Options: deny, Content-Security-Policy: ''}}
basic_auth_users: {{alice: '{HASH}'}}
rate_limit: {{interval: 1s, burst: 20}}
"
        ))
        .expect("loads");
        let tls = config.tls.expect("there");
        assert!(matches!(&tls.cert, Material::File(path) if path.is_absolute() && path.ends_with("server.crt")));
        assert_eq!(tls.key, Material::Inline(Secret::new("KEY")));
        assert_eq!(tls.client_auth, ClientAuth::RequireAndVerifyClientCert);
        assert_eq!(
            (tls.min_version, tls.prefer_server_cipher_suites),
            (TlsVersion::Tls13, false)
        );
        assert!(!config.http2);
        assert_eq!(config.headers.len(), 1);
        assert_eq!(config.users["alice"].expose(), HASH);
        let second = Duration::from_secs(1);
        assert_eq!(
            config.rate_limit,
            Some(RateLimit {
                interval: second,
                burst: 20
            })
        );
    }

    #[test]
    fn an_empty_file_asks_for_nothing() {
        let config = load("").expect("loads");
        assert!(config.tls.is_none() && config.users.is_empty() && config.rate_limit.is_none() && config.http2);
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (text, expected) in [
            (
                "tls_config: {}",
                "/web.yml:1:1: field tls_config not found in type web.Config",
            ),
            (
                "tls_server_config:\n  cert_fil: a",
                "/web.yml:2:3: field cert_fil not found in type web.TLSConfig",
            ),
            ("tls_server_config: {cert_file: a}", "missing one of key or key_file"),
            (
                "tls_server_config: {cert: a, cert_file: a}",
                "only one of cert and cert_file",
            ),
            (
                "tls_server_config: {cert: a, key: b, client_auth_type: Maybe}",
                "invalid ClientAuth: Maybe",
            ),
            (
                "tls_server_config: {cert: a, key: b, client_ca: c}",
                "without a Client Auth Policy",
            ),
            (
                "tls_server_config: {cert: a, key: b, client_allowed_sans: [x]}",
                "client_allowed_sans requires",
            ),
            (
                "tls_server_config: {cert: a, key: b, client_auth_type: RequireAndVerifyClientCert}",
                "no authority",
            ),
            (
                "tls_server_config: {cert: a, key: b, cipher_suites: [X]}",
                "unknown cipher: X",
            ),
            (
                "tls_server_config: {cert: a, key: b, curve_preferences: [X]}",
                "unknown curve: X",
            ),
            (
                "tls_server_config: {cert: a, key: b, min_version: TLS9}",
                "unknown TLS version",
            ),
            (
                "tls_server_config: {cert: a, key: b, max_version: TLS11}",
                "TLS before 1.2",
            ),
            ("http_server_config: {headers: {Server: x}}", "can not be configured"),
            (
                "http_server_config: {headers: {X-Frame-Options: x}}",
                "invalid value for X-Frame-Options",
            ),
            (
                "basic_auth_users: {alice: secret}",
                "the password of \"alice\" is no bcrypt hash",
            ),
        ] {
            let error = load(text).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
            assert!(!error.contains("secret\n"), "{error}");
        }
    }
}
