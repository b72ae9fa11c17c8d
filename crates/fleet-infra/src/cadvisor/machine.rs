//! The whole machine as the group `/`, and what it has.

use std::collections::HashMap;

use procfs::net::DeviceStatus;
use procfs::{Current, CurrentSI, KernelStats, Meminfo};
use prometheus::proto::MetricFamily;

use super::group::{Group, Interface};
use crate::exporter::Family;

/// What all processes of the machine use together.
pub(super) fn read() -> Group {
    let mut group = Group {
        id: "/".to_owned(),
        interfaces: interfaces(procfs::net::dev_status().unwrap_or_default()),
        ..Group::default()
    };
    if let Ok(stats) = KernelStats::current() {
        let per_second = procfs::ticks_per_second() as f64;
        let user = (stats.total.user + stats.total.nice) as f64 / per_second;
        let system = stats.total.system as f64 / per_second;
        group.cpu_user_seconds = Some(user);
        group.cpu_system_seconds = Some(system);
        group.cpu_seconds = Some(user + system);
        group.start_time = Some(stats.btime as f64);
    }
    if let Ok(memory) = Meminfo::current() {
        let used = memory.mem_total.saturating_sub(memory.mem_free);
        group.memory_usage = Some(used as f64);
        group.memory_cache = Some(memory.cached as f64);
        group.memory_working_set = memory
            .mem_available
            .map(|available| memory.mem_total.saturating_sub(available) as f64);
        group.memory_rss = Some(used.saturating_sub(memory.cached + memory.buffers) as f64);
        group.memory_limit = Some(0.0);
    }
    group
}

/// Cores and memory of the machine.
pub(super) fn families() -> Vec<MetricFamily> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut all = vec![
        Family::gauge("machine_cpu_cores", "Cores.")
            .sample(&[], cores as f64)
            .build(),
    ];
    if let Ok(memory) = Meminfo::current() {
        all.push(
            Family::gauge("machine_memory_bytes", "Memory.")
                .sample(&[], memory.mem_total as f64)
                .build(),
        );
    }
    all
}

/// Totals of each interface but the loopback, by name.
pub(super) fn interfaces(devices: HashMap<String, DeviceStatus>) -> Vec<Interface> {
    let mut all: Vec<Interface> = devices
        .into_values()
        .filter(|device| device.name != "lo")
        .map(|device| Interface {
            receive_bytes: device.recv_bytes as f64,
            receive_packets: device.recv_packets as f64,
            receive_errors: device.recv_errs as f64,
            transmit_bytes: device.sent_bytes as f64,
            transmit_packets: device.sent_packets as f64,
            transmit_errors: device.sent_errs as f64,
            name: device.name,
        })
        .collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}
