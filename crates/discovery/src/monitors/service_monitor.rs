//! ServiceMonitor: endpoints of the services that a selector names.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::labels::sanitized;

use super::endpoint::{NameOrNumber, Scraping};
use super::relabel::{self, RelabelConfig, copy, copy_some, filter, literal};
use super::selector::Selection;
use super::{Job, Maker, Object};

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spec {
    #[serde(default)]
    target_labels: Vec<String>,
    #[serde(default)]
    service_discovery_role: Option<String>,
    endpoints: Vec<Endpoint>,
    #[serde(flatten)]
    selection: Selection,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    #[serde(default)]
    port: String,
    #[serde(default)]
    target_port: Option<NameOrNumber>,
    #[serde(flatten)]
    scraping: Scraping,
}

/// What the labels of endpoints are called in a role.
struct Names {
    role: &'static str,
    port: &'static str,
    target_kind: &'static str,
    target_name: &'static str,
}

const ENDPOINTS: Names = Names {
    role: "endpoints",
    port: "__meta_kubernetes_endpoint_port_name",
    target_kind: "__meta_kubernetes_endpoint_address_target_kind",
    target_name: "__meta_kubernetes_endpoint_address_target_name",
};
const ENDPOINT_SLICE: Names = Names {
    role: "endpointslice",
    port: "__meta_kubernetes_endpointslice_port_name",
    target_kind: "__meta_kubernetes_endpointslice_address_target_kind",
    target_name: "__meta_kubernetes_endpointslice_address_target_name",
};

pub(super) fn jobs(object: &Object<Spec>, maker: &mut Maker<'_>) -> Result<Vec<Job>, String> {
    let (meta, spec) = (&object.metadata, &object.spec);
    let names = match spec.service_discovery_role.as_deref() {
        Some("EndpointSlice") => ENDPOINT_SLICE,
        _ => ENDPOINTS,
    };
    let namespaces = spec.selection.namespace_selector.namespaces(&meta.namespace);
    let mut jobs = Vec::new();
    for (index, endpoint) in spec.endpoints.iter().enumerate() {
        let name = format!("serviceMonitor/{}/{}/{index}", meta.namespace, meta.name);
        let mut job = endpoint.scraping.job(&name, &meta.namespace, maker)?;
        spec.selection.limits.set(&mut job, maker);
        let discovery = maker.discovery(names.role, &namespaces, spec.selection.attach_metadata.as_ref());
        job.insert("kubernetes_sd_configs".to_owned(), discovery);
        job.insert("relabel_configs".to_owned(), json!(rules(spec, endpoint, &names)?));
        jobs.push(job);
    }
    Ok(jobs)
}

fn rules(spec: &Spec, endpoint: &Endpoint, names: &Names) -> Result<Vec<Value>, String> {
    let mut rules = vec![relabel::keep_job_name()];
    rules.extend(spec.selection.selector.rules("service")?);
    if !endpoint.port.is_empty() {
        rules.push(filter("keep", &[names.port.to_owned()], &literal(&endpoint.port)));
    } else if let Some(port) = &endpoint.target_port {
        rules.push(port.keep());
    }
    for (kind, label) in [("Node", "node"), ("Pod", "pod")] {
        rules.push(json!({
            "source_labels": [names.target_kind, names.target_name],
            "separator": ";", "regex": format!("{kind};(.*)"), "replacement": "${1}", "target_label": label,
        }));
    }
    for (from, to) in [
        ("__meta_kubernetes_namespace", "namespace"),
        ("__meta_kubernetes_service_name", "service"),
        ("__meta_kubernetes_pod_name", "pod"),
        ("__meta_kubernetes_pod_container_name", "container"),
    ] {
        rules.push(copy(from, to));
    }
    if endpoint.scraping.drops_ended() {
        rules.push(relabel::drop_ended());
    }
    for (kind, labels) in [
        ("service", &spec.target_labels),
        ("pod", &spec.selection.pod_target_labels),
    ] {
        for label in labels {
            let label = sanitized(label);
            rules.push(copy_some(&format!("__meta_kubernetes_{kind}_label_{label}"), &label));
        }
    }
    rules.push(copy("__meta_kubernetes_service_name", "job"));
    if !spec.selection.job_label.is_empty() {
        let label = format!(
            "__meta_kubernetes_service_label_{}",
            sanitized(&spec.selection.job_label)
        );
        rules.push(copy_some(&label, "job"));
    }
    let target_port = endpoint.target_port.as_ref().map(ToString::to_string);
    let port = Some(endpoint.port.clone())
        .filter(|port| !port.is_empty())
        .or(target_port);
    rules.extend(port.map(|port| relabel::set("endpoint", &port)));
    rules.extend(endpoint.scraping.relabelings.iter().map(RelabelConfig::rule));
    Ok(rules)
}
