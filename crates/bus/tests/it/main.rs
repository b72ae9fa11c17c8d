//! The bus against the embedded broker: what happens to events that nobody can handle.

mod dead_letters;
mod handover_log;
mod secured;
mod site;
mod spill;
