//! TLS settings of a client.

use serde::Serialize;

use super::refuse_references;
use crate::error::Result;
use crate::secret::Secret;
use crate::section::Section;

/// A TLS version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum TlsVersion {
    /// 1.0
    #[serde(rename = "TLS10")]
    Tls10,
    /// 1.1
    #[serde(rename = "TLS11")]
    Tls11,
    /// 1.2
    #[serde(rename = "TLS12")]
    Tls12,
    /// 1.3
    #[serde(rename = "TLS13")]
    Tls13,
}

/// TLS settings of a client. Contents may be inline or in files.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct TlsConfig {
    /// Certificates to trust, inline.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ca: String,
    /// Certificates to trust.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ca_file: String,
    /// The client's certificate, inline.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cert: String,
    /// The client's certificate.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cert_file: String,
    /// The client's key, inline.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub key: Secret,
    /// The client's key.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key_file: String,
    /// The name expected in the server's certificate.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub server_name: String,
    /// Whether the server's certificate is not checked.
    pub insecure_skip_verify: bool,
    /// Least version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_version: Option<TlsVersion>,
    /// Highest version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_version: Option<TlsVersion>,
}

const TLS_VERSIONS: [(&str, TlsVersion); 4] = [
    ("TLS10", TlsVersion::Tls10),
    ("TLS11", TlsVersion::Tls11),
    ("TLS12", TlsVersion::Tls12),
    ("TLS13", TlsVersion::Tls13),
];

impl TlsConfig {
    /// Whether nothing is set.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Reads the settings out of their section.
    pub fn read(section: &Section<'_>) -> Result<Self> {
        let unknown = |text: &str| format!("unknown TLS version: {text}");
        let config = Self {
            ca: section.text_or_empty("ca")?,
            ca_file: section.text_or_empty("ca_file")?,
            cert: section.text_or_empty("cert")?,
            cert_file: section.text_or_empty("cert_file")?,
            key: section.secret("key")?,
            key_file: section.text_or_empty("key_file")?,
            server_name: section.text_or_empty("server_name")?,
            insecure_skip_verify: section.flag_or("insecure_skip_verify", false)?,
            min_version: section.choice("min_version", &TLS_VERSIONS, unknown)?,
            max_version: section.choice("max_version", &TLS_VERSIONS, unknown)?,
        };
        refuse_references(section, &["ca_ref", "cert_ref", "key_ref"])?;
        config.check(section)?;
        Ok(config)
    }

    fn check(&self, section: &Section<'_>) -> Result<()> {
        let has_cert = !self.cert.is_empty() || !self.cert_file.is_empty();
        let has_key = !self.key.is_empty() || !self.key_file.is_empty();
        if !self.ca.is_empty() && !self.ca_file.is_empty() {
            return Err(section.problem("at most one of ca, ca_file & ca_ref must be configured"));
        }
        if !self.cert.is_empty() && !self.cert_file.is_empty() {
            return Err(section.problem("at most one of cert, cert_file & cert_ref must be configured"));
        }
        if !self.key.is_empty() && !self.key_file.is_empty() {
            return Err(section.problem("at most one of key, key_file & key_ref must be configured"));
        }
        if has_cert && !has_key {
            return Err(section
                .problem("exactly one of key or key_file must be configured when a client certificate is configured"));
        }
        if has_key && !has_cert {
            return Err(
                section.problem("exactly one of cert or cert_file must be configured when a client key is configured")
            );
        }
        match (self.min_version, self.max_version) {
            (Some(min), Some(max)) if min > max => Err(section.problem_at(
                "max_version",
                "tls_config.max_version must be greater than or equal to tls_config.min_version if both are specified",
            )),
            _ => Ok(()),
        }
    }
}

pub(crate) fn read_tls(section: &Section<'_>) -> Result<TlsConfig> {
    Ok(section
        .section("tls_config", "config.plain", TlsConfig::read)?
        .unwrap_or_default())
}
