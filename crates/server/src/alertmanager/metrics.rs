//! Alertmanager's own metrics, under the names that its mixin and dashboards ask for.
//!
//! Left out is what has nothing behind it here: snapshots (changes are stored one by one), gossip, errors of lookups in
//! memory, and durations of what the machine does without a clock.

mod process;

use skopos_alertmanager::Alertmanager;
use skopos_alertmanager::machine::{FailureReason, Gauges, IntegrationMetrics, LATENCY_BUCKETS_MS, Latency};
use skopos_core::metric::MetricType;
use skopos_wire::exposition::TextWriter;

pub(super) use process::{Facts, config_hash};

/// The version of the API by which alerts come in.
const VERSION: &str = "v2";
/// Reasons for which alerts are held back.
const SUPPRESSIONS: [&str; 4] = ["active_time_interval", "inhibition", "mute_time_interval", "silence"];

/// Name, help and value of a counter.
type Counter = (&'static str, &'static str, fn(&IntegrationMetrics) -> u64);

/// All metrics of the machine and what is around it as an exposition.
pub(super) fn alertmanager_metrics(machine: &Alertmanager, now_ms: i64, facts: &Facts) -> String {
    let mut writer = TextWriter::new();
    process::write(&mut writer, facts);
    let gauges = machine.gauges(now_ms);
    write_operations(&mut writer, machine, &gauges);
    write_gauges(&mut writer, &gauges);
    write_alerts(&mut writer, machine);
    write_integrations(&mut writer, machine);
    writer.finish()
}

/// What the notification log and the silences were asked, and how often they were tidied.
fn write_operations(writer: &mut TextWriter, machine: &Alertmanager, gauges: &Gauges) {
    let metrics = machine.metrics();
    for (name, help, count) in [
        (
            "alertmanager_nflog_queries_total",
            "Looks into the notification log.",
            metrics.log_queries,
        ),
        (
            "alertmanager_nflog_maintenance_total",
            "How often expired entries were dropped.",
            metrics.maintenances,
        ),
        (
            "alertmanager_silences_queries_total",
            "How often it was asked which silences match an alert.",
            gauges.silence_queries,
        ),
        (
            "alertmanager_silences_maintenance_total",
            "How often expired silences were dropped.",
            metrics.maintenances,
        ),
    ] {
        writer.family(name, MetricType::Counter, help);
        writer.sample(name, [], count as f64, None);
    }
}

fn write_gauges(writer: &mut TextWriter, gauges: &Gauges) {
    let alerts = "Alerts by state, as of the last flush of their groups.";
    writer.family("alertmanager_alerts", MetricType::Gauge, alerts);
    for (state, count) in [
        ("active", gauges.alerts_active),
        ("suppressed", gauges.alerts_suppressed),
        ("unprocessed", gauges.alerts_unprocessed),
    ] {
        writer.sample("alertmanager_alerts", [("state", state)], count as f64, None);
    }
    writer.family("alertmanager_silences", MetricType::Gauge, "Silences by state.");
    for (state, count) in [
        ("active", gauges.silences_active),
        ("expired", gauges.silences_expired),
        ("pending", gauges.silences_pending),
    ] {
        writer.sample("alertmanager_silences", [("state", state)], count as f64, None);
    }
    for (name, help, value) in [
        (
            "alertmanager_dispatcher_aggregation_groups",
            "Aggregation groups.",
            gauges.groups,
        ),
        (
            "alertmanager_nflog_entries",
            "Entries of the notification log.",
            gauges.log_entries,
        ),
        ("alertmanager_receivers", "Configured receivers.", gauges.receivers),
        (
            "alertmanager_integrations",
            "Configured integrations.",
            gauges.integrations,
        ),
        (
            "alertmanager_inhibition_rules",
            "Configured inhibition rules.",
            gauges.inhibition_rules,
        ),
    ] {
        writer.family(name, MetricType::Gauge, help);
        writer.sample(name, [], value as f64, None);
    }
}

