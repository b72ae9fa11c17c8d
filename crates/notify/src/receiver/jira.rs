//! `jira_configs`: an issue for each group, found again by a label, updated, resolved and opened
//! again by transitions.

use reqwest::Method;
use serde_json::{Map, Value as Json, json};
use skopos_alertmanager::config::receiver::{JiraApiType, JiraConfig};

use super::body::text;
use super::{Sent, sent};
use crate::courier::{Answer, AnswerRules, Courier};
use crate::send_error::SendError;
use crate::template::{Rendering, TemplateError};
use crate::truncate;

const MAX_SUMMARY: usize = 255;
const MAX_DESCRIPTION: usize = 32_767;

/// The issue as it is created.
pub(super) fn render(config: &JiraConfig, rendering: &Rendering<'_>) -> Result<Json, TemplateError> {
    let summary = rendering.text("summary", &config.summary.template)?;
    let mut fields = Map::new();
    for (name, value) in &config.fields {
        fields.insert(name.clone(), rendering.free_form(&format!("fields.{name}"), value)?);
    }
    fields.insert(
        "project".to_owned(),
        json!({ "key": rendering.text("project", &config.project)? }),
    );
    fields.insert(
        "issuetype".to_owned(),
        json!({ "name": rendering.text("issue_type", &config.issue_type)? }),
    );
    fields.insert("summary".to_owned(), truncate::characters(summary, MAX_SUMMARY).into());
    if let Some(description) = description(config, rendering)? {
        fields.insert("description".to_owned(), description);
    }
    let mut labels = vec![alert_label(rendering)];
    for label in &config.labels {
        labels.push(rendering.text("labels", label)?);
    }
    labels.sort_unstable();
    fields.insert("labels".to_owned(), labels.into());
    let priority = rendering.text("priority", &config.priority)?;
    if !priority.is_empty() {
        fields.insert("priority".to_owned(), json!({ "name": priority }));
    }
    Ok(json!({ "fields": fields }))
}

/// Version 3 of the API takes a document, whose JSON the template gives; others take text.
fn description(config: &JiraConfig, rendering: &Rendering<'_>) -> Result<Option<Json>, TemplateError> {
    let text = rendering.text("description", &config.description.template)?;
    let text = truncate::characters(text, MAX_DESCRIPTION);
    if !config.api_url.trim_end_matches('/').ends_with("/3") {
        return Ok((!text.is_empty()).then(|| text.into()));
    }
    if text.trim().is_empty() {
        return Ok(None);
    }
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|error| TemplateError::Unfit {
            field: "description".to_owned(),
            reason: format!("invalid JSON for API v3: {error}"),
        })
}

fn alert_label(rendering: &Rendering<'_>) -> String {
    format!("ALERT{{{}}}", rendering.key_hash())
}

/// An issue that exists.
struct Issue {
    key: String,
    is_done: bool,
}

pub(super) async fn send(config: &JiraConfig, body: &Json, courier: &Courier<'_>) -> Result<Sent, SendError> {
    let is_firing = courier.rendering.is_firing();
    let found = search(config, body, courier)
        .await
        .map_err(|error| within("failed to look up existing issues", error))?;
    let Some(issue) = found else {
        // Nothing is opened only to be closed.
        if !is_firing {
            return Ok(sent(200));
        }
        let answer = call(config, courier, Method::POST, "issue", Some(body)).await;
        let answer = answer.map_err(|error| within("failed to POST request to \"issue\"", error))?;
        return Ok(sent(answer.status));
    };
    let mut body = body.clone();
    if let Some(fields) = body.get_mut("fields").and_then(Json::as_object_mut) {
        if !config.summary.enable_update {
            fields.shift_remove("summary");
        }
        if !config.description.enable_update {
            fields.shift_remove("description");
        }
    }
    let path = format!("issue/{}", issue.key);
    let answer = call(config, courier, Method::PUT, &path, Some(&body)).await;
    let answer = answer.map_err(|error| within(&format!("failed to PUT request to {path:?}"), error))?;
    let transition = match (is_firing, issue.is_done) {
        (true, true) => &config.reopen_transition,
        (false, false) => &config.resolve_transition,
        _ => return Ok(sent(answer.status)),
    };
    if transition.is_empty() {
        return Ok(sent(answer.status));
    }
    transit(config, courier, &issue.key, transition).await
}

