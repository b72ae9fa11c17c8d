//! The log store against the shared cases, kills, stored files, and a naive model.

mod crash;
mod golden;
mod levels;
mod model;
mod queries;
mod support;