fn write_alerts(writer: &mut TextWriter, machine: &Alertmanager) {
    let metrics = machine.metrics();
    let name = "alertmanager_alerts_received_total";
    writer.family(
        name,
        MetricType::Counter,
        "Alerts that came in, by what they say of themselves.",
    );
    for (status, count) in [
        ("firing", metrics.received_firing),
        ("resolved", metrics.received_resolved),
    ] {
        writer.sample(name, [("status", status), ("version", VERSION)], count as f64, None);
    }
    let name = "alertmanager_alerts_invalid_total";
    writer.family(name, MetricType::Counter, "Alerts that were refused.");
    writer.sample(name, [("version", VERSION)], metrics.invalid as f64, None);
    let name = "alertmanager_notifications_suppressed_total";
    writer.family(
        name,
        MetricType::Counter,
        "Alerts that were held back in a flush, by reason.",
    );
    for reason in SUPPRESSIONS {
        let count = metrics.suppressed.get(reason).copied().unwrap_or_default();
        writer.sample(name, [("reason", reason)], count as f64, None);
    }
    for (name, help, count) in [
        (
            "alertmanager_alerts_limited_total",
            "Alerts that were dropped, as there were too many of their name.",
            metrics.limited,
        ),
        (
            "skopos_alertmanager_events_dropped_total",
            "Events of the history that nobody took in time.",
            metrics.events_dropped,
        ),
    ] {
        writer.family(name, MetricType::Counter, help);
        writer.sample(name, [], count as f64, None);
    }
}

/// Counters of each kind of integration that is configured or was used.
fn write_integrations(writer: &mut TextWriter, machine: &Alertmanager) {
    let mut kinds = machine.metrics().integrations.clone();
    for integration in machine
        .plan()
        .receivers
        .iter()
        .flat_map(|receiver| &receiver.integrations)
    {
        kinds.entry(integration.kind.to_owned()).or_default();
    }
    let counters: [Counter; 3] = [
        (
            "alertmanager_notifications_total",
            "Notifications, by integration.",
            |m| m.notifications,
        ),
        ("alertmanager_notification_requests_total", "Attempts to notify.", |m| {
            m.requests
        }),
        (
            "alertmanager_notification_requests_failed_total",
            "Attempts that failed.",
            |m| m.requests_failed,
        ),
    ];
    for (name, help, value) in counters {
        writer.family(name, MetricType::Counter, help);
        for (kind, metrics) in &kinds {
            writer.sample(name, [("integration", kind.as_str())], value(metrics) as f64, None);
        }
    }
    let name = "alertmanager_notifications_failed_total";
    writer.family(name, MetricType::Counter, "Notifications that failed, by reason.");
    for (kind, metrics) in &kinds {
        for reason in FailureReason::ALL {
            let count = metrics.failed.get(&reason).copied().unwrap_or_default();
            let labels = [("integration", kind.as_str()), ("reason", reason.as_str())];
            writer.sample(name, labels, count as f64, None);
        }
    }
    let name = "alertmanager_notification_latency_seconds";
    writer.family(name, MetricType::Histogram, "Seconds that attempts took.");
    for (kind, metrics) in &kinds {
        write_latency(writer, name, kind, &metrics.latency);
    }
}

fn write_latency(writer: &mut TextWriter, name: &str, kind: &str, latency: &Latency) {
    let bucket = format!("{name}_bucket");
    let mut cumulated = 0;
    for (bound_ms, count) in LATENCY_BUCKETS_MS.iter().zip(latency.buckets) {
        cumulated += count;
        let bound = (bound_ms / 1000).to_string();
        writer.sample(
            &bucket,
            [("integration", kind), ("le", bound.as_str())],
            cumulated as f64,
            None,
        );
    }
    writer.sample(
        &bucket,
        [("integration", kind), ("le", "+Inf")],
        latency.count as f64,
        None,
    );
    let labels = [("integration", kind)];
    writer.sample(&format!("{name}_sum"), labels, latency.sum_ms as f64 / 1000.0, None);
    writer.sample(&format!("{name}_count"), labels, latency.count as f64, None);
}
