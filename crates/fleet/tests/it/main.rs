//! The fleet as real processes: broker, gateway, worker and executor on free ports, one receiver for their spans.

mod arbitrage;
mod conversation;
mod dawsos;
mod fleet;
mod receiver;
mod recommender;
mod somaagent;
