//! `sns_configs`: messages of Amazon SNS, signed by Signature Version 4.

use serde_json::{Map, Value as Json};
use skopos_alertmanager::config::receiver::SnsConfig;
use skopos_http_client::aws::{
    Credentials, CredentialsError, KeySettings, Signer, assume_role_form, element, form_request,
};

use super::body::{Body, text};
use super::{Sent, sent};
use crate::courier::{Answer, AnswerRules, Courier};
use crate::send_error::SendError;
use crate::template::{Rendering, TemplateError};
use crate::truncate;

const RULES: AnswerRules = AnswerRules {
    retried: &[429],
    details: Some(message_of),
};
/// What SNS takes of a message, of a short message, and of a subject.
const MAX_MESSAGE_BYTES: usize = 256 * 1024;
const MAX_SMS_BYTES: usize = 1600;
const MAX_SUBJECT: usize = 100;

pub(super) fn render(config: &SnsConfig, rendering: &Rendering<'_>) -> Result<Json, TemplateError> {
    let topic = rendering.text("topic_arn", &config.topic_arn)?;
    let phone = rendering.text("phone_number", &config.phone_number)?;
    let mut attributes = Map::new();
    for (name, template) in &config.attributes {
        let value = rendering.text(&format!("attributes.{name}"), template)?;
        attributes.insert(rendering.text("attributes", name)?, value.into());
    }
    let full = rendering.text("message", &config.message)?;
    let length = full.len();
    let limit = if phone.is_empty() {
        MAX_MESSAGE_BYTES
    } else {
        MAX_SMS_BYTES
    };
    let message = truncate::bytes(full, limit);
    if message.len() < length || length > limit {
        attributes.insert("truncated".to_owned(), "true".into());
    }
    let mut body = Body::new(rendering);
    body.set_unless_empty("TopicArn", topic.as_str());
    body.set_unless_empty("PhoneNumber", phone);
    body.set_unless_empty("TargetArn", rendering.text("target_arn", &config.target_arn)?);
    let subject = rendering.text("subject", &config.subject)?;
    body.set_unless_empty("Subject", truncate_subject(&subject));
    body.set("Message", message);
    if topic.strip_suffix(".fifo").is_some() {
        body.set("MessageDeduplicationId", rendering.key_hash());
        body.set("MessageGroupId", rendering.key_hash());
    }
    body.set_unless_empty("MessageAttributes", attributes);
    Ok(body.into_json())
}

/// Subjects are a line of printable ASCII.
fn truncate_subject(subject: &str) -> String {
    let printable = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    let line: String = subject.trim_end().chars().map(printable).collect();
    if line.len() <= MAX_SUBJECT {
        return line;
    }
    // The usual mark of a cut is no ASCII.
    format!("{}...", &line[..MAX_SUBJECT - 3])
}

pub(super) async fn send(config: &SnsConfig, body: &Json, courier: &Courier<'_>) -> Result<Sent, SendError> {
    let region = region(config, body)?;
    let own = Credentials::find(KeySettings {
        access_key: &config.sigv4.access_key,
        secret_key: config.sigv4.secret_key.expose(),
        profile: &config.sigv4.profile,
    })
    .await
    .map_err(|error| lasting(&error))?;
    courier.hide(&own.secret_key);
    let credentials = if config.sigv4.role_arn.is_empty() {
        own
    } else {
        let assumed = assume_role(config, courier, &region, &own).await?;
        courier.hide(&assumed.secret_key);
        assumed
    };
    let endpoint = match courier.rendering.text("api_url", &config.api_url)? {
        url if url.is_empty() => format!("https://sns.{region}.amazonaws.com/"),
        url => url,
    };
    let answer = post(courier, &endpoint, &region, "sns", &credentials, &form(body)).await?;
    Ok(sent(answer.status))
}

/// The region of the settings, of the environment, or of the name of what is notified.
fn region(config: &SnsConfig, body: &Json) -> Result<String, SendError> {
    let configured = Some(config.sigv4.region.clone()).filter(|region| !region.is_empty());
    let environment = || std::env::var("AWS_REGION").ok().filter(|region| !region.is_empty());
    let of_arn = || {
        let arn = ["TopicArn", "TargetArn"].map(|name| text(body, name)).concat();
        arn.split(':')
            .nth(3)
            .map(str::to_owned)
            .filter(|region| !region.is_empty())
    };
    configured.or_else(environment).or_else(of_arn).ok_or_else(|| {
        SendError::lasting("region not configured in sigv4 or in default credentials chain: set sigv4.region")
    })
}

/// The parameters of `Publish`.
fn form(body: &Json) -> Vec<(String, String)> {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut form = vec![pair("Action", "Publish"), pair("Version", "2010-03-31")];
    for (name, value) in body.as_object().into_iter().flatten() {
        if let Some(text) = value.as_str() {
            form.push(pair(name, text));
        }
    }
    let attributes = body
        .get("MessageAttributes")
        .and_then(Json::as_object)
        .into_iter()
        .flatten();
    for (index, (name, value)) in attributes.enumerate() {
        let entry = format!("MessageAttributes.entry.{}", index + 1);
        form.push(pair(&format!("{entry}.Name"), name));
        form.push(pair(&format!("{entry}.Value.DataType"), "String"));
        form.push(pair(
            &format!("{entry}.Value.StringValue"),
            value.as_str().unwrap_or_default(),
        ));
    }
    form
}

/// Posts a form to a service of Amazon, signed.
async fn post(
    courier: &Courier<'_>,
    endpoint: &str,
    region: &str,
    service: &str,
    credentials: &Credentials,
    form: &[(String, String)],
) -> Result<Answer, SendError> {
    let url = url::Url::parse(endpoint).map_err(|error| SendError::lasting(format!("api_url: {error}")))?;
    let signer = Signer {
        region,
        service,
        credentials,
    };
    let request = form_request(courier.client, &url, &signer, form, jiff::Timestamp::now());
    courier.send(request, RULES).await
}

/// Keys for an hour in the role of the settings.
async fn assume_role(
    config: &SnsConfig,
    courier: &Courier<'_>,
    region: &str,
    own: &Credentials,
) -> Result<Credentials, SendError> {
    let form = assume_role_form(&config.sigv4.role_arn, &config.sigv4.external_id);
    let endpoint = courier.endpoints.sts.replace("{region}", region);
    let answer = post(courier, &endpoint, region, "sts", own, &form).await?;
    Credentials::of_assumed_role(&String::from_utf8_lossy(&answer.body)).map_err(|error| lasting(&error))
}

fn lasting(error: &CredentialsError) -> SendError {
    SendError::lasting(error.to_string())
}

/// Code and message of an error in XML.
fn message_of(_status: u16, body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let message = element(&text, "Message")?;
    Some(match element(&text, "Code") {
        Some(code) => format!("{code}: {message}"),
        None => message.to_owned(),
    })
}
