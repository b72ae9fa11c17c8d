//! The fleet: systems of real services on the SDK, which the demo starts and Skopos watches.
//!
//! Each service is a process of its own, `skopos fleet SYSTEM SERVICE [flags]`. Nothing here knows the Skopos server:
//! telemetry leaves by `/metrics`, OTLP and standard output, as that of any other service.
//!
//! ```text
//! FleetCommand ─▶ run ─▶ a service of a system, in the frame of `skopos-fleet-frame`
//! SYSTEMS ─▶ a supervisor's list: what to start, in which order, with which arguments and faults
//! ```

mod command;
mod systems;

pub use command::{FleetCommand, run};
pub use skopos_fleet_frame::{FaultKind, FaultSpec, FleetError, Launch, Order, Role, ServiceSpec, SystemSpec};
pub use skopos_fleet_infra::is_exporter;
pub use systems::{INFRA, SYSTEMS, needed};
