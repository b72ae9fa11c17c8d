//! The pack of DawsOS: its dashboard, cluster objects and compose file hold together with the services.

use skopos_fleet_dawsos::SYSTEM;
use skopos_fleet_testing::Pack;

mod cluster;
mod compose;
mod dashboard;

const PACK: Pack = Pack::of(SYSTEM);
