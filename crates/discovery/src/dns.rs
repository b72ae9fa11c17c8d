//! `dns_sd_configs`: names whose records tell the targets.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use hickory_resolver::TokioResolver;
use hickory_resolver::proto::rr::{RData, RecordType};
use skopos_config::TargetGroup;

use crate::discoveries::Setup;
use crate::error::DiscoveryError;
use crate::labels::{TargetLabels, host_port};
use crate::source::{Output, Refresh, Rhythm, refresh};

const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);

/// Begins to ask.
pub(crate) fn start(setup: Setup, output: Output) {
    let rhythm = Rhythm {
        mechanism: "dns",
        interval: setup.config.values().duration_or("refresh_interval", DEFAULT_INTERVAL),
    };
    tokio::spawn(refresh(move || DnsSource::new(&setup), rhythm, output));
}

struct DnsSource {
    resolver: TokioResolver,
    names: Vec<String>,
    record: RecordType,
    port: u64,
    /// A name that cannot be asked keeps its targets.
    known: BTreeMap<String, Vec<TargetGroup>>,
}

impl DnsSource {
    fn new(setup: &Setup) -> Result<Self, DiscoveryError> {
        let builder = TokioResolver::builder_tokio().map_err(|error| {
            DiscoveryError::unusable(format!("the system's resolver settings cannot be read: {error}"))
        })?;
        let resolver = builder
            .build()
            .map_err(|error| DiscoveryError::unusable(format!("no resolver: {error}")))?;
        Ok(Self::with_resolver(setup, resolver))
    }

    fn with_resolver(setup: &Setup, resolver: TokioResolver) -> Self {
        let values = setup.config.values();
        let record = match values.text_or("type", "SRV").to_ascii_uppercase().as_str() {
            "A" => RecordType::A,
            "AAAA" => RecordType::AAAA,
            "MX" => RecordType::MX,
            "NS" => RecordType::NS,
            _ => RecordType::SRV,
        };
        Self {
            resolver,
            names: values.texts("names").into_iter().map(str::to_owned).collect(),
            record,
            port: values.count_or("port", 0),
            known: BTreeMap::new(),
        }
    }

    async fn ask(&self, name: &str) -> Result<Vec<TargetGroup>, String> {
        match self.resolver.lookup(name, self.record).await {
            Ok(found) => {
                let targets = found
                    .answers()
                    .iter()
                    .filter_map(|record| self.target(name, &record.data));
                Ok(targets.collect())
            }
            Err(error) if error.is_no_records_found() || error.is_nx_domain() => Ok(Vec::new()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn target(&self, name: &str, data: &RData) -> Option<TargetGroup> {
        let mut labels = TargetLabels::default();
        labels.set("__meta_dns_name", name);
        let address = match data {
            RData::SRV(srv) => {
                labels.set("__meta_dns_srv_record_target", srv.target.to_utf8());
                labels.set("__meta_dns_srv_record_port", srv.port.to_string());
                host_port(unrooted(&srv.target.to_utf8()), srv.port)
            }
            RData::MX(mx) => {
                labels.set("__meta_dns_mx_record_target", mx.exchange.to_utf8());
                host_port(unrooted(&mx.exchange.to_utf8()), self.port)
            }
            RData::NS(ns) => {
                labels.set("__meta_dns_ns_record_target", ns.0.to_utf8());
                host_port(unrooted(&ns.0.to_utf8()), self.port)
            }
            RData::A(address) => host_port(&address.to_string(), self.port),
            RData::AAAA(address) => host_port(&address.to_string(), self.port),
            // Names on the way to an address come along with it.
            _ => return None,
        };
        Some(labels.at(address))
    }
}

/// A name without the final dot.
fn unrooted(name: &str) -> &str {
    name.trim_end_matches('.')
}

impl Refresh for DnsSource {
    async fn refresh(&mut self) -> Result<Vec<TargetGroup>, DiscoveryError> {
        let answers = join_all(self.names.iter().map(|name| self.ask(name))).await;
        let mut failures = Vec::new();
        for (name, answer) in self.names.iter().zip(answers) {
            match answer {
                Ok(mut groups) => {
                    // Servers turn the order round; the targets are the same.
                    groups.sort_by(|a, b| a.targets.cmp(&b.targets));
                    self.known.insert(name.clone(), groups);
                }
                Err(reason) => failures.push(format!("{name}: {reason}")),
            }
        }
        if failures.len() == self.names.len() {
            return Err(DiscoveryError::unusable(failures.join("; ")));
        }
        for failure in failures {
            tracing::error!(
                mechanism = "dns",
                error = failure,
                "a name was not resolved; its last targets stay"
            );
        }
        Ok(self.known.values().flatten().cloned().collect())
    }
}

#[cfg(test)]
mod tests;
