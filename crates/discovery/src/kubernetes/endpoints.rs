//! Role `endpoints`: each address and port behind a service, and the other ports of their pods.

use std::collections::BTreeMap;

use skopos_config::TargetGroup;

use crate::labels::{TargetLabels, host_port};

use super::meta::{name, set};
use super::objects::{EndpointAddress, Endpoints, Pod, ServicePort, TargetRef};
use super::pod;
use super::service;
use super::view::{ClusterView, Key};

pub(super) fn targets(view: &ClusterView) -> Vec<TargetGroup> {
    view.endpoints
        .values()
        .flat_map(|endpoints| of_endpoints(view, endpoints))
        .collect()
}

fn of_endpoints(view: &ClusterView, endpoints: &Endpoints) -> Vec<TargetGroup> {
    let meta = &endpoints.metadata;
    let mut common = TargetLabels::default();
    set(&mut common, "endpoints", meta);
    service::attach(view, &mut common, &meta.namespace, &meta.name);
    view.attach_namespace(&mut common, &meta.namespace);
    let mut seen = SeenPods::default();
    let mut targets = Vec::new();
    for subset in &endpoints.subsets {
        for port in &subset.ports {
            let ready = subset.addresses.iter().map(|address| (address, true));
            let all = ready.chain(subset.not_ready_addresses.iter().map(|address| (address, false)));
            for (address, is_ready) in all {
                let mut labels = common.clone();
                set_address(&mut labels, address, port, is_ready);
                view.attach_node(&mut labels, &address.node_name);
                seen.attach(
                    view,
                    &mut labels,
                    address.target_ref.as_ref(),
                    &meta.namespace,
                    port.port,
                );
                targets.push(labels.at(host_port(&address.ip, port.port)));
            }
        }
    }
    targets.extend(seen.other_ports(view, &common));
    targets
}

fn set_address(labels: &mut TargetLabels, address: &EndpointAddress, port: &ServicePort, is_ready: bool) {
    labels
        .set(&name("endpoint_hostname"), address.hostname.as_str())
        .set(&name("endpoint_node_name"), address.node_name.as_str())
        .set(&name("endpoint_port_name"), port.name.as_str())
        .set(&name("endpoint_port_protocol"), port.protocol.as_str())
        .set(&name("endpoint_ready"), is_ready.to_string());
    if let Some(target) = &address.target_ref {
        labels
            .set(&name("endpoint_address_target_kind"), target.kind.as_str())
            .set(&name("endpoint_address_target_name"), target.name.as_str());
    }
}

/// The pods behind endpoints, and which of their ports were given.
#[derive(Debug, Default)]
pub(super) struct SeenPods<'a> {
    pods: BTreeMap<Key, (&'a Pod, Vec<u16>)>,
}

impl<'a> SeenPods<'a> {
    /// Adds the labels of the pod behind an address, and of its container with that port.
    pub(super) fn attach(
        &mut self,
        view: &'a ClusterView,
        labels: &mut TargetLabels,
        target: Option<&TargetRef>,
        namespace: &str,
        port: u16,
    ) {
        let Some(target) = target.filter(|target| target.kind == "Pod") else {
            return;
        };
        let namespace = if target.namespace.is_empty() {
            namespace
        } else {
            &target.namespace
        };
        let key = (namespace.to_owned(), target.name.clone());
        let Some(found) = view.pods.get(&key) else {
            return;
        };
        pod::attach(view, labels, found);
        let (_, ports) = self.pods.entry(key).or_insert_with(|| (found, Vec::new()));
        for (container, is_init) in pod::containers(found) {
            if let Some(port) = container.ports.iter().find(|own| own.number == port) {
                ports.push(port.number);
                pod::set_container(labels, found, container, is_init);
                pod::set_port(labels, port);
                return;
            }
        }
    }

    /// The declared ports of the pods that no endpoint has.
    pub(super) fn other_ports(self, view: &ClusterView, common: &TargetLabels) -> Vec<TargetGroup> {
        let mut targets = Vec::new();
        for (found, given) in self.pods.into_values() {
            if found.status.pod_ip.is_empty() {
                continue;
            }
            for (container, is_init) in pod::containers(found) {
                for port in &container.ports {
                    if given.contains(&port.number) {
                        continue;
                    }
                    let mut labels = common.clone();
                    pod::attach(view, &mut labels, found);
                    pod::set_container(&mut labels, found, container, is_init);
                    pod::set_port(&mut labels, port);
                    targets.push(labels.at(host_port(&found.status.pod_ip, port.number)));
                }
            }
        }
        targets
    }
}
