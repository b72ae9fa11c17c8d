//! Role `service`: each port of a service at its name in the cluster, for probes.

use skopos_config::TargetGroup;

use crate::labels::{TargetLabels, host_port};

use super::meta::{name, set, set_own};
use super::objects::Service;
use super::view::ClusterView;

pub(super) fn targets(view: &ClusterView) -> Vec<TargetGroup> {
    view.services
        .values()
        .flat_map(|service| of_service(view, service))
        .collect()
}

fn of_service<'a>(view: &'a ClusterView, service: &'a Service) -> impl Iterator<Item = TargetGroup> + 'a {
    let (meta, spec) = (&service.metadata, &service.spec);
    let host = format!("{}.{}.svc", meta.name, meta.namespace);
    spec.ports.iter().map(move |port| {
        let mut labels = TargetLabels::default();
        set(&mut labels, "service", meta);
        view.attach_namespace(&mut labels, &meta.namespace);
        labels
            .set(&name("service_port_name"), port.name.as_str())
            .set(&name("service_port_number"), port.port.to_string())
            .set(&name("service_port_protocol"), port.protocol.as_str())
            .set(&name("service_type"), spec.kind.as_str());
        if spec.kind == "ExternalName" {
            labels.set(&name("service_external_name"), spec.external_name.as_str());
        } else {
            labels.set(&name("service_cluster_ip"), spec.cluster_ip.as_str());
        }
        if spec.kind == "LoadBalancer" {
            labels.set(&name("service_loadbalancer_ip"), spec.load_balancer_ip.as_str());
        }
        labels.at(host_port(&host, port.port))
    })
}

/// The labels that the targets of a service's endpoints have of it.
pub(super) fn attach(view: &ClusterView, labels: &mut TargetLabels, namespace: &str, service: &str) {
    if let Some(service) = view.services.get(&(namespace.to_owned(), service.to_owned())) {
        set_own(labels, "service", &service.metadata);
    }
}
