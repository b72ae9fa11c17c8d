//! Runs the conformance data of other projects against our crates.
//!
//! ```text
//!   shared/conformance/<suite> ──▶ suite module ──▶ crate under test ──▶ Outcome
//! ```
//!
//! Each suite is one module with a `run` function; [`SUITES`] lists them for the program and the
//! tests. The data is read only and lives outside the repository: see [`shared_dir`].

pub mod alertmanager;
pub mod config;
mod data;
pub mod exposition;
pub mod jaeger;
pub mod otlp;
pub mod outcome;
pub mod pii;
pub mod promql;
pub mod relabel;
pub mod rules;

use std::path::{Path, PathBuf};

pub use outcome::{Failure, Outcome};

/// The environment variable that names the folder of shared data.
pub const SHARED_ENV: &str = "SKOPOS_SHARED";

/// A suite: its name on the command line, its data below `conformance/`, and what runs it.
#[derive(Debug, Clone, Copy)]
pub struct Suite {
    /// Name on the command line.
    pub name: &'static str,
    /// Folder or file of its data, relative to `conformance/` of the shared folder.
    pub data: &'static str,
    /// Runs the cases that there are at a path.
    cases: fn(&Path) -> anyhow::Result<Outcome>,
}

/// All suites.
pub const SUITES: &[Suite] = &[
    Suite {
        name: "promql",
        data: "promql",
        cases: promql::run,
    },
    Suite {
        name: "exposition",
        data: "exposition",
        cases: exposition::run,
    },
    Suite {
        name: "otlp-names",
        data: "otlp",
        cases: otlp::run,
    },
    Suite {
        name: "jaeger-thrift",
        data: "jaeger/thrift_http.yaml",
        cases: jaeger::run,
    },
    Suite {
        name: "config",
        data: "config",
        cases: config::run,
    },
    Suite {
        name: "pii",
        data: "sentry",
        cases: pii::run,
    },
    Suite {
        name: "relabel",
        data: "relabel.yaml",
        cases: relabel::run,
    },
    Suite {
        name: "rules",
        data: "rules",
        cases: rules::run,
    },
    Suite {
        name: "rule-files",
        data: "rules",
        cases: rules::run_files,
    },
    Suite {
        name: "rule-tests",
        data: "rules",
        cases: rules::run_tests,
    },
    Suite {
        name: "alertmanager-config",
        data: "alertmanager/config",
        cases: alertmanager::config_files::run,
    },
    Suite {
        name: "alertmanager-scenarios",
        data: "alertmanager/scenarios.yaml",
        cases: alertmanager::scenarios::run,
    },
];

impl Suite {
    /// The suite of that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        SUITES.iter().find(|suite| suite.name == name)
    }

    /// Runs the cases of the data at a path, which may have only a part of the suite's files. An error
    /// means that there is none at all or that they are unreadable; a case that fails is part of the outcome.
    pub fn run(&self, data: &Path) -> anyhow::Result<Outcome> {
        let outcome = (self.cases)(data)?;
        let is_empty = outcome.passed + outcome.failures.len() == 0;
        anyhow::ensure!(!is_empty, "{} has no case of {}", data.display(), self.name);
        Ok(outcome)
    }

    /// Where its data lies by default.
    #[must_use]
    pub fn default_data(&self) -> PathBuf {
        shared_dir().join("conformance").join(self.data)
    }
}

/// The folder of shared data: `$SKOPOS_SHARED`, or `shared` beside the workspace.
pub fn shared_dir() -> PathBuf {
    std::env::var_os(SHARED_ENV).map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    )
}
