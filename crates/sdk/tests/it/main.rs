//! The SDK from outside: the shared cases of others, back ends that come and go, and what a service gets to see.

mod backends;
mod collector;
mod directives;
mod environment;
mod errors_always;
mod http_layer;
mod http_metrics;
mod hyper_server;
mod otlp_logs;
#[cfg(feature = "errors")]
mod pii;
mod propagation;
mod pulled_away;
mod service;
mod support;
mod unsampled;
#[cfg(all(
    feature = "http-client",
    feature = "postgres",
    feature = "sqlx",
    feature = "redis",
    feature = "grpc"
))]
mod wrappers;
