//! `google_iam` of `remote_write`: who asks Google for tokens.

use serde::Serialize;

use crate::error::Result;
use crate::section::Section;

/// Whose token goes with requests.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct GoogleIamConfig {
    /// The file with the credentials; the default ones of the environment or the machine where empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub credentials_file: String,
}

impl GoogleIamConfig {
    pub(crate) fn read(section: &Section<'_>) -> Result<Self> {
        Ok(Self {
            credentials_file: section.text_or_empty("credentials_file")?,
        })
    }
}
