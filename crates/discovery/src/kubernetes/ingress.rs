//! Role `ingress`: each path of an ingress at its host, for probes.

use skopos_config::TargetGroup;

use crate::labels::TargetLabels;

use super::meta::{name, set};
use super::objects::{Ingress, IngressRule};
use super::view::ClusterView;

pub(super) fn targets(view: &ClusterView) -> Vec<TargetGroup> {
    view.ingresses
        .values()
        .flat_map(|ingress| of_ingress(view, ingress))
        .collect()
}

fn of_ingress(view: &ClusterView, ingress: &Ingress) -> Vec<TargetGroup> {
    let meta = &ingress.metadata;
    let mut common = TargetLabels::default();
    set(&mut common, "ingress", meta);
    view.attach_namespace(&mut common, &meta.namespace);
    common.set_some(&name("ingress_class_name"), ingress.spec.ingress_class_name.as_deref());
    let mut targets = Vec::new();
    for rule in &ingress.spec.rules {
        for path in paths(rule) {
            let mut labels = common.clone();
            labels
                .set(&name("ingress_scheme"), scheme(ingress, &rule.host))
                .set(&name("ingress_host"), rule.host.as_str())
                .set(&name("ingress_path"), path);
            targets.push(labels.at(rule.host.clone()));
        }
    }
    targets
}

/// The paths of a rule; one without any serves all.
fn paths(rule: &IngressRule) -> Vec<&str> {
    let paths = rule.http.as_ref().map_or(&[][..], |http| &http.paths);
    if paths.is_empty() {
        return vec!["/"];
    }
    paths
        .iter()
        .map(|path| if path.path.is_empty() { "/" } else { path.path.as_str() })
        .collect()
}

/// `https` where a certificate covers the host; one of `*.example.com` covers one level.
fn scheme(ingress: &Ingress, host: &str) -> &'static str {
    let covers = |pattern: &String| {
        let below = pattern.strip_prefix("*.").zip(host.split_once('.'));
        pattern == host || below.is_some_and(|(domain, (_, rest))| domain == rest)
    };
    let is_covered = ingress.spec.tls.iter().any(|tls| tls.hosts.iter().any(covers));
    if is_covered { "https" } else { "http" }
}
