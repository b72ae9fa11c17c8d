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
    /// Runs all cases of the data at the given path. An error means that the data is missing or
    /// unreadable; a case that fails is part of the outcome.
    pub run: fn(&Path) -> anyhow::Result<Outcome>,
}

/// All suites.
pub const SUITES: &[Suite] = &[
    Suite {
        name: "promql",
        data: "promql",
        run: promql::run,
    },
    Suite {
        name: "exposition",
        data: "exposition",
        run: exposition::run,
    },
    Suite {
        name: "otlp-names",
        data: "otlp",
        run: otlp::run,
    },
    Suite {
        name: "jaeger-thrift",
        data: "jaeger/thrift_http.yaml",
        run: jaeger::run,
    },
    Suite {
        name: "config",
        data: "config",
        run: config::run,
    },
    Suite {
        name: "pii",
        data: "sentry",
        run: pii::run,
    },
    Suite {
        name: "relabel",
        data: "relabel.yaml",
        run: relabel::run,
    },
    Suite {
        name: "rules",
        data: "rules",
        run: rules::run,
    },
    Suite {
        name: "rule-files",
        data: "rules",
        run: rules::run_files,
    },
    Suite {
        name: "rule-tests",
        data: "rules",
        run: rules::run_tests,
    },
    Suite {
        name: "alertmanager-config",
        data: "alertmanager/config",
        run: alertmanager::config_files::run,
    },
    Suite {
        name: "alertmanager-scenarios",
        data: "alertmanager/scenarios.yaml",
        run: alertmanager::scenarios::run,
    },
];

impl Suite {
    /// The suite of that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        SUITES.iter().find(|suite| suite.name == name)
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
