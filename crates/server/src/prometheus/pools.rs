//! `/api/v1/scrape_pools`, `/api/v1/scrape_pools/config` and `/api/v1/targets/relabel_steps`: the
//! pools, how each is configured, and what its relabelling rules make of a label set, one by one.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Map, Value, json};
use skopos_config::RelabelConfig;
use skopos_core::{Labels, LabelsBuilder};
use skopos_relabel::{Relabeler, Verdict};

use super::envelope::{ApiError, ErrorType, success};
use super::labels::LabelsJson;
use crate::params::Params;
use crate::router::Shared;

const POOL: &str = "scrapePool";

/// Names of the scrape pools.
pub(crate) async fn names(State(app): State<Shared>) -> Response {
    success(json!({ "scrapePools": app.state.targets.targets().pools }))
}

/// The configuration of one pool.
pub(crate) async fn config(State(app): State<Shared>, params: Params) -> Result<Response, ApiError> {
    let job = job(&app, &params)?;
    let yaml = serde_saphyr::to_string(&job).map_err(|error| ApiError::new(ErrorType::Internal, error.to_string()))?;
    Ok(success(json!({ "yaml": yaml })))
}

/// What each relabelling rule of a pool makes of the labels that discovery found.
pub(crate) async fn relabel_steps(State(app): State<Shared>, params: Params) -> Result<Response, ApiError> {
    let job = job(&app, &params)?;
    let found: BTreeMap<String, String> = serde_json::from_str(params.get("labels"))
        .map_err(|error| ApiError::parameter("labels", format!("error parsing labels: {error}")))?;
    let rules = job["relabel_configs"].as_array().cloned().unwrap_or_default();
    let mut labels = LabelsBuilder::from_labels(&Labels::from_pairs(&found));
    let mut steps = Vec::new();
    for rule in rules {
        let keep = apply(&rule, &mut labels).map_err(|reason| ApiError::new(ErrorType::Internal, reason))?;
        steps.push(json!({
            "rule": camel_case(&rule),
            "output": LabelsJson(&labels.build()),
            "keep": keep,
        }));
        if !keep {
            break;
        }
    }
    Ok(success(json!({ "steps": steps })))
}

/// The job of the pool as configured, defaults filled in and secrets left out.
fn job(app: &Shared, params: &Params) -> Result<Value, ApiError> {
    let pool = params.get(POOL);
    if pool.is_empty() {
        return Err(ApiError::bad_data("no scrapePool parameter provided"));
    }
    let config: Value = serde_saphyr::from_str(&app.state.config.yaml()).map_err(|error| {
        ApiError::new(
            ErrorType::Internal,
            format!("the configuration is not readable: {error}"),
        )
    })?;
    let jobs = config["scrape_configs"].as_array().cloned().unwrap_or_default();
    jobs.into_iter()
        .find(|job| job["job_name"] == pool)
        .ok_or_else(|| ApiError::parameter(POOL, format!("scrape pool {pool:?} not found")))
}

/// Applies one rule; false where it drops the target.
fn apply(rule: &Value, labels: &mut LabelsBuilder) -> Result<bool, String> {
    // JSON is YAML.
    let rules = RelabelConfig::parse_list(&json!([rule]).to_string()).map_err(|error| error.to_string())?;
    let relabeler = Relabeler::new(&rules).map_err(|error| error.to_string())?;
    Ok(relabeler.apply(labels) == Verdict::Keep)
}

/// A rule under the names that the API has: `sourceLabels` for `source_labels`.
fn camel_case(rule: &Value) -> Value {
    let Some(fields) = rule.as_object() else {
        return rule.clone();
    };
    let renamed: Map<String, Value> = fields
        .iter()
        .map(|(name, value)| {
            let mut words = name.split('_');
            let first = words.next().unwrap_or_default().to_owned();
            let name = words.fold(first, |name, word| {
                let (head, tail) = word.split_at(word.len().min(1));
                name + &head.to_ascii_uppercase() + tail
            });
            (name, value.clone())
        })
        .collect();
    Value::Object(renamed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_applied_one_by_one() {
        let mut labels = LabelsBuilder::from_labels(&Labels::from_pairs([("__address__", "a:80")]));
        let replace = json!({ "source_labels": ["__address__"], "target_label": "host", "regex": "(.*):.*" });
        assert_eq!(apply(&replace, &mut labels), Ok(true));
        assert_eq!(labels.get("host"), "a");
        let drop = json!({ "source_labels": ["host"], "regex": "a", "action": "drop" });
        assert_eq!(apply(&drop, &mut labels), Ok(false));
        assert!(apply(&json!({ "regex": "(" }), &mut labels).is_err());
        assert_eq!(camel_case(&replace)["sourceLabels"][0], "__address__");
    }
}
