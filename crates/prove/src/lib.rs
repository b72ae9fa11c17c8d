//! wip
pub mod backtest;
pub mod coverage;
pub mod dead;
mod chain;
mod drive;
mod faults;
mod heal;
mod inline;
mod key;
mod pattern;
mod promtool;
mod prover;
mod range;
mod reads;
mod report;
mod search;
mod shrink;
mod start;
mod state;
mod timeline;
mod universe;
mod values;
mod variable;

pub use chain::{Chain, Sandbox};
pub use promtool::{PromtoolTest, witness_as_promtool_test};
pub use prover::{ProveOptions, Prover};
pub use report::{Counts, FiredAlert, Link, Message, Moments, Report, RuleReport, Verdict, WitnessSeries};
