//! Objects of the Prometheus operator, kept as they are.

use serde_json::{Value, json};

use crate::error::DiscoveryError;

use super::objects::Meta;

/// The API of the operator's objects.
pub(super) const API: &str = "/apis/monitoring.coreos.com/v1";

/// The kinds that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Custom {
    ServiceMonitor,
    PodMonitor,
    Probe,
    PrometheusRule,
}

impl Custom {
    pub(super) const ALL: [Self; 4] = [
        Self::ServiceMonitor,
        Self::PodMonitor,
        Self::Probe,
        Self::PrometheusRule,
    ];

    /// The kind's name, and that of its lists in URLs.
    pub(super) const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::ServiceMonitor => ("ServiceMonitor", "servicemonitors"),
            Self::PodMonitor => ("PodMonitor", "podmonitors"),
            Self::Probe => ("Probe", "probes"),
            Self::PrometheusRule => ("PrometheusRule", "prometheusrules"),
        }
    }
}

/// An object with what tells it from others.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CustomObject {
    pub(super) kind: Custom,
    pub(super) metadata: Meta,
    pub(super) value: Value,
}

impl CustomObject {
    /// Reads an object of a list or watch; lists leave out what all of their items share.
    pub(super) fn read(kind: Custom, text: &str, url: &str) -> Result<Self, DiscoveryError> {
        let unreadable = |error: serde_json::Error| DiscoveryError::unreadable(url, error);
        let mut value: Value = serde_json::from_str(text).map_err(unreadable)?;
        let metadata = serde_json::from_value(value["metadata"].clone()).map_err(unreadable)?;
        value["apiVersion"] = json!("monitoring.coreos.com/v1");
        value["kind"] = json!(kind.names().0);
        Ok(Self { kind, metadata, value })
    }
}
