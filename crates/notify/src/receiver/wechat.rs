//! `wechat_configs`: messages of WeChat Work. A token is had first and kept while it lives.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value as Json, json};
use skopos_alertmanager::config::receiver::WechatConfig;

use super::body::{Body, text};
use super::{Sent, sent};
use crate::courier::{Answer, AnswerRules, Courier};
use crate::send_error::{FailureReason, SendError};
use crate::template::{Rendering, TemplateError};

/// WeChat's tokens live for two hours.
const TOKEN_LIFE: Duration = Duration::from_hours(2);
/// The token has expired or is not known.
const TOKEN_ERRORS: [i64; 3] = [40001, 40014, 42001];

pub(super) fn render(config: &WechatConfig, rendering: &Rendering<'_>) -> Result<Json, TemplateError> {
    let message_type = config.message_type.as_str();
    let mut body = Body::new(rendering);
    body.set_unless_empty("touser", rendering.text("to_user", &config.to_user)?);
    body.set_unless_empty("toparty", rendering.text("to_party", &config.to_party)?);
    body.set_unless_empty("totag", rendering.text("to_tag", &config.to_tag)?);
    body.set_unless_empty("agentid", rendering.text("agent_id", &config.agent_id)?);
    body.set("safe", "0");
    body.set("msgtype", message_type);
    body.set(
        message_type,
        json!({ "content": rendering.text("message", &config.message)? }),
    );
    Ok(body.into_json())
}

pub(super) async fn send(config: &WechatConfig, body: &Json, courier: &Courier<'_>) -> Result<Sent, SendError> {
    let token = token(config, courier).await?;
    courier.hide(&token);
    let request = courier
        .client
        .request(Method::POST, &format!("{}message/send", config.api_url))
        .query(&[("access_token", token.as_str())])
        .json(body);
    let answer = courier.send(request, AnswerRules::PLAIN).await?;
    match failure(&answer)? {
        None => Ok(sent(answer.status)),
        Some((code, message)) => {
            let error = SendError::lasting(format!("error response from WeChat: {code} {message}"));
            if !TOKEN_ERRORS.contains(&code) {
                return Err(error.with_reason(FailureReason::ClientError));
            }
            courier.token.forget();
            Err(SendError {
                is_recoverable: true,
                ..error.with_reason(FailureReason::AuthError)
            })
        }
    }
}

async fn token(config: &WechatConfig, courier: &Courier<'_>) -> Result<String, SendError> {
    if let Some(token) = courier.token.get() {
        return Ok(token);
    }
    let secret = courier
        .secret("api_secret", &config.api_secret, &config.api_secret_file)
        .await?;
    let corp_id = courier.rendering.text("corp_id", &config.corp_id)?;
    let request = courier
        .client
        .request(Method::GET, &format!("{}gettoken", config.api_url))
        .query(&[("corpsecret", &secret), ("corpid", &corp_id)]);
    let answer = courier.send(request, AnswerRules::PLAIN).await?;
    if let Some((code, message)) = failure(&answer)? {
        let error = SendError::lasting(format!("no token of WeChat: {code} {message}"));
        return Err(error.with_reason(FailureReason::AuthError));
    }
    match text(&answer.json()?, "access_token") {
        "" => Err(SendError::lasting(
            "invalid APISecret for CorpID: the answer holds no access_token",
        )),
        token => {
            courier.token.keep(token, TOKEN_LIFE);
            Ok(token.to_owned())
        }
    }
}

/// Code and text of an answer that says, with status 200, what went wrong.
fn failure(answer: &Answer) -> Result<Option<(i64, String)>, SendError> {
    let answer = answer.json()?;
    let code = answer.get("errcode").and_then(Json::as_i64).unwrap_or(0);
    Ok((code != 0).then(|| (code, text(&answer, "errmsg").to_owned())))
}
