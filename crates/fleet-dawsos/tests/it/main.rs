//! The pack of DawsOS: its dashboard, cluster objects and compose file hold together with the services.

mod cluster;
mod compose;
mod dashboard;
mod pack;
