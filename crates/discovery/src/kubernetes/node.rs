//! Role `node`: the kubelet of each node.

use skopos_config::TargetGroup;

use crate::labels::{TargetLabels, host_port, sanitized};

use super::meta::{name, set_own};
use super::objects::Node;
use super::view::ClusterView;

/// Addresses by how well they serve a client inside the cluster.
const ADDRESSES: [&str; 6] = [
    "InternalIP",
    "InternalDNS",
    "ExternalIP",
    "ExternalDNS",
    "LegacyHostIP",
    "Hostname",
];

pub(super) fn targets(view: &ClusterView) -> Vec<TargetGroup> {
    view.nodes.values().filter_map(target).collect()
}

fn target(node: &Node) -> Option<TargetGroup> {
    let Some(address) = address(node) else {
        tracing::warn!(node = node.metadata.name, "a node has no address and is left out");
        return None;
    };
    let mut labels = TargetLabels::default();
    set_own(&mut labels, "node", &node.metadata);
    labels
        .set("instance", node.metadata.name.as_str())
        .set(&name("node_provider_id"), node.spec.provider_id.as_str());
    // Of several addresses of one kind the first counts.
    for address in node.status.addresses.iter().rev() {
        let kind = format!("node_address_{}", sanitized(&address.kind));
        labels.set(&name(&kind), address.address.as_str());
    }
    Some(labels.at(host_port(address, node.status.daemon_endpoints.kubelet_endpoint.port)))
}

fn address(node: &Node) -> Option<&str> {
    let of_kind = |kind: &&str| node.status.addresses.iter().find(|address| address.kind == *kind);
    ADDRESSES
        .iter()
        .find_map(of_kind)
        .map(|address| address.address.as_str())
}
