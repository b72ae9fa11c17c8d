//! Tests of the machine on a virtual clock.

mod cluster;
mod deliveries;
mod flushes;
mod property;
mod restarts;
mod rig;
