//! Proofs over rule files that others wrote.

mod one;
mod promtool;
mod real;
