//! Tokens for a signed assertion: the JWT bearer grant of OAuth 2.0 (RFC 7523).

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::error::Result;
use crate::secret::Secret;
use crate::section::Section;

/// What a token is given for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum GrantType {
    /// The client's secret (RFC 6749, section 4.4).
    #[default]
    #[serde(rename = "client_credentials")]
    ClientCredentials,
    /// A signed assertion (RFC 7523, section 2.1).
    #[serde(rename = "urn:ietf:params:oauth:grant-type:jwt-bearer")]
    JwtBearer,
}

/// How an assertion is signed: RSA (PKCS #1 v1.5) with SHA-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum SignatureAlgorithm {
    /// SHA-256.
    #[default]
    RS256,
    /// SHA-384.
    RS384,
    /// SHA-512.
    RS512,
}

/// The assertion of the JWT bearer grant. Without effect for another grant.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct JwtBearer {
    /// The key's id, the assertion's `kid`; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_certificate_key_id: String,
    /// The RSA key in PEM.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub client_certificate_key: Secret,
    /// The file that holds the key.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_certificate_key_file: String,
    /// How the assertion is signed.
    #[serde(skip_serializing_if = "SignatureAlgorithm::is_default")]
    pub signature_algorithm: SignatureAlgorithm,
    /// Who says it; the client where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub iss: String,
    /// For whom it is meant; the token's URL where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub audience: String,
    /// Further claims, which go before those that the grant has itself.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, Value>,
}

impl GrantType {
    /// Whether it is the one that holds where none is written.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn read(section: &Section<'_>) -> Result<Self> {
        let known = [
            ("", Self::ClientCredentials),
            ("client_credentials", Self::ClientCredentials),
            ("urn:ietf:params:oauth:grant-type:jwt-bearer", Self::JwtBearer),
        ];
        let chosen = section.choice("grant_type", &known, |other| {
            format!("unsupported grant_type {other:?}")
        })?;
        Ok(chosen.unwrap_or_default())
    }
}

impl SignatureAlgorithm {
    /// Whether it is the one that holds where none is written.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl JwtBearer {
    pub(super) fn read(section: &Section<'_>) -> Result<Self> {
        let known = [
            ("", SignatureAlgorithm::RS256),
            ("RS256", SignatureAlgorithm::RS256),
            ("RS384", SignatureAlgorithm::RS384),
            ("RS512", SignatureAlgorithm::RS512),
        ];
        let algorithm = section.choice("signature_algorithm", &known, |_| {
            "valid signature algorithms are RS256, RS384 and RS512".to_owned()
        })?;
        Ok(Self {
            client_certificate_key_id: section.text_or_empty("client_certificate_key_id")?,
            client_certificate_key: section.secret("client_certificate_key")?,
            client_certificate_key_file: section.text_or_empty("client_certificate_key_file")?,
            signature_algorithm: algorithm.unwrap_or_default(),
            iss: section.text_or_empty("iss")?,
            audience: section.text_or_empty("audience")?,
            claims: section.json_map("claims")?,
        })
    }

    /// The key must be one.
    pub(super) fn check(&self, section: &Section<'_>) -> Result<()> {
        if !self.client_certificate_key.is_empty() && !self.client_certificate_key_file.is_empty() {
            return Err(section.problem("at most one of oauth2 client_certificate_key, client_certificate_key_file & client_certificate_key_ref must be configured using grant-type=urn:ietf:params:oauth:grant-type:jwt-bearer"));
        }
        Ok(())
    }
}
