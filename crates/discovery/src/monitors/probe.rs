//! Probe: addresses, written or of ingresses, that a prober such as the black-box exporter asks.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::endpoint::{Limits, Scraping};
use super::relabel::{self, RelabelConfig, copy};
use super::selector::{LabelSelector, NamespaceSelector};
use super::{Job, Maker, Meta, Object};

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spec {
    #[serde(default)]
    job_name: String,
    prober: Prober,
    #[serde(default)]
    module: String,
    #[serde(default)]
    targets: Targets,
    /// `scrapeTimeout`, credentials and the like stand beside the prober.
    #[serde(flatten)]
    scraping: Scraping,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Prober {
    url: String,
    #[serde(default)]
    scheme: Option<String>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    proxy_url: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Targets {
    static_config: Option<StaticConfig>,
    ingress: Option<IngressTargets>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct StaticConfig {
    #[serde(rename = "static")]
    addresses: Vec<String>,
    labels: BTreeMap<String, String>,
    relabeling_configs: Vec<RelabelConfig>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct IngressTargets {
    selector: LabelSelector,
    namespace_selector: NamespaceSelector,
    relabeling_configs: Vec<RelabelConfig>,
}

pub(super) fn jobs(object: &Object<Spec>, maker: &mut Maker<'_>) -> Result<Vec<Job>, String> {
    let (meta, spec) = (&object.metadata, &object.spec);
    let name = format!("probe/{}/{}", meta.namespace, meta.name);
    let mut scraping = spec.scraping.clone();
    // Limits lie flat beside the rest, and have a reader of their own.
    let limits: Limits = serde_json::from_value(Value::Object(std::mem::take(&mut scraping.others)))
        .map_err(|error| error.to_string())?;
    scraping.path = Some(spec.prober.path.clone().unwrap_or_else(|| "/probe".to_owned()));
    scraping.scheme.clone_from(&spec.prober.scheme);
    if spec.prober.proxy_url.is_some() {
        scraping.proxy.url.clone_from(&spec.prober.proxy_url);
    }
    if !spec.module.is_empty() {
        let params = scraping.params.get_or_insert_default();
        params.insert("module".to_owned(), vec![spec.module.clone()]);
    }
    let mut job = scraping.job(&name, &meta.namespace, maker)?;
    limits.set(&mut job, maker);
    let mut rules = vec![relabel::keep_job_name()];
    if !spec.job_name.is_empty() {
        rules.push(relabel::set("job", &spec.job_name));
    }
    match (&spec.targets.static_config, &spec.targets.ingress) {
        (Some(written), _) => set_static(&mut job, &mut rules, meta, spec, written),
        (None, Some(ingress)) => set_ingress(&mut job, &mut rules, meta, spec, ingress, maker)?,
        (None, None) => return Err("targets: set staticConfig or ingress".to_owned()),
    }
    job.insert("relabel_configs".to_owned(), json!(rules));
    Ok(vec![job])
}

fn set_static(job: &mut Job, rules: &mut Vec<Value>, meta: &Meta, spec: &Spec, written: &StaticConfig) {
    let mut labels = written.labels.clone();
    labels.insert("namespace".to_owned(), meta.namespace.clone());
    // Addresses may be URLs, which no target's address is: they wait in a label of their own.
    let groups: Vec<_> = written
        .addresses
        .iter()
        .map(|address| {
            let mut labels = labels.clone();
            labels.insert("__param_target".to_owned(), address.clone());
            json!({ "targets": [spec.prober.url], "labels": labels })
        })
        .collect();
    job.insert("static_configs".to_owned(), json!(groups));
    rules.push(copy("__param_target", "instance"));
    rules.extend(written.relabeling_configs.iter().map(RelabelConfig::rule));
}

fn set_ingress(
    job: &mut Job,
    rules: &mut Vec<Value>,
    meta: &Meta,
    spec: &Spec,
    ingress: &IngressTargets,
    maker: &Maker<'_>,
) -> Result<(), String> {
    let namespaces = ingress.namespace_selector.namespaces(&meta.namespace);
    job.insert(
        "kubernetes_sd_configs".to_owned(),
        maker.discovery("ingress", &namespaces, None),
    );
    rules.extend(ingress.selector.rules("ingress")?);
    rules.push(json!({
        "source_labels": ["__meta_kubernetes_ingress_scheme", "__address__", "__meta_kubernetes_ingress_path"],
        "separator": ";", "regex": "(.+);(.+);(.+)", "replacement": "${1}://${2}${3}", "target_label": "__param_target",
    }));
    rules.push(copy("__meta_kubernetes_namespace", "namespace"));
    rules.push(copy("__meta_kubernetes_ingress_name", "ingress"));
    rules.push(copy("__param_target", "instance"));
    rules.push(relabel::set("__address__", &spec.prober.url));
    rules.extend(ingress.relabeling_configs.iter().map(RelabelConfig::rule));
    Ok(())
}