/// The group's issue: open, or closed so lately that it is opened again.
async fn search(config: &JiraConfig, body: &Json, courier: &Courier<'_>) -> Result<Option<Issue>, SendError> {
    let project = body
        .pointer("/fields/project/key")
        .and_then(Json::as_str)
        .unwrap_or_default();
    let resolution = match config.wont_fix_resolution.as_str() {
        "" => String::new(),
        resolution => format!("resolution != {resolution:?} and "),
    };
    let minutes = config.reopen_duration.as_secs() / 60;
    let reopens = courier.rendering.is_firing() && !config.reopen_transition.is_empty() && minutes > 0;
    let state = if reopens {
        format!("(resolutiondate is EMPTY OR resolutiondate >= -{minutes}m)")
    } else {
        "statusCategory != Done".to_owned()
    };
    let label = alert_label(courier.rendering);
    let order = "order by status ASC,resolutiondate DESC";
    let jql = format!("{resolution}{state} and project={project:?} and labels={label:?} {order}");
    let query = json!({ "jql": jql, "maxResults": 2, "fields": ["status"] });
    let answer = call_url(courier, Method::POST, &search_url(config), Some(&query)).await?;
    let answer = answer.json()?;
    let Some(issue) = answer.pointer("/issues/0") else {
        return Ok(None);
    };
    let category = issue
        .pointer("/fields/status/statusCategory/key")
        .and_then(Json::as_str);
    Ok(Some(Issue {
        key: text(issue, "key").to_owned(),
        is_done: category == Some("done"),
    }))
}

/// Jira Cloud searches under another path than Data Center.
fn search_url(config: &JiraConfig) -> String {
    let base = config.api_url.trim_end_matches('/');
    let is_cloud = match config.api_type {
        JiraApiType::Cloud => true,
        JiraApiType::Datacenter => false,
        JiraApiType::Auto => {
            let host = url::Url::parse(base).ok();
            let host = host.as_ref().and_then(url::Url::host_str).unwrap_or_default();
            host.ends_with("atlassian.net")
        }
    };
    if is_cloud {
        format!("{base}/search/jql").replacen("/rest/api/2/", "/rest/api/3/", 1)
    } else {
        format!("{base}/search")
    }
}

async fn transit(config: &JiraConfig, courier: &Courier<'_>, key: &str, name: &str) -> Result<Sent, SendError> {
    let path = format!("issue/{key}/transitions");
    let answer = call(config, courier, Method::GET, &path, None).await?.json()?;
    let mut transitions = answer.get("transitions").and_then(Json::as_array).into_iter().flatten();
    let known = transitions.find(|transition| text(transition, "name") == name);
    let Some(transition) = known else {
        return Err(SendError::lasting(format!(
            "can't find transition {name} for issue {key}"
        )));
    };
    let body = json!({ "transition": { "id": text(transition, "id") } });
    let answer = call(config, courier, Method::POST, &path, Some(&body)).await?;
    Ok(sent(answer.status))
}

async fn call(
    config: &JiraConfig,
    courier: &Courier<'_>,
    method: Method,
    path: &str,
    body: Option<&Json>,
) -> Result<Answer, SendError> {
    let url = format!("{}/{path}", config.api_url.trim_end_matches('/'));
    call_url(courier, method, &url, body).await
}

async fn call_url(courier: &Courier<'_>, method: Method, url: &str, body: Option<&Json>) -> Result<Answer, SendError> {
    let mut request = courier.client.request(method, url).header("Accept-Language", "en");
    if let Some(body) = body {
        request = request.json(body);
    }
    courier.send(request, AnswerRules::RATE_LIMITED).await
}

fn within(what: &str, mut error: SendError) -> SendError {
    error.text = format!("{what}: {}", error.text);
    error
}
