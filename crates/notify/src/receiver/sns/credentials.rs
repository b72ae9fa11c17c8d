//! Keys of Amazon: of the settings, a profile, the environment, or an assumed role.

use std::path::PathBuf;

use skopos_alertmanager::config::receiver::{SigV4Config, SnsConfig};

use super::element;
use crate::courier::Courier;
use crate::send_error::SendError;

/// The name of sessions in an assumed role.
const SESSION: &str = "alertmanager";

/// A key with its id.
#[derive(Clone, Default)]
pub(super) struct Credentials {
    pub(super) access_key: String,
    pub(super) secret_key: String,
    /// Empty for keys that last.
    pub(super) session_token: String,
}

/// The keys of the settings, else of the named profile, else of the environment, else of the
/// profile `default`.
pub(super) async fn find(config: &SigV4Config) -> Result<Credentials, SendError> {
    if !config.access_key.is_empty() {
        return Ok(Credentials {
            access_key: config.access_key.clone(),
            secret_key: config.secret_key.expose().to_owned(),
            session_token: String::new(),
        });
    }
    if !config.profile.is_empty() {
        return of_profile(&config.profile).await;
    }
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let access_key = variable("AWS_ACCESS_KEY_ID");
    if access_key.is_empty() {
        return of_profile("default").await;
    }
    Ok(Credentials {
        access_key,
        secret_key: variable("AWS_SECRET_ACCESS_KEY"),
        session_token: variable("AWS_SESSION_TOKEN"),
    })
}

async fn of_profile(profile: &str) -> Result<Credentials, SendError> {
    let path = match std::env::var_os("AWS_SHARED_CREDENTIALS_FILE") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".aws/credentials"),
    };
    let shown = path.display();
    let text = tokio::fs::read_to_string(&path).await.map_err(|error| {
        SendError::lasting(format!(
            "could not get SigV4 credentials: {shown}: {error}; set sigv4.access_key and secret_key, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ))
    })?;
    read_profile(&text, profile).ok_or_else(|| {
        SendError::lasting(format!(
            "could not get SigV4 credentials: {shown} has no keys for profile {profile:?}"
        ))
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

/// Keys for an hour in the role of the settings.
pub(super) async fn assume_role(
    config: &SnsConfig,
    courier: &Courier<'_>,
    region: &str,
    own: &Credentials,
) -> Result<Credentials, SendError> {
    let mut form = vec![
        ("Action".to_owned(), "AssumeRole".to_owned()),
        ("Version".to_owned(), "2011-06-15".to_owned()),
        ("RoleArn".to_owned(), config.sigv4.role_arn.clone()),
        ("RoleSessionName".to_owned(), SESSION.to_owned()),
    ];
    if !config.sigv4.external_id.is_empty() {
        form.push(("ExternalId".to_owned(), config.sigv4.external_id.clone()));
    }
    let endpoint = courier.endpoints.sts.replace("{region}", region);
    let answer = super::post(courier, &endpoint, region, "sts", own, &form).await?;
    let text = String::from_utf8_lossy(&answer.body);
    let part = |name: &str| element(&text, name).map(str::to_owned);
    match (part("AccessKeyId"), part("SecretAccessKey"), part("SessionToken")) {
        (Some(access_key), Some(secret_key), Some(session_token)) => Ok(Credentials {
            access_key,
            secret_key,
            session_token,
        }),
        _ => Err(SendError::lasting("sts: the answer to AssumeRole holds no credentials")),
    }
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
