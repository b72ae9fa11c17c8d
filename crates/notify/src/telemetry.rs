//! What sending tells about itself, under Alertmanager's names.

use std::sync::LazyLock;

use prometheus::{HistogramVec, IntCounterVec, register_histogram_vec, register_int_counter_vec};

/// Notifications that came to an end, retries and all.
pub(crate) static NOTIFICATIONS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "alertmanager_notifications_total",
        "The total number of attempted notifications.",
        &["integration"]
    )
    .expect("the name is registered once and valid")
});

/// Notifications that were not sent in the end.
pub(crate) static NOTIFICATIONS_FAILED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "alertmanager_notifications_failed_total",
        "The total number of failed notifications.",
        &["integration", "reason"]
    )
    .expect("the name is registered once and valid")
});

/// Attempts to send.
pub(crate) static REQUESTS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "alertmanager_notification_requests_total",
        "The total number of attempted notification requests.",
        &["integration"]
    )
    .expect("the name is registered once and valid")
});

/// Attempts that failed.
pub(crate) static REQUESTS_FAILED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "alertmanager_notification_requests_failed_total",
        "The total number of failed notification requests.",
        &["integration"]
    )
    .expect("the name is registered once and valid")
});

/// How long attempts take.
pub(crate) static LATENCY_SECONDS: LazyLock<HistogramVec> = LazyLock::new(|| {
    register_histogram_vec!(
        "alertmanager_notification_latency_seconds",
        "The latency of notifications in seconds.",
        &["integration"],
        vec![1.0, 5.0, 10.0, 15.0, 20.0]
    )
    .expect("the name is registered once and valid")
});
