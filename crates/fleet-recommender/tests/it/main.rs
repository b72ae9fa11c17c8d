//! The pack of the recommender: its cluster objects, compose file and dashboards hold together with the services.

use skopos_fleet_recommender::SYSTEM;
use skopos_fleet_testing::Pack;

mod cluster;
mod compose;
mod dashboards;
mod logs;

const PACK: Pack = Pack::of(SYSTEM);
