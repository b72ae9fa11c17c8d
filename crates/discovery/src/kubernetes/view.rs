//! The objects of a cluster that are known, kept up to date by the watches.

use std::collections::BTreeMap;

use crate::labels::TargetLabels;

use super::custom::{Custom, CustomObject};
use super::meta::{name, set_texts};
use super::objects::{EndpointSlice, Endpoints, Ingress, Meta, Namespace, Node, Pod, Service};

/// Namespace and name; the namespace of nodes and namespaces is empty.
pub(super) type Key = (String, String);

/// What targets get of other objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attach {
    /// Labels and annotations of the node.
    pub(super) node: bool,
    /// Labels and annotations of the namespace.
    pub(super) namespace: bool,
}

/// An object of any kind.
#[derive(Debug)]
pub(super) enum Object {
    Namespace(Namespace),
    Node(Node),
    Service(Service),
    Pod(Pod),
    Endpoints(Endpoints),
    EndpointSlice(EndpointSlice),
    Ingress(Ingress),
    Custom(CustomObject),
}

impl Object {
    fn meta(&self) -> &Meta {
        match self {
            Self::Namespace(object) => &object.metadata,
            Self::Node(object) => &object.metadata,
            Self::Service(object) => &object.metadata,
            Self::Pod(object) => &object.metadata,
            Self::Endpoints(object) => &object.metadata,
            Self::EndpointSlice(object) => &object.metadata,
            Self::Ingress(object) => &object.metadata,
            Self::Custom(object) => &object.metadata,
        }
    }

    fn key(&self) -> Key {
        let meta = self.meta();
        (meta.namespace.clone(), meta.name.clone())
    }
}

/// The kinds of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Namespace,
    Node,
    Service,
    Pod,
    Endpoints,
    EndpointSlice,
    Ingress,
    Custom(Custom),
}

/// What a watch saw.
#[derive(Debug)]
pub(super) struct Event {
    /// Which watch: each answers once before targets are told.
    pub(super) watch: usize,
    pub(super) change: Change,
}

#[derive(Debug)]
pub(super) enum Change {
    /// All objects of a kind, in one namespace or in all.
    All {
        kind: Kind,
        namespace: Option<String>,
        objects: Vec<Object>,
    },
    Set(Object),
    Gone(Object),
    /// The first question failed: others do not wait for this watch.
    Failed,
}

/// The objects that are known.
#[derive(Debug)]
pub(super) struct ClusterView {
    attach: Attach,
    /// Whether each watch has answered.
    answered: Vec<bool>,
    pub(super) namespaces: BTreeMap<Key, Namespace>,
    pub(super) nodes: BTreeMap<Key, Node>,
    pub(super) services: BTreeMap<Key, Service>,
    pub(super) pods: BTreeMap<Key, Pod>,
    pub(super) endpoints: BTreeMap<Key, Endpoints>,
    pub(super) endpoint_slices: BTreeMap<Key, EndpointSlice>,
    pub(super) ingresses: BTreeMap<Key, Ingress>,
    pub(super) custom: BTreeMap<Custom, BTreeMap<Key, CustomObject>>,
}

impl ClusterView {
    pub(super) fn new(attach: Attach, watches: usize) -> Self {
        Self {
            attach,
            answered: vec![false; watches],
            namespaces: BTreeMap::new(),
            nodes: BTreeMap::new(),
            services: BTreeMap::new(),
            pods: BTreeMap::new(),
            endpoints: BTreeMap::new(),
            endpoint_slices: BTreeMap::new(),
            ingresses: BTreeMap::new(),
            custom: BTreeMap::new(),
        }
    }

    /// Whether each watch has answered once.
    pub(super) fn is_complete(&self) -> bool {
        self.answered.iter().all(|answered| *answered)
    }

    pub(super) fn apply(&mut self, event: Event) {
        if let Some(answered) = self.answered.get_mut(event.watch) {
            *answered = true;
        }
        match event.change {
            Change::All {
                kind,
                namespace,
                objects,
            } => {
                self.clear(kind, namespace.as_deref());
                for object in objects {
                    self.set(object);
                }
            }
            Change::Set(object) => self.set(object),
            Change::Gone(object) => self.remove(&object),
            Change::Failed => {}
        }
    }

    fn set(&mut self, object: Object) {
        let key = object.key();
        match object {
            Object::Namespace(object) => drop(self.namespaces.insert(key, object)),
            Object::Node(object) => drop(self.nodes.insert(key, object)),
            Object::Service(object) => drop(self.services.insert(key, object)),
            Object::Pod(object) => drop(self.pods.insert(key, object)),
            Object::Endpoints(object) => drop(self.endpoints.insert(key, object)),
            Object::EndpointSlice(object) => drop(self.endpoint_slices.insert(key, object)),
            Object::Ingress(object) => drop(self.ingresses.insert(key, object)),
            Object::Custom(object) => drop(self.custom.entry(object.kind).or_default().insert(key, object)),
        }
    }

    fn remove(&mut self, object: &Object) {
        let key = object.key();
        match object {
            Object::Namespace(_) => drop(self.namespaces.remove(&key)),
            Object::Node(_) => drop(self.nodes.remove(&key)),
            Object::Service(_) => drop(self.services.remove(&key)),
            Object::Pod(_) => drop(self.pods.remove(&key)),
            Object::Endpoints(_) => drop(self.endpoints.remove(&key)),
            Object::EndpointSlice(_) => drop(self.endpoint_slices.remove(&key)),
            Object::Ingress(_) => drop(self.ingresses.remove(&key)),
            Object::Custom(object) => drop(self.custom.entry(object.kind).or_default().remove(&key)),
        }
    }

    fn clear(&mut self, kind: Kind, namespace: Option<&str>) {
        fn clear<T>(objects: &mut BTreeMap<Key, T>, namespace: Option<&str>) {
            objects.retain(|(own, _), _| namespace.is_some_and(|namespace| own != namespace));
        }
        match kind {
            Kind::Namespace => clear(&mut self.namespaces, namespace),
            Kind::Node => clear(&mut self.nodes, namespace),
            Kind::Service => clear(&mut self.services, namespace),
            Kind::Pod => clear(&mut self.pods, namespace),
            Kind::Endpoints => clear(&mut self.endpoints, namespace),
            Kind::EndpointSlice => clear(&mut self.endpoint_slices, namespace),
            Kind::Ingress => clear(&mut self.ingresses, namespace),
            Kind::Custom(kind) => clear(self.custom.entry(kind).or_default(), namespace),
        }
    }

    /// Adds labels and annotations of a node, where that is asked for.
    pub(super) fn attach_node(&self, labels: &mut TargetLabels, node: &str) {
        if !self.attach.node || node.is_empty() {
            return;
        }
        if let Some(node) = self.nodes.get(&(String::new(), node.to_owned())) {
            labels.set(&name("node_name"), node.metadata.name.as_str());
            set_texts(labels, "node", &node.metadata);
        }
    }

    /// Adds labels and annotations of a namespace, where that is asked for.
    pub(super) fn attach_namespace(&self, labels: &mut TargetLabels, namespace: &str) {
        if !self.attach.namespace {
            return;
        }
        if let Some(namespace) = self.namespaces.get(&(String::new(), namespace.to_owned())) {
            set_texts(labels, "namespace", &namespace.metadata);
        }
    }
}
