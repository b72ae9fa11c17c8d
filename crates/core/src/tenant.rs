//! Who the data belongs to.

use std::fmt;
use std::sync::Arc;

/// The tenant of a request: `X-Scope-OrgID`, a token's tenant, or `default`.
///
/// The characters allowed are those of Mimir and Loki, so that a tenant is always a safe folder
/// name: letters, digits and `!-_.*'()`, at most 150 bytes, and neither `.` nor `..`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(Arc<str>);

/// Why a text is no tenant id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TenantError {
    /// Empty, or `.` or `..`.
    #[error("tenant ID {0:?} is reserved")]
    Reserved(String),
    /// Longer than [`TenantId::MAX_LENGTH`].
    #[error("tenant ID is too long: max 150 characters")]
    TooLong,
    /// A character outside the allowed set.
    #[error("tenant ID {tenant:?} contains unsupported character {character:?}")]
    Unsupported {
        /// The text.
        tenant: String,
        /// The first character that is not allowed.
        character: char,
    },
}

impl TenantId {
    /// The tenant of requests that name none.
    pub const DEFAULT: &'static str = "default";
    /// Longest tenant id in bytes.
    pub const MAX_LENGTH: usize = 150;

    /// Checks `text` and makes it a tenant id.
    pub fn new(text: &str) -> Result<Self, TenantError> {
        if text.is_empty() || text == "." || text == ".." {
            return Err(TenantError::Reserved(text.to_owned()));
        }
        if text.len() > Self::MAX_LENGTH {
            return Err(TenantError::TooLong);
        }
        match text.chars().find(|c| !is_allowed(*c)) {
            Some(character) => Err(TenantError::Unsupported {
                tenant: text.to_owned(),
                character,
            }),
            None => Ok(Self(Arc::from(text))),
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for TenantId {
    fn default() -> Self {
        Self(Arc::from(Self::DEFAULT))
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!-_.*'()".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_and_refuses() {
        assert_eq!(TenantId::new("team-a").map(|t| t.to_string()), Ok("team-a".into()));
        assert!(matches!(TenantId::new(".."), Err(TenantError::Reserved(_))));
        assert!(matches!(
            TenantId::new("a/b"),
            Err(TenantError::Unsupported { character: '/', .. })
        ));
        assert_eq!(TenantId::new(&"a".repeat(151)), Err(TenantError::TooLong));
    }
}
