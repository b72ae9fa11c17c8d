//! Scenarios of kind `api`: requests to Alertmanager's port, answered in this process on a virtual
//! clock.

mod expect;
mod node;
mod variables;

use serde::Deserialize;
use serde_json::Value;

use self::node::{Node, Request};
use self::variables::Variables;
use super::scenarios::Scenario;
use super::timeline::{Flags, webhooks_to_sinks};
use crate::Outcome;

#[derive(Deserialize)]
struct Body {
    config: String,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    prefix: String,
    steps: Vec<Step>,
}

/// A request, a pause or a restart.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    query: Option<Value>,
    #[serde(default)]
    body: Option<Value>,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    json: Option<Value>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    count: Option<usize>,
    #[serde(default)]
    save: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    sleep: Option<f64>,
    #[serde(default)]
    restart: Option<Value>,
}

/// The status that is expected where the step says nothing.
const OK: u16 = 200;

pub(super) fn run(scenario: &Scenario, outcome: &mut Outcome) {
    let verdict = scenario.body::<Body>().and_then(|body| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .map_err(|error| format!("no runtime: {error}"))?;
        runtime.block_on(check(&body))
    });
    outcome.record(&scenario.id, verdict);
}

async fn check(body: &Body) -> Result<(), String> {
    let flags = Flags::read(&body.flags)?;
    let mut node = Node::start(&webhooks_to_sinks(&body.config), flags)?;
    let mut variables = Variables::default();
    for (index, step) in body.steps.iter().enumerate() {
        let what = format!(
            "step {} ({} {})",
            index + 1,
            step.method.as_deref().unwrap_or_default(),
            step.path.as_deref().unwrap_or_default()
        );
        take(step, &body.prefix, &mut node, &mut variables)
            .await
            .map_err(|error| format!("{what}: {error}"))?;
    }
    Ok(())
}

async fn take(step: &Step, prefix: &str, node: &mut Node, variables: &mut Variables) -> Result<(), String> {
    if let Some(seconds) = step.sleep {
        node.sleep((seconds * 1000.0).round() as i64).await;
        return Ok(());
    }
    if step.restart.is_some() {
        return node.restart();
    }
    let path = step
        .path
        .as_deref()
        .ok_or("the step has neither path, sleep nor restart")?;
    let now_ms = node.now_ms();
    let body = match &step.body {
        None => None,
        Some(Value::String(text)) => Some(variables.fill(text, now_ms)?),
        Some(value) => Some(variables.fill_value(value, now_ms)?.to_string()),
    };
    let query = match &step.query {
        None => Vec::new(),
        Some(query) => pairs(&variables.fill_value(query, now_ms)?)?,
    };
    let answer = node
        .send(Request {
            method: step.method.clone().unwrap_or_else(|| "GET".to_owned()),
            path: format!("{prefix}{}", variables.fill(path, now_ms)?),
            query,
            headers: step.headers.clone(),
            body,
        })
        .await?;
    let status = step.status.unwrap_or(OK);
    if answer.status != status {
        return Err(format!(
            "should answer {status}, answers {}: {}",
            answer.status, answer.text
        ));
    }
    if let Some(pattern) = &step.text {
        expect::matches(&variables.fill(pattern, now_ms)?, &answer.text)?;
    }
    let json = || serde_json::from_str::<Value>(&answer.text).map_err(|error| format!("{error} in {}", answer.text));
    if let Some(wanted) = &step.json {
        expect::contains(&variables.fill_value(wanted, now_ms)?, &json()?, "")?;
    }
    if let Some(count) = step.count {
        let found = json()?.as_array().map(Vec::len);
        if found != Some(count) {
            return Err(format!("should be a list of {count}: {}", answer.text));
        }
    }
    for (name, path) in &step.save {
        let json = json()?;
        let value = expect::at(&json, path).ok_or_else(|| format!("nothing at {path} in {}", answer.text))?;
        variables.save(name, value);
    }
    Ok(())
}

/// Query parameters as an object or as a list of pairs.
fn pairs(query: &Value) -> Result<Vec<(String, String)>, String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match query {
        Value::Object(object) => Ok(object
            .iter()
            .flat_map(|(name, value)| match value {
                Value::Array(values) => values.iter().map(|value| (name.clone(), text(value))).collect(),
                value => vec![(name.clone(), text(value))],
            })
            .collect()),
        Value::Array(items) => items
            .iter()
            .map(|item| match item.as_array().map(Vec::as_slice) {
                Some([name, value]) => Ok((text(name), text(value))),
                _ => Err(format!("{item} is no pair")),
            })
            .collect(),
        other => Err(format!("{other} is no query")),
    }
}
