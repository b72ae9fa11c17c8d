//! The log store against kills, stored files, and a naive model.

mod crash;
mod golden;
mod model;
mod queries;
mod support;
