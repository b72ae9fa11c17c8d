//! Proofs over rule files that others wrote, over our packs, and over packs with a fault.

mod packs;
mod promtool;
mod real;
mod seeds;
