//! The pack of SomaAgent: dashboards, Kubernetes objects, compose file and provisioning hold together with the system.

use skopos_fleet_somaagent::SYSTEM;
use skopos_fleet_testing::Pack;

mod compose;
mod dashboards;
mod kubernetes;

const PACK: Pack = Pack::of(SYSTEM);
