//! The conversation with the mail server: TLS, authentication, delivery.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, Identity, TlsParameters, TlsVersion,
};
use lettre::transport::smtp::extension::ClientId;
use md5::Md5;
use skopos_alertmanager::config::receiver::EmailConfig;

use super::message::Mail;
use crate::courier::Courier;
use crate::send_error::{FailureReason, SendError};

/// How long a step of the conversation may take.
const STEP_TIMEOUT: Duration = Duration::from_secs(30);
/// The port where TLS begins with the connection.
const IMPLICIT_TLS_PORT: u16 = 465;

/// Delivers a mail; gives the status of the server's last answer.
pub(super) async fn deliver(config: &EmailConfig, courier: &Courier<'_>, mail: &Mail) -> Result<u16, SendError> {
    let (host, port) = host_and_port(&config.smarthost)?;
    let hello = match config.hello.as_str() {
        "" => ClientId::Domain("localhost".to_owned()),
        name => ClientId::Domain(name.to_owned()),
    };
    let is_implicit = config.force_implicit_tls.unwrap_or(port == IMPLICIT_TLS_PORT);
    let parameters = if is_implicit || config.require_tls {
        Some(tls(config, host).await?)
    } else {
        None
    };
    let implicit = parameters.clone().filter(|_| is_implicit);
    let mut connection = AsyncSmtpConnection::connect_tokio1((host, port), Some(STEP_TIMEOUT), &hello, implicit, None)
        .await
        .map_err(|error| failed("establish connection to server", &error))?;
    if let Some(parameters) = parameters.filter(|_| !is_implicit) {
        if !connection.can_starttls() {
            connection.abort().await;
            return Err(SendError::recoverable(format!(
                "'require_tls' is true (default) but {:?} does not advertise the STARTTLS extension",
                config.smarthost
            )));
        }
        connection
            .starttls(parameters, &hello)
            .await
            .map_err(|error| failed("send STARTTLS command", &error))?;
    }
    if let Err(error) = authenticate(config, courier, &mut connection, &hello).await {
        connection.abort().await;
        return Err(error);
    }
    let response = connection.send(&mail.envelope, &mail.content).await;
    let response = response.map_err(|error| failed("delivery failure", &error))?;
    // The mail is taken: a broken farewell changes nothing.
    drop(connection.quit().await);
    Ok(response.code().into())
}

fn host_and_port(smarthost: &str) -> Result<(&str, u16), SendError> {
    let (host, port) = smarthost.rsplit_once(':').unwrap_or((smarthost, ""));
    let port = port
        .parse()
        .map_err(|_| SendError::lasting(format!("smarthost {smarthost:?}: {port:?} is not a port")))?;
    Ok((host.trim_start_matches('[').trim_end_matches(']'), port))
}

async fn tls(config: &EmailConfig, host: &str) -> Result<TlsParameters, SendError> {
    let tls = &config.tls_config;
    let unusable = |error: String| SendError::lasting(format!("parse TLS configuration: {error}"));
    let of_file = async |inline: &str, file: &str| -> Result<Vec<u8>, SendError> {
        if file.is_empty() {
            return Ok(inline.as_bytes().to_vec());
        }
        let read = tokio::fs::read(file).await;
        read.map_err(|error| unusable(format!("unable to read {file}: {error}")))
    };
    let name = if tls.server_name.is_empty() {
        host
    } else {
        &tls.server_name
    };
    let mut builder = TlsParameters::builder(name.to_owned()).dangerous_accept_invalid_certs(tls.insecure_skip_verify);
    let authorities = of_file(&tls.ca, &tls.ca_file).await?;
    if !authorities.is_empty() {
        let authorities = Certificate::from_pem(&authorities).map_err(|error| unusable(described(&error)))?;
        builder = builder
            .certificate_store(CertificateStore::None)
            .add_root_certificate(authorities);
    }
    let certificate = of_file(&tls.cert, &tls.cert_file).await?;
    if !certificate.is_empty() {
        let key = of_file(tls.key.expose(), &tls.key_file).await?;
        let identity = Identity::from_pem(&certificate, &key).map_err(|error| unusable(described(&error)))?;
        builder = builder.identify_with(identity);
    }
    if tls.min_version == Some(skopos_config::TlsVersion::Tls13) {
        builder = builder.set_min_tls_version(TlsVersion::Tlsv13);
    }
    builder.build_rustls().map_err(|error| unusable(described(&error)))
}

