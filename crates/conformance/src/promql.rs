//! Suite `promql`: Prometheus' engine scripts (`*.test`) and its tables of expressions, series
//! notation and durations, and Prometheus' answers to the queries of the compliance project.
//!
//! ```text
//!   x.test ──▶ script (commands) ──▶ runner ──▶ engine over a store in memory ──▶ compare
//! ```
//!
//! The language of the scripts is described beside the data. Every case is one `eval`; an instant
//! one is also repeated under `@` and as a range query, as Prometheus' own runner does.

mod at_variant;
mod check;
mod classic;
mod compare;
mod differential;
mod expect;
pub mod generate;
mod generate_words;
pub mod round_trip;
mod runner;
pub mod sample_data;
mod script;
mod tables;

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::{Outcome, data};

/// Runs the scripts in `dir`, and the tables that lie beside them.
pub fn run(dir: &Path) -> anyhow::Result<Outcome> {
    let mut outcome = tables::run(dir)?;
    outcome.merge(differential::run(&dir.join("diff"))?);
    let is_script = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "test");
    for path in data::files(dir)?.into_iter().filter(is_script) {
        let text = std::fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        runner::run(&name, &text, &mut outcome);
    }
    Ok(outcome)
}
