//! ServiceMonitor, PodMonitor and Probe objects of the Prometheus operator
//! (<https://prometheus-operator.dev/docs/api-reference/api/>) as scrape jobs, with the labels that the
//! operator's jobs give.
//!
//! ```text
//!   documents ─▶ objects ─▶ MonitorSet ─▶ a job for each endpoint ─▶ ScrapeConfig
//!                  └ Secret, ConfigMap: what endpoints refer to
//! ```

mod endpoint;
mod oauth2;
mod pod_monitor;
mod probe;
mod proxy;
mod references;
mod relabel;
mod selector;
mod service_monitor;

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use skopos_config::{GlobalConfig, PrometheusConfig, ScrapeConfig, format_duration};

use references::References;

/// The API group of the monitors.
const GROUP: &str = "monitoring.coreos.com/";

/// How jobs made of monitors find the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterAccess {
    /// `api_server` of their discovery; empty for the cluster that this process runs in.
    pub api_server: String,
    /// `kubeconfig_file` of their discovery.
    pub kubeconfig_file: String,
}

/// The jobs of a set of objects.
#[derive(Debug, Default)]
pub struct Jobs {
    /// A job for each endpoint.
    pub configs: Vec<ScrapeConfig>,
    /// What objects ask for that is not done.
    pub warnings: Vec<String>,
    /// Objects that make no jobs.
    pub errors: Vec<MonitorError>,
}

/// An object that is no good monitor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{object}: {reason}")]
pub struct MonitorError {
    /// Kind, namespace and name.
    pub object: String,
    /// What is wrong with it.
    pub reason: String,
}

/// `metadata`, as far as jobs need it.
#[derive(Debug, Clone, Deserialize)]
struct Meta {
    name: String,
    #[serde(default = "default_namespace")]
    namespace: String,
}

fn default_namespace() -> String {
    "default".to_owned()
}

#[derive(Debug, Clone, Deserialize)]
struct Object<S> {
    metadata: Meta,
    spec: S,
}

/// A job in the making: its section, as JSON.
type Job = Map<String, Value>;

/// What jobs are made with.
struct Maker<'a> {
    access: &'a ClusterAccess,
    global: &'a GlobalConfig,
    references: &'a References,
    warnings: Vec<String>,
}

impl Maker<'_> {
    /// Says which keys of a job's object are not carried out.
    fn warn_of(&mut self, job: &Job, others: &Map<String, Value>) {
        let name = job.get("job_name").and_then(Value::as_str).unwrap_or_default();
        let warnings = others
            .keys()
            .map(|key| format!("{name}: {key} is read but not carried out"));
        self.warnings.extend(warnings);
    }

    /// `kubernetes_sd_configs` of a role in some namespaces; none for all.
    fn discovery(&self, role: &str, namespaces: &[String], attach: Option<&Value>) -> Value {
        let mut config = json!({ "role": role });
        if !namespaces.is_empty() {
            config["namespaces"] = json!({ "names": namespaces });
        }
        if let Some(attach) = attach {
            config["attach_metadata"] = attach.clone();
        }
        if !self.access.api_server.is_empty() {
            config["api_server"] = json!(self.access.api_server);
        }
        if !self.access.kubeconfig_file.is_empty() {
            config["kubeconfig_file"] = json!(self.access.kubeconfig_file);
        }
        json!([config])
    }
}

/// The jobs of all monitors among `objects`, with the intervals of `global` where they have none. Objects of
/// other kinds are left alone, but for those that endpoints refer to.
pub fn scrape_jobs(objects: &[Value], access: &ClusterAccess, global: &GlobalConfig) -> Jobs {
    let references = References::of(objects);
    let mut maker = Maker {
        access,
        global,
        references: &references,
        warnings: Vec::new(),
    };
    let mut jobs = Jobs::default();
    for object in objects {
        match jobs_of(object, &mut maker) {
            Ok(configs) => jobs.configs.extend(configs),
            Err(error) => jobs.errors.push(error),
        }
    }
    jobs.warnings = maker.warnings;
    jobs
}

/// The jobs of one object; none of one that is no monitor.
fn jobs_of(object: &Value, maker: &mut Maker<'_>) -> Result<Vec<ScrapeConfig>, MonitorError> {
    let version = object["apiVersion"].as_str().unwrap_or_default();
    let kind = object["kind"].as_str().unwrap_or_default();
    let jobs = match kind {
        _ if !version.starts_with(GROUP) => return Ok(Vec::new()),
        "ServiceMonitor" => service_monitor::jobs(&read(object)?, maker),
        "PodMonitor" => pod_monitor::jobs(&read(object)?, maker),
        "Probe" => probe::jobs(&read(object)?, maker),
        _ => return Ok(Vec::new()),
    };
    let global = maker.global;
    let checked = jobs.and_then(|jobs| jobs.iter().map(|job| checked(job, global)).collect());
    checked.map_err(|reason| error(object, reason))
}

fn read<S: DeserializeOwned>(object: &Value) -> Result<Object<S>, MonitorError> {
    serde_json::from_value(object.clone()).map_err(|reason| error(object, reason.to_string()))
}

fn error(object: &Value, reason: String) -> MonitorError {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or("default");
    MonitorError {
        object: format!(
            "{} {namespace}/{}",
            text(&object["kind"]),
            text(&object["metadata"]["name"])
        ),
        reason,
    }
}

/// The job as the configuration's reader takes it, so that the same checks hold.
fn checked(job: &Job, global: &GlobalConfig) -> Result<ScrapeConfig, String> {
    let document = json!({
        "global": {
            "scrape_interval": format_duration(global.scrape_interval),
            "scrape_timeout": format_duration(global.scrape_timeout),
        },
        "scrape_configs": [job],
    })
    .to_string();
    let config = PrometheusConfig::parse(&document, Path::new("")).map_err(|error| error.message)?;
    let mut jobs = config.scrape_configs;
    jobs.pop().ok_or_else(|| "it makes no job".to_owned())
}

/// Reads all documents of a text: YAML with `---` between them, JSON, and lists of objects.
pub fn documents(text: &str) -> Result<Vec<Value>, String> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| error.to_string())?;
    let mut objects = Vec::new();
    for document in documents {
        match document {
            Value::Object(mut map)
                if map
                    .get("kind")
                    .and_then(Value::as_str)
                    .is_some_and(|kind| kind.ends_with("List")) =>
            {
                if let Some(Value::Array(items)) = map.remove("items") {
                    objects.extend(items);
                }
            }
            Value::Null => {}
            other => objects.push(other),
        }
    }
    Ok(objects)
}
