//! `/api/v1/rules`, `/api/v1/alerts`, `/api/v1/alertmanagers`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use skopos_core::Matcher;
use skopos_rules::{AlertView, GroupView, RuleView, RuleViewKind};

use super::arguments;
use super::envelope::{ApiError, success};
use super::labels::{LabelsJson, MapJson, PairsJson};
use crate::number;
use crate::params::Params;
use crate::router::Shared;
use crate::skopos::alerting::{AlertingCall, answer};
use crate::time::rfc3339;

/// The rule groups, filtered and paged.
pub(crate) async fn rules(State(app): State<Shared>, params: Params) -> Result<Response, ApiError> {
    let filter = RuleFilter::read(&params)?;
    let page = Page::read(&params)?;
    let mut groups = app.state.rules.groups();
    groups.retain(|group| filter.takes_group(group));
    let next_token = page.cut(&mut groups)?;
    let shown: Vec<GroupJson<'_>> = groups.iter().map(|group| group_json(group, &filter)).collect();
    let shown: Vec<_> = shown
        .into_iter()
        .filter(|group| !filter.narrows() || !group.rules.is_empty())
        .collect();
    Ok(success(RulesJson {
        groups: shown,
        group_next_token: next_token,
    }))
}

/// All active alerts.
pub(crate) async fn alerts(State(app): State<Shared>) -> Response {
    let groups = app.state.rules.groups();
    let rules = groups.iter().flat_map(|group| &group.rules);
    let alerts = rules.flat_map(RuleView::alerts);
    success(json!({ "alerts": alerts.map(alert_json).collect::<Vec<_>>() }))
}

/// Alertmanagers that alerts are sent to, and those that relabelling dropped.
pub(crate) async fn alertmanagers(State(app): State<Shared>) -> Result<Response, ApiError> {
    if app.state.alerting.is_none() {
        return Ok(success(
            json!({ "activeAlertmanagers": [], "droppedAlertmanagers": [] }),
        ));
    }
    answer(&app, AlertingCall::Alertmanagers).await.map(success)
}

#[derive(Serialize)]
struct RulesJson<'a> {
    groups: Vec<GroupJson<'a>>,
    #[serde(rename = "groupNextToken", skip_serializing_if = "Option::is_none")]
    group_next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupJson<'a> {
    name: &'a str,
    file: &'a str,
    rules: Vec<RuleJson<'a>>,
    #[serde(serialize_with = "number::serialize")]
    interval: f64,
    limit: usize,
    #[serde(serialize_with = "number::serialize")]
    evaluation_time: f64,
    last_evaluation: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    name: &'a str,
    query: &'a str,
    #[serde(flatten)]
    alerting: Option<AlertingJson<'a>>,
    labels: MapJson<'a>,
    health: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    last_error: &'a str,
    #[serde(serialize_with = "number::serialize")]
    evaluation_time: f64,
    last_evaluation: String,
    r#type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertingJson<'a> {
    #[serde(serialize_with = "number::serialize")]
    duration: f64,
    #[serde(serialize_with = "number::serialize")]
    keep_firing_for: f64,
    annotations: MapJson<'a>,
    alerts: Vec<AlertJson<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertJson<'a> {
    labels: LabelsJson<'a>,
    annotations: PairsJson<'a>,
    state: &'static str,
    active_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_firing_since: Option<String>,
    value: String,
}

fn group_json<'a>(group: &'a GroupView, filter: &RuleFilter) -> GroupJson<'a> {
    let rules = group.rules.iter().filter(|rule| filter.takes_rule(rule));
    GroupJson {
        name: &group.name,
        file: &group.file,
        rules: rules.map(|rule| rule_json(rule, filter.alerts)).collect(),
        interval: group.interval_seconds,
        limit: group.limit,
        evaluation_time: group.evaluation_seconds,
        last_evaluation: rfc3339(group.last_evaluation_ms),
    }
}

fn rule_json(rule: &RuleView, shown: ShowAlerts) -> RuleJson<'_> {
    let alerting = alerting_json(rule, shown);
    RuleJson {
        state: alerting.as_ref().map(|_| state_of(rule)),
        name: &rule.name,
        query: &rule.query,
        r#type: if alerting.is_some() { "alerting" } else { "recording" },
        alerting,
        labels: MapJson(&rule.labels),
        health: rule.health.as_str(),
        last_error: &rule.last_error,
        evaluation_time: rule.evaluation_seconds,
        last_evaluation: rfc3339(rule.last_evaluation_ms),
    }
}

/// The state of an alerting rule is its worst alert's; `unknown` before the first evaluation.
fn state_of(rule: &RuleView) -> &'static str {
    match &rule.kind {
        RuleViewKind::Alerting { state, .. } if rule.last_evaluation_ms.is_some() => state.as_str(),
        _ => "unknown",
    }
}

fn alerting_json(rule: &RuleView, shown: ShowAlerts) -> Option<AlertingJson<'_>> {
    let RuleViewKind::Alerting {
        hold_seconds,
        keep_firing_for_seconds,
        annotations,
        alerts,
        ..
    } = &rule.kind
    else {
        return None;
    };
    let alerts: &[AlertView] = match shown {
        ShowAlerts::Yes => alerts,
        ShowAlerts::No => &[],
    };
    Some(AlertingJson {
        duration: *hold_seconds,
        keep_firing_for: *keep_firing_for_seconds,
        annotations: MapJson(annotations),
        alerts: alerts.iter().map(alert_json).collect(),
    })
}

