//! What every service of the fleet stands in: its process, its faults, and what a supervisor must know of it.
//!
//! ```text
//! SystemSpec ─▶ ServiceSpec ─▶ arguments ─▶ a child process ─▶ process::run ─▶ the service
//!            └▶ FaultSpec ──▶ a line on its standard input ──▶ Fault::is_on
//! ```
//!
//! A supervisor keeps the standard input of each service open as a pipe. A line on it switches a fault
//! (`fault NAME on`, `fault NAME off`); its end is the order to drain and end.

pub mod process;
pub mod traffic;

mod client;
mod connections;
mod error;
mod fault;
mod order;
mod service;
mod system;
mod tls;

pub use client::http_client;
pub use connections::OpenConnections;
pub use error::FleetError;
pub use fault::{Fault, Faults};
pub use order::Order;
pub use process::{
    BusArgs, Context, DRAIN_LIMIT, ProcessArgs, health_router, serve_http, serve_http_counted, serve_https,
};
pub use service::{DEFAULT_BUS, DEFAULT_SEED, Launch, Role, ServiceSpec};
pub use system::{FaultKind, FaultSpec, SystemSpec};
pub use traffic::{Flow, MixArgs};
