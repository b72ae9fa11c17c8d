//! Relabelling: rules on label sets, rules that are refused, and whole targets.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;
use serde_json::{Value, json};
use skopos_config::{PrometheusConfig, RelabelConfig, format_duration};
use skopos_core::{Labels, LabelsBuilder};
use skopos_relabel::{Relabeler, Verdict};
use skopos_scrape::{Discovered, Target, target_of_labels};

use crate::{Outcome, data};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Suite {
    cases: Vec<Case>,
    config_validation: Vec<Validation>,
    legacy_target_label_validity: Vec<TargetLabel>,
    target_relabel: Vec<TargetCase>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    input: BTreeMap<String, String>,
    relabel_configs: Value,
    output: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Validation {
    config: Value,
    scheme: String,
    error: Option<String>,
}

#[derive(Deserialize)]
struct TargetLabel {
    target_label: String,
    valid: bool,
}

#[derive(Deserialize)]
struct TargetCase {
    id: String,
    scrape_config: Value,
    global_scrape_interval: String,
    target: BTreeMap<String, String>,
    expect: Expected,
}

#[derive(Deserialize)]
struct Expected {
    labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    scrape_url: String,
    #[serde(default)]
    interval: String,
    #[serde(default)]
    timeout: String,
    #[serde(default)]
    dropped: bool,
}

/// Runs all cases of the file, or of the `relabel.yaml` in the folder.
pub fn run(path: &Path) -> anyhow::Result<Outcome> {
    let file = data::file(path, "relabel.yaml");
    let Some(text) = data::text(&file)? else {
        return Ok(Outcome::default());
    };
    let suite: Suite = serde_saphyr::from_str(&text).with_context(|| file.display().to_string())?;
    let mut outcome = Outcome::default();
    for case in &suite.cases {
        outcome.record(&case.id, check_rules(case));
    }
    for (index, case) in suite.config_validation.iter().enumerate() {
        outcome.record(format!("config_validation #{index}"), check_validation(case));
    }
    for case in &suite.legacy_target_label_validity {
        outcome.record(
            format!("target_label {:?}", case.target_label),
            check_target_label(case),
        );
    }
    for case in &suite.target_relabel {
        outcome.record(&case.id, check_target(case));
    }
    Ok(outcome)
}

fn check_rules(case: &Case) -> Result<(), String> {
    // JSON is YAML, so the rules are passed on as they are.
    let rules = RelabelConfig::parse_list(&case.relabel_configs.to_string()).map_err(|error| error.to_string())?;
    let relabeler = Relabeler::new(&rules).map_err(|error| error.to_string())?;
    let mut labels = LabelsBuilder::new();
    for (name, value) in &case.input {
        labels.set(name, value);
    }
    let kept = (relabeler.apply(&mut labels) == Verdict::Keep).then(|| labels.build());
    let wanted = case.output.as_ref().map(|output| output.iter().collect::<Labels>());
    if kept == wanted {
        return Ok(());
    }
    Err(format!("should give {wanted:?}, gives {kept:?}"))
}

/// Loads a job with one rule.
fn load(rule: &Value, scheme: &str) -> Result<PrometheusConfig, String> {
    let job = json!({ "job_name": "a", "metric_name_validation_scheme": scheme, "relabel_configs": [rule] });
    let text = json!({ "scrape_configs": [job] }).to_string();
    PrometheusConfig::parse(&text, Path::new("relabel.yml")).map_err(|error| error.to_string())
}

fn check_validation(case: &Validation) -> Result<(), String> {
    match (load(&case.config, &case.scheme), &case.error) {
        (Ok(_), None) => Ok(()),
        (Err(error), Some(words)) if error.contains(words) => Ok(()),
        (Ok(_), Some(words)) => Err(format!("should be refused with {words:?}")),
        (Err(error), wanted) => Err(format!("should give {wanted:?}, we say: {error}")),
    }
}

fn check_target_label(case: &TargetLabel) -> Result<(), String> {
    let rule = json!({ "target_label": case.target_label });
    match (load(&rule, "legacy"), case.valid) {
        (Ok(_), true) | (Err(_), false) => Ok(()),
        (Ok(_), false) => Err("should be refused".to_owned()),
        (Err(error), true) => Err(format!("should load, we say: {error}")),
    }
}

fn check_target(case: &TargetCase) -> Result<(), String> {
    let text = json!({
        "global": { "scrape_interval": case.global_scrape_interval },
        "scrape_configs": [case.scrape_config],
    });
    let config = PrometheusConfig::parse(&text.to_string(), Path::new("relabel.yml"));
    let config = config.map_err(|error| error.to_string())?;
    let job = config.scrape_configs.first().ok_or("no job")?;
    let relabeler = Relabeler::new(&job.relabel_configs).map_err(|error| error.to_string())?;
    let mut labels = LabelsBuilder::new();
    for (name, value) in &case.target {
        labels.set(name, value);
    }
    match (target_of_labels(job, &relabeler, labels), &case.expect.labels) {
        (Discovered::Target(target), Some(labels)) => compare(&target, &labels.iter().collect(), &case.expect),
        (Discovered::Dropped { .. }, None) if case.expect.dropped => Ok(()),
        (Discovered::Invalid { .. }, None) if !case.expect.dropped => Ok(()),
        (discovered, _) => Err(format!("should be otherwise: {discovered:?}")),
    }
}

fn compare(target: &Target, labels: &Labels, expected: &Expected) -> Result<(), String> {
    let got = (format_duration(target.interval), format_duration(target.timeout));
    if target.labels != *labels {
        return Err(format!("labels should be {labels}, are {}", target.labels));
    }
    if target.url != expected.scrape_url {
        return Err(format!("URL should be {}, is {}", expected.scrape_url, target.url));
    }
    if (got.0.as_str(), got.1.as_str()) != (expected.interval.as_str(), expected.timeout.as_str()) {
        return Err(format!(
            "interval and timeout should be {} and {}, are {got:?}",
            expected.interval, expected.timeout
        ));
    }
    Ok(())
}
