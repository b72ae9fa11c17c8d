//! Tests of the built program, from outside.

mod cli;
mod kill;
mod program;