fn alert_json(alert: &AlertView) -> AlertJson<'_> {
    AlertJson {
        labels: LabelsJson(&alert.labels),
        annotations: PairsJson(&alert.annotations),
        state: alert.state.as_str(),
        active_at: rfc3339(Some(alert.active_at_ms)),
        keep_firing_since: alert.keep_firing_since_ms.map(|since| rfc3339(Some(since))),
        value: alert.value_text(),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ShowAlerts {
    Yes,
    No,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RuleType {
    Any,
    Alerting,
    Recording,
}

#[derive(Debug)]
struct RuleFilter {
    rule_type: RuleType,
    names: Vec<String>,
    groups: Vec<String>,
    files: Vec<String>,
    /// Selectors of `match[]`, on the labels of rules; any may match.
    selectors: Vec<Vec<Matcher>>,
    alerts: ShowAlerts,
}

impl RuleFilter {
    fn read(params: &Params) -> Result<Self, ApiError> {
        let rule_type = match params.get("type") {
            "" => RuleType::Any,
            "alert" => RuleType::Alerting,
            "record" => RuleType::Recording,
            other => return Err(ApiError::parameter("type", format!("not supported value {other:?}"))),
        };
        let alerts = match params.get("exclude_alerts") {
            "" | "0" | "f" | "F" | "false" | "FALSE" | "False" => ShowAlerts::Yes,
            "1" | "t" | "T" | "true" | "TRUE" | "True" => ShowAlerts::No,
            other => {
                let reason = format!("error converting exclude_alerts: parsing {other:?}: invalid syntax");
                return Err(ApiError::parameter("exclude_alerts", reason));
            }
        };
        let list = |name| params.all(name).map(str::to_owned).collect();
        Ok(Self {
            rule_type,
            names: list("rule_name[]"),
            groups: list("rule_group[]"),
            files: list("file[]"),
            selectors: arguments::selectors(params)?,
            alerts,
        })
    }

    fn takes_group(&self, group: &GroupView) -> bool {
        takes(&self.groups, &group.name) && takes(&self.files, &group.file)
    }

    fn takes_rule(&self, rule: &RuleView) -> bool {
        let of_type = match self.rule_type {
            RuleType::Any => true,
            RuleType::Alerting => matches!(rule.kind, RuleViewKind::Alerting { .. }),
            RuleType::Recording => matches!(rule.kind, RuleViewKind::Recording),
        };
        of_type && takes(&self.names, &rule.name) && self.takes_labels(rule)
    }

    fn takes_labels(&self, rule: &RuleView) -> bool {
        let value = |name: &str| rule.labels.get(name).map_or("", String::as_str);
        let holds = |matcher: &Matcher| matcher.matches(value(matcher.name()));
        self.selectors.is_empty() || self.selectors.iter().any(|matchers| matchers.iter().all(holds))
    }

    /// Whether groups may lose rules, so that empty ones are left out.
    fn narrows(&self) -> bool {
        self.rule_type != RuleType::Any || !self.names.is_empty() || !self.selectors.is_empty()
    }
}

fn takes(wanted: &[String], name: &str) -> bool {
    wanted.is_empty() || wanted.iter().any(|wanted| wanted == name)
}

/// A page of groups: at most `limit`, from the group whose token is given.
#[derive(Debug)]
struct Page {
    limit: Option<usize>,
    token: Option<String>,
}

impl Page {
    fn read(params: &Params) -> Result<Self, ApiError> {
        let token = params.non_empty("group_next_token").map(str::to_owned);
        let Some(text) = params.non_empty("group_limit") else {
            return match token {
                None => Ok(Self { limit: None, token }),
                Some(_) => Err(ApiError::parameter(
                    "group_limit",
                    "group_limit needs to be present in order to paginate over the groups",
                )),
            };
        };
        let limit: i64 = text.parse().map_err(|_| {
            ApiError::parameter(
                "group_limit",
                format!("group_limit needs to be a valid number: parsing {text:?}: invalid syntax"),
            )
        })?;
        match usize::try_from(limit) {
            Ok(limit) if limit > 0 => Ok(Self {
                limit: Some(limit),
                token,
            }),
            _ => Err(ApiError::parameter(
                "group_limit",
                "group_limit needs to be greater than 0",
            )),
        }
    }

    /// Cuts the groups and gives the token of the next page.
    fn cut(&self, groups: &mut Vec<Arc<GroupView>>) -> Result<Option<String>, ApiError> {
        if let Some(token) = &self.token {
            let start = groups
                .iter()
                .position(|group| token_of(group) == *token)
                .ok_or_else(|| {
                    let reason = format!("invalid group_next_token '{token}'. were rule groups changed?");
                    ApiError::parameter("group_next_token", reason)
                })?;
            groups.drain(..start);
        }
        let Some(limit) = self.limit.filter(|limit| groups.len() > *limit) else {
            return Ok(None);
        };
        let next = token_of(&groups[limit]);
        groups.truncate(limit);
        Ok(Some(next))
    }
}

/// Names a group in a page token: the SHA-256 of file and name, as Prometheus does.
fn token_of(group: &GroupView) -> String {
    hex::encode(Sha256::digest(format!("{};{}", group.file, group.name)))
}
