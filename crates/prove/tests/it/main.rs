//! Proofs over rule files that others wrote.

mod one;
mod packs;
mod promtool;
mod real;
