//! What one group uses, and all of them as metrics. Names and labels are cAdvisor's.
//! <https://github.com/google/cadvisor/blob/master/docs/storage/prometheus.md>

use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::proto::MetricFamily;

use crate::exporter::Family;

/// One group. What its source does not tell is none, and has no sample.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Group {
    /// Path of the group.
    pub(super) id: String,
    /// Name of the container; empty for the machine.
    pub(super) name: String,
    /// CPU time in seconds.
    pub(super) cpu_seconds: Option<f64>,
    pub(super) cpu_user_seconds: Option<f64>,
    pub(super) cpu_system_seconds: Option<f64>,
    /// Bytes of memory, page cache included.
    pub(super) memory_usage: Option<f64>,
    /// The same without what can be dropped at once.
    pub(super) memory_working_set: Option<f64>,
    pub(super) memory_rss: Option<f64>,
    pub(super) memory_cache: Option<f64>,
    /// Bytes; 0 is no limit.
    pub(super) memory_limit: Option<f64>,
    pub(super) processes: Option<f64>,
    pub(super) threads: Option<f64>,
    /// Seconds since the epoch.
    pub(super) start_time: Option<f64>,
    pub(super) read_bytes: Option<f64>,
    pub(super) written_bytes: Option<f64>,
    pub(super) interfaces: Vec<Interface>,
}

/// Totals of one network interface.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Interface {
    pub(super) name: String,
    pub(super) receive_bytes: f64,
    pub(super) receive_packets: f64,
    pub(super) receive_errors: f64,
    pub(super) transmit_bytes: f64,
    pub(super) transmit_packets: f64,
    pub(super) transmit_errors: f64,
}

/// A metric of a group: name, help, whether it is a total, and where it is.
type GroupMetric = (&'static str, &'static str, bool, fn(&Group) -> Option<f64>);
type InterfaceMetric = (&'static str, &'static str, fn(&Interface) -> f64);

const GROUP_METRICS: [GroupMetric; 13] = [
    ("container_cpu_usage_seconds_total", "CPU time in seconds.", true, |g| {
        g.cpu_seconds
    }),
    (
        "container_cpu_user_seconds_total",
        "CPU time in user mode in seconds.",
        true,
        |g| g.cpu_user_seconds,
    ),
    (
        "container_cpu_system_seconds_total",
        "CPU time in the kernel in seconds.",
        true,
        |g| g.cpu_system_seconds,
    ),
    (
        "container_memory_usage_bytes",
        "Memory, page cache included.",
        false,
        |g| g.memory_usage,
    ),
    (
        "container_memory_working_set_bytes",
        "Memory without inactive file pages.",
        false,
        |g| g.memory_working_set,
    ),
    ("container_memory_rss", "Anonymous memory in bytes.", false, |g| {
        g.memory_rss
    }),
    ("container_memory_cache", "Page cache in bytes.", false, |g| {
        g.memory_cache
    }),
    (
        "container_spec_memory_limit_bytes",
        "Memory that may be used; 0 is no limit.",
        false,
        |g| g.memory_limit,
    ),
    ("container_processes", "Processes.", false, |g| g.processes),
    ("container_threads", "Threads.", false, |g| g.threads),
    (
        "container_start_time_seconds",
        "Start, seconds since the epoch.",
        false,
        |g| g.start_time,
    ),
    (
        "container_fs_reads_bytes_total",
        "Bytes read from devices.",
        true,
        |g| g.read_bytes,
    ),
    (
        "container_fs_writes_bytes_total",
        "Bytes written to devices.",
        true,
        |g| g.written_bytes,
    ),
];
const INTERFACE_METRICS: [InterfaceMetric; 6] = [
    ("container_network_receive_bytes_total", "Bytes received.", |i| {
        i.receive_bytes
    }),
    ("container_network_receive_packets_total", "Packets received.", |i| {
        i.receive_packets
    }),
    (
        "container_network_receive_errors_total",
        "Errors while receiving.",
        |i| i.receive_errors,
    ),
    ("container_network_transmit_bytes_total", "Bytes sent.", |i| {
        i.transmit_bytes
    }),
    ("container_network_transmit_packets_total", "Packets sent.", |i| {
        i.transmit_packets
    }),
    (
        "container_network_transmit_errors_total",
        "Errors while sending.",
        |i| i.transmit_errors,
    ),
];

/// All groups as metrics.
pub(super) fn families(groups: &[Group]) -> Vec<MetricFamily> {
    let mut all = Vec::new();
    for (name, help, is_total, value) in GROUP_METRICS {
        let mut family = if is_total {
            Family::counter(name, help)
        } else {
            Family::gauge(name, help)
        };
        for group in groups {
            if let Some(value) = value(group) {
                family.push(&labels(group), value);
            }
        }
        all.push(family.build());
    }
    for (name, help, value) in INTERFACE_METRICS {
        let mut family = Family::counter(name, help);
        for (group, interface) in groups.iter().flat_map(|g| g.interfaces.iter().map(move |i| (g, i))) {
            let [id, name, image] = labels(group);
            family.push(&[id, name, image, ("interface", &interface.name)], value(interface));
        }
        all.push(family.build());
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64();
    let mut seen = Family::gauge("container_last_seen", "When it was seen last, seconds since the epoch.");
    for group in groups {
        seen.push(&labels(group), now.floor());
    }
    all.push(seen.build());
    all
}

fn labels(group: &Group) -> [(&'static str, &str); 3] {
    [("id", &group.id), ("name", &group.name), ("image", "")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_has_no_sample() {
        let group = Group {
            id: "/docker/ab".to_owned(),
            name: "ab".to_owned(),
            memory_rss: Some(7.0),
            ..Group::default()
        };
        let families = families(&[group]);
        let samples = |name: &str| {
            let family = families.iter().find(|family| family.name() == name).expect(name);
            family.get_metric().len()
        };
        assert_eq!(samples("container_memory_rss"), 1);
        assert_eq!(samples("container_cpu_usage_seconds_total"), 0);
        assert_eq!(samples("container_last_seen"), 1);
    }
}
