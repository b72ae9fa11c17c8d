//! Proofs over rule files that others wrote.

mod real;
