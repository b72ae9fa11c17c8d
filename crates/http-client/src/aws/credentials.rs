//! Keys of Amazon: of the settings, a profile, the environment, or what an assumed role gives.

use std::path::{Path, PathBuf};

use super::element;

/// Where keys are looked for first.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeySettings<'a> {
    /// The id of a key; empty for none.
    pub access_key: &'a str,
    /// The key.
    pub secret_key: &'a str,
    /// A profile of the credentials file; empty for none.
    pub profile: &'a str,
}

/// No keys were found.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CredentialsError {
    /// The credentials file cannot be read.
    #[error(
        "could not get SigV4 credentials: {}: {reason}; set access_key and secret_key, or AWS_ACCESS_KEY_ID and \
         AWS_SECRET_ACCESS_KEY", path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The credentials file has no such profile.
    #[error("could not get SigV4 credentials: {} has no keys for profile {profile:?}", path.display())]
    NoProfile {
        /// The file.
        path: PathBuf,
        /// The profile.
        profile: String,
    },
    /// Amazon's answer gives no keys.
    #[error("sts: the answer to AssumeRole holds no credentials")]
    NoAnswer,
}

/// A key with its id.
#[derive(Clone, Default)]
pub struct Credentials {
    /// The id.
    pub access_key: String,
    /// The key.
    pub secret_key: String,
    /// Empty for keys that last.
    pub session_token: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key", &self.access_key)
            .finish_non_exhaustive()
    }
}

impl Credentials {
    /// The keys of the settings, else of the named profile, else of the environment, else of the
    /// profile `default`.
    pub async fn find(settings: KeySettings<'_>) -> Result<Self, CredentialsError> {
        if !settings.access_key.is_empty() {
            return Ok(Self {
                access_key: settings.access_key.to_owned(),
                secret_key: settings.secret_key.to_owned(),
                session_token: String::new(),
            });
        }
        if !settings.profile.is_empty() {
            return of_profile(settings.profile).await;
        }
        let variable = |name: &str| std::env::var(name).unwrap_or_default();
        let access_key = variable("AWS_ACCESS_KEY_ID");
        if access_key.is_empty() {
            return of_profile("default").await;
        }
        Ok(Self {
            access_key,
            secret_key: variable("AWS_SECRET_ACCESS_KEY"),
            session_token: variable("AWS_SESSION_TOKEN"),
        })
    }

    /// The keys that an answer to `AssumeRole` gives, for an hour.
    pub fn of_assumed_role(answer: &str) -> Result<Self, CredentialsError> {
        let part = |name: &str| element(answer, name).map(str::to_owned);
        match (part("AccessKeyId"), part("SecretAccessKey"), part("SessionToken")) {
            (Some(access_key), Some(secret_key), Some(session_token)) => Ok(Self {
                access_key,
                secret_key,
                session_token,
            }),
            _ => Err(CredentialsError::NoAnswer),
        }
    }
}

async fn of_profile(profile: &str) -> Result<Credentials, CredentialsError> {
    let path = match std::env::var_os("AWS_SHARED_CREDENTIALS_FILE") {
        Some(path) => PathBuf::from(path),
        None => Path::new(&std::env::var_os("HOME").unwrap_or_default()).join(".aws/credentials"),
    };
    let text = match tokio::fs::read_to_string(&path).await {
        Ok(text) => text,
        Err(error) => {
            let reason = error.to_string();
            return Err(CredentialsError::Unreadable { path, reason });
        }
    };
    read_profile(&text, profile).ok_or_else(|| CredentialsError::NoProfile {
        path,
        profile: profile.to_owned(),
    })
}

/// The keys of one section of a credentials file.
fn read_profile(text: &str, profile: &str) -> Option<Credentials> {
    let mut found = Credentials::default();
    let mut is_inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            is_inside = name.trim() == profile;
        } else if let Some((name, value)) = line.split_once('=').filter(|_| is_inside) {
            let value = value.trim();
            match name.trim() {
                "aws_access_key_id" => value.clone_into(&mut found.access_key),
                "aws_secret_access_key" => value.clone_into(&mut found.secret_key),
                "aws_session_token" => value.clone_into(&mut found.session_token),
                _ => {}
            }
        }
    }
    let is_complete = !found.access_key.is_empty() && !found.secret_key.is_empty();
    is_complete.then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_told_apart() {
        let text = "[default]\naws_access_key_id=A\naws_secret_access_key = B\n\n[p]\naws_access_key_id = C\n";
        let found = read_profile(text, "default").expect("a complete profile");
        assert_eq!((found.access_key.as_str(), found.secret_key.as_str()), ("A", "B"));
        assert!(read_profile(text, "p").is_none());
    }
}
