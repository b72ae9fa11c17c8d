//! Proofs over rule files that others wrote, over our packs, and over packs with a fault.

#![expect(clippy::print_stdout, reason = "verdicts are read with --nocapture")]

mod broken;
mod packs;
mod promtool;
mod real;
mod seeds;
mod shapes;
