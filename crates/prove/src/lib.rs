//! Proves that alerts work: derives from each rule's expression the input that must fire it, drives
//! it on a virtual clock through the real rule evaluation, takes the cause away again, and follows
//! the alert to the receiver. Beside it: selectors that find nothing, what rules would have done on
//! stored history, and what watches which service.
//!
//! ```text
//!   RuleFile ─▶ Prover ─▶ faults (never, always, joins)
//!                  │
//!                  ├▶ inline (recorded names) ─▶ search ─▶ shrink ─▶ heal ─▶ drive ─▶ RuleReport
//!                  │          goals down the tree,            virtual clock,     │
//!                  │          checked by the engine           crate rules        ▼
//!                  └──────────────────────────────── Chain (alertmanager, Sandbox) ─▶ Report ─▶ promtool test
//! ```
//!
//! Pure: no I/O, no clock, no threads. Rules are independent of each other, so that a caller proves
//! several at once.

pub mod backtest;
mod chain;
pub mod coverage;
pub mod dead;
mod drive;
mod faults;
mod heal;
mod inline;
mod key;
mod native;
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
