//! The pack of the recommender: its cluster objects, compose file and dashboards hold together with the services.

mod cluster;
mod compose;
mod dashboards;
mod logs;
mod pack;
