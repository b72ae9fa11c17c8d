//! The instances of one service of Consul.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use skopos_config::TargetGroup;
use tokio::sync::mpsc;

use super::{Agent, MECHANISM, RETRY, blocking, failed};
use crate::labels::{TargetLabels, host_port, joined};
use crate::source::count;

/// An answer of `/v1/health/service/NAME`.
#[derive(Debug, Deserialize)]
struct Instance {
    #[serde(rename = "Node")]
    node: Node,
    #[serde(rename = "Service")]
    service: Service,
    #[serde(rename = "Checks", default, deserialize_with = "or_default")]
    checks: Vec<Check>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Node {
    #[serde(rename = "Node")]
    name: String,
    address: String,
    #[serde(default)]
    datacenter: String,
    #[serde(default, deserialize_with = "or_default")]
    tagged_addresses: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "or_default")]
    meta: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Service {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Service")]
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    tags: Vec<String>,
    #[serde(default)]
    address: String,
    #[serde(default, deserialize_with = "or_default")]
    meta: BTreeMap<String, String>,
    #[serde(default)]
    port: u16,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    partition: String,
}

#[derive(Debug, Deserialize)]
struct Check {
    #[serde(rename = "CheckID", default)]
    id: String,
    #[serde(rename = "Status", default)]
    status: String,
}

/// Consul writes `null` for what is empty.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Passes on the targets of a service whenever they change.
pub(super) async fn follow(agent: Arc<Agent>, name: String, changes: mpsc::Sender<(String, Vec<TargetGroup>)>) {
    let mut index = 0;
    let mut last: Option<Vec<TargetGroup>> = None;
    loop {
        let found = match instances(&agent, &name, index).await {
            Ok((new_index, instances)) => {
                count(MECHANISM, "ok");
                // An index that falls means that Consul lost its state: all is asked anew.
                index = if new_index < index { 0 } else { new_index };
                Some(instances.iter().map(|instance| target(&agent, instance)).collect())
            }
            Err(error) => {
                failed(&error);
                index = 0;
                // Others do not wait for this service.
                last.is_none().then(Vec::new)
            }
        };
        let is_failure = index == 0;
        if let Some(groups) = found
            && last.as_ref() != Some(&groups)
        {
            last = Some(groups.clone());
            if changes.send((name.clone(), groups)).await.is_err() {
                return;
            }
        }
        if is_failure {
            tokio::time::sleep(RETRY).await;
        }
    }
}

async fn instances(
    agent: &Agent,
    name: &str,
    index: u64,
) -> Result<(u64, Vec<Instance>), crate::error::DiscoveryError> {
    let mut parameters = blocking(index);
    parameters.extend(agent.tags.iter().map(|tag| ("tag", tag.clone())));
    if !agent.health_filter.is_empty() {
        parameters.push(("filter", agent.health_filter.clone()));
    }
    let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    let path = format!("v1/health/service/{}", name.replace('+', "%20"));
    agent.get(&path, &parameters).await
}

fn target(agent: &Agent, instance: &Instance) -> TargetGroup {
    let (node, service) = (&instance.node, &instance.service);
    let datacenter = if node.datacenter.is_empty() {
        &agent.datacenter
    } else {
        &node.datacenter
    };
    let host = if service.address.is_empty() {
        &node.address
    } else {
        &service.address
    };
    let mut labels = TargetLabels::default();
    labels
        .set("__meta_consul_address", node.address.as_str())
        .set("__meta_consul_dc", datacenter.as_str())
        .set("__meta_consul_health", health(&instance.checks))
        .set("__meta_consul_namespace", service.namespace.as_str())
        .set("__meta_consul_node", node.name.as_str())
        .set("__meta_consul_partition", service.partition.as_str())
        .set("__meta_consul_service", service.name.as_str())
        .set("__meta_consul_service_address", service.address.as_str())
        .set("__meta_consul_service_id", service.id.as_str())
        .set("__meta_consul_service_port", service.port.to_string())
        .set_each("__meta_consul_metadata_", &node.meta)
        .set_each("__meta_consul_service_metadata_", &service.meta)
        .set_each("__meta_consul_tagged_address_", &node.tagged_addresses);
    let tags = service.tags.iter().map(String::as_str);
    labels.set("__meta_consul_tags", joined(tags, &agent.separator));
    labels.at(host_port(host, service.port))
}

/// The worst of the checks, in Consul's order.
fn health(checks: &[Check]) -> &'static str {
    let any = |status: &str| checks.iter().any(|check| check.status == status);
    let is_maintained = checks
        .iter()
        .any(|check| check.id == "_node_maintenance" || check.id.starts_with("_service_maintenance:"));
    if is_maintained {
        "maintenance"
    } else if any("critical") {
        "critical"
    } else if any("warning") {
        "warning"
    } else {
        "passing"
    }
}
