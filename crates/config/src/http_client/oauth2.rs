//! OAuth 2.0 settings of a client.

use std::collections::BTreeMap;

use serde::Serialize;

use super::jwt_bearer::{GrantType, JwtBearer};
use super::tls::{TlsConfig, read_tls};
use super::{ProxyConfig, refuse_references};
use crate::error::Result;
use crate::secret::Secret;
use crate::section::Section;

/// How tokens are had by OAuth 2.0.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct OAuth2 {
    /// The client.
    pub client_id: String,
    /// Its secret.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub client_secret: Secret,
    /// The file that holds the secret.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_secret_file: String,
    /// What a token is given for.
    #[serde(skip_serializing_if = "GrantType::is_default")]
    pub grant_type: GrantType,
    /// The signed assertion that [`GrantType::JwtBearer`] is about.
    #[serde(flatten)]
    pub jwt: JwtBearer,
    /// Where tokens are had.
    pub token_url: String,
    /// The scopes asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Further parameters of the token request.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub endpoint_params: BTreeMap<String, String>,
    /// TLS settings of the token request.
    #[serde(skip_serializing_if = "TlsConfig::is_default")]
    pub tls_config: TlsConfig,
    /// The proxy of the token request.
    #[serde(flatten)]
    pub proxy: ProxyConfig,
}

impl OAuth2 {
    pub(super) fn read(section: &Section<'_>) -> Result<Self> {
        let oauth2 = Self {
            client_id: section.text_or_empty("client_id")?,
            client_secret: section.secret("client_secret")?,
            client_secret_file: section.text_or_empty("client_secret_file")?,
            grant_type: GrantType::read(section)?,
            jwt: JwtBearer::read(section)?,
            token_url: section.text_or_empty("token_url")?,
            scopes: section.texts("scopes")?,
            endpoint_params: section.text_map("endpoint_params")?,
            tls_config: read_tls(section)?,
            proxy: ProxyConfig::read(section)?,
        };
        refuse_references(section, &["client_secret_ref", "client_certificate_key_ref"])?;
        if oauth2.client_id.is_empty() {
            return Err(section.problem("oauth2 client_id must be configured"));
        }
        if oauth2.token_url.is_empty() {
            return Err(section.problem("oauth2 token_url must be configured"));
        }
        let is_doubled = !oauth2.client_secret.is_empty() && !oauth2.client_secret_file.is_empty();
        if oauth2.grant_type == GrantType::JwtBearer {
            oauth2.jwt.check(section)?;
        } else if is_doubled {
            return Err(section.problem("at most one of oauth2 client_secret, client_secret_file & client_secret_ref must be configured using grant-type=client_credentials"));
        }
        Ok(oauth2)
    }
}
