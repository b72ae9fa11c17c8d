//! Tests of the built program, from outside.
#![expect(clippy::print_stdout, reason = "the kill test prints its counts")]

mod cli;
mod kill;
mod program;
mod prove;
mod rules;
