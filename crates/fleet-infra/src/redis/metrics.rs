//! INFO under the names of redis_exporter. <https://github.com/oliver006/redis_exporter>

use std::net::SocketAddr;

use prometheus::proto::MetricFamily;
use skopos_log_macros::{self as log, chain};

use super::info::{self, Info};
use crate::exporter::{Family, Source};

/// Field of INFO, name of the metric, help.
const GAUGES: [(&str, &str, &str); 12] = [
    (
        "uptime_in_seconds",
        "redis_uptime_in_seconds",
        "Seconds since the start.",
    ),
    ("connected_clients", "redis_connected_clients", "Client connections."),
    (
        "blocked_clients",
        "redis_blocked_clients",
        "Clients that wait in a blocking call.",
    ),
    ("maxclients", "redis_config_maxclients", "Client connections at most."),
    ("used_memory", "redis_memory_used_bytes", "Bytes allocated."),
    ("used_memory_rss", "redis_memory_used_rss_bytes", "Resident bytes."),
    (
        "used_memory_peak",
        "redis_memory_used_peak_bytes",
        "Bytes allocated at most so far.",
    ),
    (
        "maxmemory",
        "redis_memory_max_bytes",
        "Bytes that may be allocated; 0 is no limit.",
    ),
    (
        "mem_fragmentation_ratio",
        "redis_mem_fragmentation_ratio",
        "Resident by allocated bytes.",
    ),
    (
        "instantaneous_ops_per_sec",
        "redis_instantaneous_ops_per_sec",
        "Commands a second, lately.",
    ),
    ("connected_slaves", "redis_connected_slaves", "Replicas."),
    (
        "rdb_changes_since_last_save",
        "redis_rdb_changes_since_last_save",
        "Changes since the last save.",
    ),
];
const COUNTERS: [(&str, &str, &str); 12] = [
    (
        "total_commands_processed",
        "redis_commands_processed_total",
        "Commands processed.",
    ),
    (
        "total_connections_received",
        "redis_connections_received_total",
        "Connections accepted.",
    ),
    (
        "rejected_connections",
        "redis_rejected_connections_total",
        "Connections refused.",
    ),
    (
        "keyspace_hits",
        "redis_keyspace_hits_total",
        "Reads of a key that was there.",
    ),
    (
        "keyspace_misses",
        "redis_keyspace_misses_total",
        "Reads of a key that was not.",
    ),
    ("expired_keys", "redis_expired_keys_total", "Keys that expired."),
    ("evicted_keys", "redis_evicted_keys_total", "Keys that gave way."),
    ("total_net_input_bytes", "redis_net_input_bytes_total", "Bytes read."),
    (
        "total_net_output_bytes",
        "redis_net_output_bytes_total",
        "Bytes written.",
    ),
    (
        "used_cpu_sys",
        "redis_cpu_sys_seconds_total",
        "CPU time in the kernel in seconds.",
    ),
    (
        "used_cpu_user",
        "redis_cpu_user_seconds_total",
        "CPU time in user mode in seconds.",
    ),
    (
        "total_error_replies",
        "redis_total_error_replies",
        "Commands answered with an error.",
    ),
];

/// Reads one server at each scrape.
pub(super) struct RedisSource {
    pub(super) address: SocketAddr,
    /// Whether there is a server at all: of one that was never there, `redis_up` says nothing.
    pub(super) is_expected: bool,
}

impl Source for RedisSource {
    async fn read(&self) -> Vec<MetricFamily> {
        if !self.is_expected {
            return Vec::new();
        }
        match info::read(self.address).await {
            Ok(info) => families(&info),
            Err(error) => {
                log::debug!(error = chain(&error), address = %self.address, "Redis does not answer");
                vec![up(0.0)]
            }
        }
    }
}

fn up(value: f64) -> MetricFamily {
    Family::gauge("redis_up", "Whether Redis answers.")
        .sample(&[], value)
        .build()
}

fn families(info: &Info) -> Vec<MetricFamily> {
    let number = |field: &str| info.get(field)?.parse::<f64>().ok();
    let mut all = vec![up(1.0)];
    for (field, name, help) in GAUGES {
        all.extend(number(field).map(|value| Family::gauge(name, help).sample(&[], value).build()));
    }
    for (field, name, help) in COUNTERS {
        all.extend(number(field).map(|value| Family::counter(name, help).sample(&[], value).build()));
    }
    let text = |field: &str| info.get(field).map_or("", String::as_str);
    let labels = [
        ("redis_version", text("redis_version")),
        ("role", text("role")),
        ("redis_mode", text("redis_mode")),
    ];
    all.push(
        Family::gauge("redis_instance_info", "What it is.")
            .sample(&labels, 1.0)
            .build(),
    );
    all.extend(keyspace(info));
    all
}

/// Keys of each database, from lines such as `db0:keys=3,expires=1,avg_ttl=0`.
fn keyspace(info: &Info) -> [MetricFamily; 2] {
    let mut keys = Family::gauge("redis_db_keys", "Keys of the database.");
    let mut expiring = Family::gauge("redis_db_keys_expiring", "Keys of the database that expire.");
    let databases = info
        .iter()
        .filter(|(name, _)| name.strip_prefix("db").is_some_and(|rest| rest.parse::<u32>().is_ok()));
    for (name, value) in databases {
        for pair in value.split(',') {
            match pair.split_once('=') {
                Some(("keys", count)) => keys.push(&[("db", name)], count.parse().unwrap_or_default()),
                Some(("expires", count)) => expiring.push(&[("db", name)], count.parse().unwrap_or_default()),
                _ => {}
            }
        }
    }
    [keys.build(), expiring.build()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_under_the_exporters_names() {
        let info: Info = [
            ("connected_clients", "2"),
            ("total_commands_processed", "41"),
            ("db0", "keys=3,expires=1,avg_ttl=0"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        let families = families(&info);
        let value = |name: &str| {
            let family = families.iter().find(|family| family.name() == name).expect(name);
            let metric = &family.get_metric()[0];
            metric.get_gauge().get_value() + metric.get_counter().get_value()
        };
        assert_eq!(value("redis_up"), 1.0);
        assert_eq!(value("redis_connected_clients"), 2.0);
        assert_eq!(value("redis_commands_processed_total"), 41.0);
        assert_eq!((value("redis_db_keys"), value("redis_db_keys_expiring")), (3.0, 1.0));
    }
}
