//! Metrics of what is around the machine: build, configuration, the time alerts take, and the cluster that is none.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use skopos_core::metric::MetricType;
use skopos_wire::exposition::TextWriter;

use crate::options::BuildInfo;
use crate::views::ReloadStatus;

/// Bytes of a digest that a number holds exactly.
const HASH_BYTES: usize = 6;

/// What the machine does not know.
#[derive(Debug, Clone)]
pub(in crate::alertmanager) struct Facts {
    pub(in crate::alertmanager) build: BuildInfo,
    pub(in crate::alertmanager) config_hash: u64,
    pub(in crate::alertmanager) last_reload: ReloadStatus,
    /// Alerts that were taken in.
    pub(in crate::alertmanager) processed: u64,
    /// How long that took.
    pub(in crate::alertmanager) processing: Duration,
}

/// A number that is another for each configuration. Secrets have no part in it.
pub(in crate::alertmanager) fn config_hash(text: &str) -> u64 {
    let digest = Sha256::digest(text.as_bytes());
    let bytes = digest.iter().take(HASH_BYTES);
    bytes.fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}

pub(super) fn write(writer: &mut TextWriter, facts: &Facts) {
    write_build(writer, &facts.build);
    for (name, help, value) in [
        (
            "alertmanager_config_hash",
            "Hash of the configuration in force, secrets left out.",
            facts.config_hash as f64,
        ),
        (
            "alertmanager_config_last_reload_successful",
            "Whether the last attempt to load the configuration succeeded.",
            f64::from(u8::from(facts.last_reload.succeeded)),
        ),
        (
            "alertmanager_config_last_reload_success_timestamp_seconds",
            "When the configuration in force was loaded, Unix seconds.",
            facts.last_reload.loaded_at_ms as f64 / 1000.0,
        ),
        (
            "alertmanager_cluster_enabled",
            "Whether there is a cluster: there is none.",
            0.0,
        ),
        (
            "alertmanager_cluster_members",
            "Members that notify together: this one.",
            1.0,
        ),
        (
            "alertmanager_cluster_failed_peers",
            "Members that cannot be reached.",
            0.0,
        ),
        (
            "alertmanager_cluster_health_score",
            "0 where all members are well.",
            0.0,
        ),
        ("alertmanager_peer_position", "Position of this member among all.", 0.0),
    ] {
        writer.family(name, MetricType::Gauge, help);
        writer.sample(name, [], value, None);
    }
    write_processing(writer, facts);
}

fn write_build(writer: &mut TextWriter, build: &BuildInfo) {
    let name = "alertmanager_build_info";
    writer.family(name, MetricType::Gauge, "The build, in its labels.");
    let labels = [
        ("branch", build.branch.as_str()),
        ("revision", build.revision.as_str()),
        ("version", build.version.as_str()),
    ];
    writer.sample(name, labels, 1.0, None);
}

fn write_processing(writer: &mut TextWriter, facts: &Facts) {
    let name = "alertmanager_dispatcher_alert_processing_duration_seconds";
    writer.family(name, MetricType::Summary, "Seconds that taking alerts in took.");
    writer.sample(&format!("{name}_sum"), [], facts.processing.as_secs_f64(), None);
    writer.sample(&format!("{name}_count"), [], facts.processed as f64, None);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_holds_the_hash_exactly() {
        let (one, other) = (config_hash("route: {receiver: a}"), config_hash("route: {receiver: b}"));
        assert_ne!(one, other);
        assert_eq!(one as f64 as u64, one);
        assert_eq!(config_hash(""), 0xe3b0_c442_98fc);
    }
}
