//! The `service_name` that a stream gets when it names none.

/// Labels that may hold the service's name, in the order in which they are asked
/// (`discover_service_name` in Loki's limits).
const CANDIDATES: [&str; 14] = [
    "service",
    "app",
    "application",
    "app_name",
    "name",
    "app_kubernetes_io_name",
    "container",
    "container_name",
    "k8s_container_name",
    "component",
    "workload",
    "job",
    "k8s_job_name",
    "service_name",
];

/// The first label of Loki's list that is not empty, or `unknown_service`.
pub fn service_name<'a>(label: impl Fn(&'static str) -> &'a str) -> &'a str {
    CANDIDATES
        .into_iter()
        .map(label)
        .find(|value| !value.is_empty())
        .unwrap_or("unknown_service")
}
