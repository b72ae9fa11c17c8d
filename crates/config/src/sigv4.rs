//! `sigv4`: requests signed by AWS Signature Version 4
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>).

use serde::Serialize;

use crate::error::Result;
use crate::secret::Secret;
use crate::section::Section;

/// Whose signature, and for which region.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct SigV4Config {
    /// The region; that of the environment or of the machine where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub region: String,
    /// The key's id; from the environment where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub access_key: String,
    /// The key; from the environment where empty.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub secret_key: Secret,
    /// The named profile.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub profile: String,
    /// The role to assume.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub role_arn: String,
    /// The external id given when assuming the role.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub external_id: String,
    /// Whether the role is assumed at the endpoint that follows FIPS 140.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub use_fips_sts_endpoint: bool,
}

impl SigV4Config {
    /// What is wrong with a key that has no id, or an id that has no key.
    pub const HALF_A_KEY: &str =
        "must provide a AWS SigV4 Access key and Secret Key if credentials are specified in the SigV4 config";

    /// Whether the key lacks its id, or the id its key.
    pub fn has_half_a_key(&self) -> bool {
        self.access_key.is_empty() != self.secret_key.is_empty()
    }

    /// Reads what all that have the section know of it.
    pub fn read_common(section: &Section<'_>) -> Result<Self> {
        Ok(Self {
            region: section.text_or_empty("region")?,
            access_key: section.text_or_empty("access_key")?,
            secret_key: section.secret("secret_key")?,
            profile: section.text_or_empty("profile")?,
            role_arn: section.text_or_empty("role_arn")?,
            ..Self::default()
        })
    }

    pub(crate) fn read(section: &Section<'_>) -> Result<Self> {
        let config = Self {
            external_id: section.text_or_empty("external_id")?,
            use_fips_sts_endpoint: section.flag_or("use_fips_sts_endpoint", false)?,
            ..Self::read_common(section)?
        };
        if config.has_half_a_key() {
            return Err(section.problem(Self::HALF_A_KEY));
        }
        Ok(config)
    }
}
