//! Role `endpointslice`: each address and port of the slices behind a service.

use skopos_config::TargetGroup;

use crate::labels::{TargetLabels, host_port, sanitized};

use super::endpoints::SeenPods;
use super::meta::{name, set};
use super::objects::{Endpoint, EndpointPort, EndpointSlice};
use super::service;
use super::view::ClusterView;

/// The label that names the service of a slice.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

pub(super) fn targets(view: &ClusterView) -> Vec<TargetGroup> {
    view.endpoint_slices
        .values()
        .flat_map(|slice| of_slice(view, slice))
        .collect()
}

fn of_slice(view: &ClusterView, slice: &EndpointSlice) -> Vec<TargetGroup> {
    let meta = &slice.metadata;
    let mut common = TargetLabels::default();
    set(&mut common, "endpointslice", meta);
    common.set(&name("endpointslice_address_type"), slice.address_type.as_str());
    if let Some(service) = meta.labels.get(SERVICE_NAME) {
        service::attach(view, &mut common, &meta.namespace, service);
    }
    view.attach_namespace(&mut common, &meta.namespace);
    let mut seen = SeenPods::default();
    let mut targets = Vec::new();
    for port in &slice.ports {
        for endpoint in &slice.endpoints {
            for address in &endpoint.addresses {
                let mut labels = common.clone();
                set_port(&mut labels, port);
                set_endpoint(&mut labels, endpoint);
                view.attach_node(&mut labels, &endpoint.node_name);
                let number = port.port.unwrap_or(0);
                seen.attach(view, &mut labels, endpoint.target_ref.as_ref(), &meta.namespace, number);
                let address = match port.port {
                    Some(port) => host_port(address, port),
                    None => address.clone(),
                };
                targets.push(labels.at(address));
            }
        }
    }
    targets.extend(seen.other_ports(view, &common));
    targets
}

fn set_port(labels: &mut TargetLabels, port: &EndpointPort) {
    labels
        .set_some(&name("endpointslice_port"), port.port.map(|port| port.to_string()))
        .set_some(&name("endpointslice_port_name"), port.name.as_deref())
        .set_some(&name("endpointslice_port_protocol"), port.protocol.as_deref())
        .set_some(&name("endpointslice_port_app_protocol"), port.app_protocol.as_deref());
}

fn set_endpoint(labels: &mut TargetLabels, endpoint: &Endpoint) {
    let conditions = &endpoint.conditions;
    for (condition, value) in [
        ("ready", conditions.ready),
        ("serving", conditions.serving),
        ("terminating", conditions.terminating),
    ] {
        let name = name(&format!("endpointslice_endpoint_conditions_{condition}"));
        labels.set_some(&name, value.map(|value| value.to_string()));
    }
    labels
        .set(&name("endpointslice_endpoint_hostname"), endpoint.hostname.as_str())
        .set(&name("endpointslice_endpoint_node_name"), endpoint.node_name.as_str())
        .set(&name("endpointslice_endpoint_zone"), endpoint.zone.as_str());
    if let Some(target) = &endpoint.target_ref {
        labels
            .set(&name("endpointslice_address_target_kind"), target.kind.as_str())
            .set(&name("endpointslice_address_target_name"), target.name.as_str());
    }
    for (key, value) in &endpoint.deprecated_topology {
        let key = sanitized(key);
        labels
            .set(&name(&format!("endpointslice_endpoint_topology_{key}")), value.as_str())
            .set(&name(&format!("endpointslice_endpoint_topology_present_{key}")), "true");
    }
}
