//! The server's own metrics, in the default registry.

use std::sync::LazyLock;

use prometheus::{
    HistogramVec, IntCounter, IntCounterVec, IntGauge, register_histogram_vec, register_int_counter,
    register_int_counter_vec, register_int_gauge,
};

const REGISTERED: &str = "names and labels of own metrics are constant and unique";

/// Requests answered, by route, method and status.
pub(crate) static REQUESTS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "skopos_http_requests_total",
        "Requests answered, by handler, method and status code.",
        &["handler", "method", "code"]
    )
    .expect(REGISTERED)
});

/// Seconds until a request was answered, by route.
pub(crate) static REQUEST_DURATION: LazyLock<HistogramVec> = LazyLock::new(|| {
    register_histogram_vec!(
        "skopos_http_request_duration_seconds",
        "Seconds from a request's head to the head of its answer.",
        &["handler"],
        vec![0.001, 0.005, 0.02, 0.1, 0.4, 1.0, 3.0, 10.0, 30.0, 120.0]
    )
    .expect(REGISTERED)
});

/// Requests being answered.
pub(crate) static IN_FLIGHT: LazyLock<IntGauge> = LazyLock::new(|| {
    register_int_gauge!("skopos_http_requests_in_flight", "Requests being answered.").expect(REGISTERED)
});

/// Connections open, by listener.
pub(crate) static CONNECTIONS: LazyLock<prometheus::IntGaugeVec> = LazyLock::new(|| {
    prometheus::register_int_gauge_vec!(
        "skopos_http_connections",
        "Connections open, by listener.",
        &["listener"]
    )
    .expect(REGISTERED)
});

/// Requests that the web configuration refuses, by reason.
pub(crate) static WEB_REFUSED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "skopos_web_requests_refused_total",
        "Requests and connections that the web configuration refuses, by reason.",
        &["reason"]
    )
    .expect(REGISTERED)
});

/// Panics caught, by place.
pub(crate) static PANICS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "skopos_panics_total",
        "Panics caught while answering, by place.",
        &["place"]
    )
    .expect(REGISTERED)
});

/// Jobs refused because too many waited, by pool.
pub(crate) static POOL_REFUSED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "skopos_pool_refused_total",
        "Jobs refused because too many waited, by pool.",
        &["pool"]
    )
    .expect(REGISTERED)
});

/// Queries answered, by language and outcome.
pub(crate) static QUERIES: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "skopos_queries_total",
        "Queries answered, by language and outcome.",
        &["language", "outcome"]
    )
    .expect(REGISTERED)
});

/// Queries evaluated on the thread that received them, as they were short the last time.
pub(crate) static QUERIES_IN_PLACE: LazyLock<IntCounter> = LazyLock::new(|| {
    register_int_counter!(
        "skopos_queries_in_place_total",
        "Queries evaluated on the thread that received them, as they were short the last time."
    )
    .expect(REGISTERED)
});

/// Seconds of queries, by language, waiting included.
pub(crate) static QUERY_DURATION: LazyLock<HistogramVec> = LazyLock::new(|| {
    register_histogram_vec!(
        "skopos_query_duration_seconds",
        "Seconds that queries took, by language, waiting included.",
        &["language"],
        vec![0.001, 0.005, 0.02, 0.1, 0.4, 1.0, 3.0, 10.0, 30.0, 120.0]
    )
    .expect(REGISTERED)
});

/// Bytes of bodies received at a door, before decompression.
pub(crate) static RECEIVED_BYTES: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "skopos_received_bytes_total",
        "Bytes of request bodies received, by door, before decompression.",
        &["door"]
    )
    .expect(REGISTERED)
});
