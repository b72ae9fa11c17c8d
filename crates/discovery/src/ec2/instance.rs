//! What EC2 answers, as targets.

use std::collections::BTreeMap;

use roxmltree::{Document, Node};
use skopos_config::TargetGroup;

use crate::error::DiscoveryError;
use crate::labels::{TargetLabels, host_port, joined, sanitized};

/// A page of `DescribeInstances`.
#[derive(Debug, Default)]
pub(super) struct Page {
    instances: Vec<Instance>,
    pub(super) next_token: Option<String>,
}

/// An instance that has a private address.
#[derive(Debug)]
struct Instance {
    private_ip: String,
    zone: String,
    labels: TargetLabels,
}

impl Page {
    /// The targets of a page, with what the page does not say.
    pub(super) fn targets(
        &self,
        region: &str,
        port: u64,
        zones: &BTreeMap<String, String>,
    ) -> impl Iterator<Item = TargetGroup> {
        self.instances.iter().map(move |instance| {
            let mut labels = instance.labels.clone();
            labels.set("__meta_ec2_region", region);
            labels.set_some(
                "__meta_ec2_availability_zone_id",
                zones.get(&instance.zone).map(String::as_str),
            );
            labels.at(host_port(&instance.private_ip, port))
        })
    }
}

/// Reads a page.
pub(super) fn page(answer: &str, url: &str) -> Result<Page, DiscoveryError> {
    let document = parsed(answer, url)?;
    let root = document.root_element();
    let mut page = Page {
        next_token: some_text(root, "nextToken"),
        ..Page::default()
    };
    for reservation in items(root, "reservationSet") {
        let owner = text(reservation, "ownerId");
        let instances = items(reservation, "instancesSet");
        page.instances
            .extend(instances.filter_map(|node| instance(node, owner)));
    }
    Ok(page)
}

/// Ids of zones by their names, of `DescribeAvailabilityZones`.
pub(super) fn zones(answer: &str, url: &str) -> Result<BTreeMap<String, String>, DiscoveryError> {
    let document = parsed(answer, url)?;
    let zones = items(document.root_element(), "availabilityZoneInfo");
    Ok(zones
        .map(|zone| (text(zone, "zoneName").to_owned(), text(zone, "zoneId").to_owned()))
        .collect())
}

fn parsed<'a>(answer: &'a str, url: &str) -> Result<Document<'a>, DiscoveryError> {
    Document::parse(answer).map_err(|error| DiscoveryError::unreadable(url, error))
}

/// The labels of an instance; those without a private address cannot be reached.
fn instance(node: Node<'_, '_>, owner: &str) -> Option<Instance> {
    let private_ip = some_text(node, "privateIpAddress")?;
    let zone = child(node, "placement").map_or("", |placement| text(placement, "availabilityZone"));
    let state = child(node, "instanceState").map_or("", |state| text(state, "name"));
    let mut labels = TargetLabels::default();
    labels
        .set("__meta_ec2_ami", text(node, "imageId"))
        .set("__meta_ec2_architecture", text(node, "architecture"))
        .set("__meta_ec2_availability_zone", zone)
        .set("__meta_ec2_instance_id", text(node, "instanceId"))
        .set("__meta_ec2_instance_lifecycle", text(node, "instanceLifecycle"))
        .set("__meta_ec2_instance_state", state)
        .set("__meta_ec2_instance_type", text(node, "instanceType"))
        .set("__meta_ec2_owner_id", owner)
        .set("__meta_ec2_platform", text(node, "platform"))
        .set("__meta_ec2_private_dns_name", text(node, "privateDnsName"))
        .set("__meta_ec2_private_ip", private_ip.as_str())
        .set("__meta_ec2_public_dns_name", text(node, "dnsName"))
        .set("__meta_ec2_public_ip", text(node, "ipAddress"));
    for tag in items(node, "tagSet") {
        let name = format!("__meta_ec2_tag_{}", sanitized(text(tag, "key")));
        labels.set(&name, text(tag, "value"));
    }
    if let Some(network) = some_text(node, "vpcId") {
        labels
            .set("__meta_ec2_vpc_id", network)
            .set("__meta_ec2_primary_subnet_id", text(node, "subnetId"));
        set_interfaces(&mut labels, node);
    }
    Some(Instance {
        private_ip,
        zone: zone.to_owned(),
        labels,
    })
}

/// Subnets and IPv6 addresses of the network interfaces.
fn set_interfaces(labels: &mut TargetLabels, node: Node<'_, '_>) {
    let mut subnets: Vec<&str> = Vec::new();
    let mut addresses = Vec::new();
    // By the index of the device: its first interface comes first.
    let mut primary: BTreeMap<usize, &str> = BTreeMap::new();
    for interface in items(node, "networkInterfaceSet") {
        let Some(subnet) = child(interface, "subnetId").and_then(|node| node.text()) else {
            continue;
        };
        if !subnets.contains(&subnet) {
            subnets.push(subnet);
        }
        let device = child(interface, "attachment").map_or("", |attachment| text(attachment, "deviceIndex"));
        for address in items(interface, "ipv6AddressesSet") {
            let ip = text(address, "ipv6Address");
            addresses.push(ip);
            if text(address, "isPrimaryIpv6") == "true" {
                primary.insert(device.parse().unwrap_or(usize::MAX), ip);
            }
        }
    }
    labels.set("__meta_ec2_subnet_id", joined(subnets, ","));
    if !addresses.is_empty() {
        labels.set("__meta_ec2_ipv6_addresses", joined(addresses, ","));
    }
    if !primary.is_empty() {
        labels.set("__meta_ec2_primary_ipv6_addresses", joined(primary.into_values(), ","));
    }
}

/// Elements are told apart by their local names: the namespace carries the API's version.
fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.tag_name().name() == name)
}

fn text<'a>(node: Node<'a, '_>, name: &str) -> &'a str {
    child(node, name).and_then(|child| child.text()).unwrap_or_default()
}

fn some_text(node: Node<'_, '_>, name: &str) -> Option<String> {
    Some(text(node, name))
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

/// The items of a list.
fn items<'a, 'input: 'a>(node: Node<'a, 'input>, list: &str) -> impl Iterator<Item = Node<'a, 'input>> {
    child(node, list)
        .into_iter()
        .flat_map(|list| list.children())
        .filter(|item| item.tag_name().name() == "item")
}
