//! Arbitrage AI: its pack holds together with the system, and its processes do what the page says.

mod headers;
mod pack;
mod process;
mod sampling;
mod system;
