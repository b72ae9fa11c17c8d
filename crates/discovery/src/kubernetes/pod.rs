//! Role `pod`: each declared port of each container, and what other roles say of a pod.

use skopos_config::TargetGroup;

use crate::labels::{TargetLabels, host_port};

use super::meta::{name, set};
use super::objects::{Container, ContainerPort, ContainerStatus, Pod};
use super::view::ClusterView;

pub(super) fn targets(view: &ClusterView) -> Vec<TargetGroup> {
    view.pods.values().flat_map(|pod| of_pod(view, pod)).collect()
}

fn of_pod(view: &ClusterView, pod: &Pod) -> Vec<TargetGroup> {
    let ip = &pod.status.pod_ip;
    if ip.is_empty() {
        // It is not running yet, or no more.
        return Vec::new();
    }
    let mut common = TargetLabels::default();
    attach(view, &mut common, pod);
    view.attach_namespace(&mut common, &pod.metadata.namespace);
    let mut targets = Vec::new();
    for (container, is_init) in containers(pod) {
        if container.ports.is_empty() {
            // Without a declared port the address is the pod's, and relabelling can add one.
            let mut labels = common.clone();
            set_container(&mut labels, pod, container, is_init);
            let host = if ip.contains(':') {
                format!("[{ip}]")
            } else {
                ip.clone()
            };
            targets.push(labels.at(host));
        }
        for port in &container.ports {
            let mut labels = common.clone();
            set_container(&mut labels, pod, container, is_init);
            set_port(&mut labels, port);
            targets.push(labels.at(host_port(ip, port.number)));
        }
    }
    targets
}

/// All containers, and whether they run before the others.
pub(super) fn containers(pod: &Pod) -> impl Iterator<Item = (&Container, bool)> {
    let normal = pod.spec.containers.iter().map(|container| (container, false));
    normal.chain(pod.spec.init_containers.iter().map(|container| (container, true)))
}

/// The labels of a pod, and of its node where that is asked for.
pub(super) fn attach(view: &ClusterView, labels: &mut TargetLabels, pod: &Pod) {
    let (meta, status) = (&pod.metadata, &pod.status);
    set(labels, "pod", meta);
    labels
        .set(&name("pod_ip"), status.pod_ip.as_str())
        .set(&name("pod_ready"), ready(pod))
        .set(&name("pod_phase"), status.phase.as_str())
        .set(&name("pod_node_name"), pod.spec.node_name.as_str())
        .set(&name("pod_host_ip"), status.host_ip.as_str())
        .set(&name("pod_uid"), meta.uid.as_str());
    let controller = meta
        .owner_references
        .iter()
        .find(|owner| owner.controller == Some(true));
    if let Some(owner) = controller {
        labels
            .set(&name("pod_controller_kind"), owner.kind.as_str())
            .set(&name("pod_controller_name"), owner.name.as_str());
    }
    view.attach_node(labels, &pod.spec.node_name);
}

/// The labels of a container.
pub(super) fn set_container(labels: &mut TargetLabels, pod: &Pod, container: &Container, is_init: bool) {
    let statuses = if is_init {
        &pod.status.init_container_statuses
    } else {
        &pod.status.container_statuses
    };
    labels
        .set(&name("pod_container_name"), container.name.as_str())
        .set(&name("pod_container_id"), id(statuses, &container.name))
        .set(&name("pod_container_image"), container.image.as_str())
        .set(&name("pod_container_init"), is_init.to_string());
}

fn id<'a>(statuses: &'a [ContainerStatus], name: &str) -> &'a str {
    let status = statuses.iter().find(|status| status.name == name);
    status.map_or("", |status| status.container_id.as_str())
}

/// The labels of a container's port.
pub(super) fn set_port(labels: &mut TargetLabels, port: &ContainerPort) {
    labels
        .set(&name("pod_container_port_name"), port.name.as_str())
        .set(&name("pod_container_port_number"), port.number.to_string())
        .set(&name("pod_container_port_protocol"), port.protocol.as_str());
}

/// The state of condition `Ready` in lower case.
fn ready(pod: &Pod) -> String {
    let condition = pod.status.conditions.iter().find(|condition| condition.kind == "Ready");
    condition.map_or_else(|| "unknown".to_owned(), |condition| condition.status.to_lowercase())
}