/// Authenticates by the first way that the server offers and the settings have a secret for.
async fn authenticate(
    config: &EmailConfig,
    courier: &Courier<'_>,
    connection: &mut AsyncSmtpConnection,
    hello: &ClientId,
) -> Result<(), SendError> {
    if config.auth_username.is_empty() {
        return Ok(());
    }
    let password = courier
        .plain_secret("auth_password", &config.auth_password, &config.auth_password_file)
        .await?;
    let secret = courier
        .plain_secret("auth_secret", &config.auth_secret, &config.auth_secret_file)
        .await?;
    let offered = mechanisms(connection, hello).await?;
    if offered.is_empty() {
        return Ok(());
    }
    let refused = |error: &Error| failed("auth", error).with_reason(FailureReason::AuthError);
    for mechanism in &offered {
        match mechanism.as_str() {
            "CRAM-MD5" if !secret.is_empty() => {
                return cram_md5(connection, &config.auth_username, &secret)
                    .await
                    .map_err(|error| refused(&error));
            }
            "PLAIN" if !password.is_empty() => {
                let identity = &config.auth_identity;
                let answer = STANDARD.encode(format!("{identity}\0{}\0{password}", config.auth_username));
                let said = connection.command(format!("AUTH PLAIN {answer}\r\n")).await;
                return said.map(|_| ()).map_err(|error| refused(&error));
            }
            "LOGIN" if !password.is_empty() => {
                let credentials = Credentials::new(config.auth_username.clone(), password.clone());
                let said = connection.auth(&[Mechanism::Login], &credentials).await;
                return said.map(|_| ()).map_err(|error| refused(&error));
            }
            _ => {}
        }
    }
    let offered = offered.join(" ");
    Err(SendError::recoverable(format!(
        "find auth mechanism: the server offers {offered}; PLAIN and LOGIN need auth_password, CRAM-MD5 needs auth_secret"
    ))
    .with_reason(FailureReason::AuthError))
}

/// What the server offers, in its order.
async fn mechanisms(connection: &mut AsyncSmtpConnection, hello: &ClientId) -> Result<Vec<String>, SendError> {
    let answer = connection.command(format!("EHLO {hello}\r\n")).await;
    let answer = answer.map_err(|error| failed("send EHLO command", &error))?;
    let line = answer.message().find_map(|line| line.strip_prefix("AUTH "));
    let names = line.unwrap_or_default().split_whitespace();
    Ok(names.map(str::to_ascii_uppercase).collect())
}

/// RFC 2195: the challenge is answered by its keyed hash.
async fn cram_md5(connection: &mut AsyncSmtpConnection, username: &str, secret: &str) -> Result<(), Error> {
    let challenge = connection.command("AUTH CRAM-MD5\r\n").await?;
    let challenge = STANDARD
        .decode(challenge.first_word().unwrap_or_default())
        .unwrap_or_default();
    let mut mac = Hmac::<Md5>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(&challenge);
    let digest = hex::encode(mac.finalize().into_bytes());
    let answer = STANDARD.encode(format!("{username} {digest}"));
    connection.command(format!("{answer}\r\n")).await.map(|_| ())
}

/// Refusals for good (5xx) stay; everything else may pass.
fn failed(what: &str, error: &Error) -> SendError {
    let text = format!("{what}: {}", described(error));
    let reason = if error.is_permanent() {
        FailureReason::ClientError
    } else if error.is_transient() {
        FailureReason::ServerError
    } else if error.is_timeout() {
        FailureReason::ContextDeadlineExceeded
    } else {
        FailureReason::Other
    };
    SendError {
        status: error.status().map(u16::from),
        ..SendError::recoverable(text).with_reason(reason)
    }
}

fn described(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}
