//! PodMonitor: ports of the pods that a selector names.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::labels::sanitized;

use super::endpoint::{NameOrNumber, Scraping};
use super::relabel::{self, RelabelConfig, copy, copy_some};
use super::selector::Selection;
use super::{Job, Maker, Meta, Object};

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spec {
    pod_metrics_endpoints: Vec<Endpoint>,
    #[serde(flatten)]
    selection: Selection,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    #[serde(default)]
    port: String,
    #[serde(default)]
    port_number: Option<u16>,
    #[serde(default)]
    target_port: Option<NameOrNumber>,
    #[serde(flatten)]
    scraping: Scraping,
}

impl Endpoint {
    fn port(&self) -> Option<NameOrNumber> {
        let named = Some(&self.port).filter(|port| !port.is_empty());
        let named = named.map(|port| NameOrNumber::Name(port.clone()));
        named
            .or(self.port_number.map(NameOrNumber::Number))
            .or_else(|| self.target_port.clone())
    }
}

pub(super) fn jobs(object: &Object<Spec>, maker: &mut Maker<'_>) -> Result<Vec<Job>, String> {
    let (meta, spec) = (&object.metadata, &object.spec);
    let namespaces = spec.selection.namespace_selector.namespaces(&meta.namespace);
    let mut jobs = Vec::new();
    for (index, endpoint) in spec.pod_metrics_endpoints.iter().enumerate() {
        let name = format!("podMonitor/{}/{}/{index}", meta.namespace, meta.name);
        let mut job = endpoint.scraping.job(&name, &meta.namespace, maker)?;
        spec.selection.limits.set(&mut job, maker);
        let discovery = maker.discovery("pod", &namespaces, spec.selection.attach_metadata.as_ref());
        job.insert("kubernetes_sd_configs".to_owned(), discovery);
        job.insert("relabel_configs".to_owned(), json!(rules(meta, spec, endpoint)?));
        jobs.push(job);
    }
    Ok(jobs)
}

fn rules(meta: &Meta, spec: &Spec, endpoint: &Endpoint) -> Result<Vec<Value>, String> {
    let mut rules = vec![relabel::keep_job_name()];
    if endpoint.scraping.drops_ended() {
        rules.push(relabel::drop_ended());
    }
    rules.extend(spec.selection.selector.rules("pod")?);
    let port = endpoint.port();
    rules.extend(port.as_ref().map(NameOrNumber::keep));
    for (from, to) in [
        ("__meta_kubernetes_namespace", "namespace"),
        ("__meta_kubernetes_pod_container_name", "container"),
        ("__meta_kubernetes_pod_name", "pod"),
    ] {
        rules.push(copy(from, to));
    }
    for label in &spec.selection.pod_target_labels {
        let label = sanitized(label);
        rules.push(copy_some(&format!("__meta_kubernetes_pod_label_{label}"), &label));
    }
    rules.push(relabel::set("job", &format!("{}/{}", meta.namespace, meta.name)));
    if !spec.selection.job_label.is_empty() {
        let label = format!("__meta_kubernetes_pod_label_{}", sanitized(&spec.selection.job_label));
        rules.push(copy_some(&label, "job"));
    }
    rules.extend(port.map(|port| relabel::set("endpoint", &port.to_string())));
    rules.extend(endpoint.scraping.relabelings.iter().map(RelabelConfig::rule));
    Ok(rules)
}
