//! Rule unit tests in promtool's format: what a test file asks, and whether the rules hold to it.
//!
//! ```text
//!   text ─▶ file (parse) ─▶ TestFile ─▶ run ─▶ TestReport ─▶ text, JUnit
//!                              rules ──▲  on a virtual clock over a store in memory
//! ```
//!
//! Verdicts are those of `promtool test rules`. Reading files and globs is the caller's.

mod check;
mod compare;
mod file;
mod junit;
mod report;
mod run;

pub use compare::{Difference, Pairs};
pub use file::{AlertTest, ExpectedAlert, ExpectedSample, ExprTest, InputSeries, TestCase, TestFile, parse_test_file};
pub use junit::junit;
pub use report::{CaseReport, Style, TestFailure, TestReport, render};
pub use run::{TestOptions, run_tests};

#[cfg(test)]
mod tests;
