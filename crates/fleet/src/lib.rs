//! The fleet: systems of real services on the SDK, which the demo starts and Skopos watches.
//!
//! Each service is a process of its own, `skopos fleet SYSTEM SERVICE [flags]`. Nothing here knows the Skopos server:
//! telemetry leaves by `/metrics`, OTLP and standard output, as that of any other service.
//!
//! ```text
//! FleetCommand ─▶ run ─▶ process (runtime, observability, signals) ─▶ a service of a system
//! somaagent01::services() ─▶ a supervisor's list: what to start, in which order, with which arguments
//! ```

mod command;
mod error;
mod process;
mod service;
pub mod somaagent01;

pub use command::{FleetCommand, run};
pub use error::FleetError;
pub use service::{FaultSpec, Launch, ServiceSpec};
