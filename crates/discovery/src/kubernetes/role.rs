//! What a role reads of a cluster, and the targets it makes of it.

use skopos_config::TargetGroup;

use super::view::{Attach, ClusterView, Kind};
use super::{endpoints, endpointslice, ingress, node, pod, service};

/// The roles of Kubernetes discovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Node,
    Service,
    Pod,
    Endpoints,
    EndpointSlice,
    Ingress,
}

impl Role {
    /// The role of a configuration, which its reader has checked.
    pub(super) fn of(name: &str) -> Self {
        match name {
            "node" => Self::Node,
            "service" => Self::Service,
            "endpoints" => Self::Endpoints,
            "endpointslice" => Self::EndpointSlice,
            "ingress" => Self::Ingress,
            _ => Self::Pod,
        }
    }

    /// The kinds of objects that the role reads.
    pub(super) fn kinds(self, attach: Attach) -> Vec<Kind> {
        let mut kinds = match self {
            Self::Node => vec![Kind::Node],
            Self::Service => vec![Kind::Service],
            Self::Pod => vec![Kind::Pod],
            Self::Endpoints => vec![Kind::Endpoints, Kind::Service, Kind::Pod],
            Self::EndpointSlice => vec![Kind::EndpointSlice, Kind::Service, Kind::Pod],
            Self::Ingress => vec![Kind::Ingress],
        };
        let knows_nodes = matches!(self, Self::Pod | Self::Endpoints | Self::EndpointSlice);
        if attach.node && knows_nodes {
            kinds.push(Kind::Node);
        }
        if attach.namespace && self != Self::Node {
            kinds.push(Kind::Namespace);
        }
        kinds
    }

    /// All targets as of now.
    pub(super) fn targets(self, view: &ClusterView) -> Vec<TargetGroup> {
        match self {
            Self::Node => node::targets(view),
            Self::Service => service::targets(view),
            Self::Pod => pod::targets(view),
            Self::Endpoints => endpoints::targets(view),
            Self::EndpointSlice => endpointslice::targets(view),
            Self::Ingress => ingress::targets(view),
        }
    }
}
