//! Loads folders of dashboard files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::Dashboard;

/// The loaded dashboards by their unique id.
#[derive(Debug, Clone, Default)]
pub struct DashboardStore {
    dashboards: BTreeMap<String, Dashboard>,
}

/// A file or folder that could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It cannot be read.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no JSON.
    #[error("{path}:{line}:{column}: {reason}", path = path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// It is JSON without a title and panels.
    #[error("{path}: not a Grafana dashboard: it needs `title` and `panels`; export it in Grafana with \"Share, Export\"", path = path.display())]
    NoDashboard {
        /// The file.
        path: PathBuf,
    },
    /// Another file has the same unique id.
    #[error("{path}: uid {uid:?} is taken by {other}; give each dashboard its own", path = path.display())]
    Duplicate {
        /// The file.
        path: PathBuf,
        /// The id.
        uid: String,
        /// The file that has it.
        other: String,
    },
}

impl DashboardStore {
    /// Loads every `.json` file of the folders, each shown under the name beside it. Folders that
    /// do not exist are passed over; problems come back beside what could be loaded.
    pub fn load(folders: &[(String, PathBuf)]) -> (Self, Vec<Problem>) {
        let mut store = Self::default();
        let mut problems = Vec::new();
        for (name, folder) in folders.iter().filter(|(_, folder)| folder.is_dir()) {
            match json_files(folder) {
                Ok(files) => {
                    for file in files {
                        store.add(name, &file).unwrap_or_else(|problem| problems.push(problem));
                    }
                }
                Err(problem) => problems.push(problem),
            }
        }
        (store, problems)
    }

    fn add(&mut self, folder: &str, path: &Path) -> Result<(), Problem> {
        let text = std::fs::read_to_string(path).map_err(io_problem(path))?;
        let document = serde_json::from_str(&text).map_err(|error| Problem::Json {
            path: path.to_owned(),
            line: error.line(),
            column: error.column(),
            reason: error.to_string(),
        })?;
        let dashboard =
            Dashboard::read(document, folder, path).ok_or_else(|| Problem::NoDashboard { path: path.to_owned() })?;
        if let Some(other) = self.dashboards.get(&dashboard.uid) {
            return Err(Problem::Duplicate {
                path: path.to_owned(),
                uid: dashboard.uid,
                other: other.file.clone(),
            });
        }
        self.dashboards.insert(dashboard.uid.clone(), dashboard);
        Ok(())
    }

    /// All dashboards, sorted by folder and title.
    pub fn list(&self) -> Vec<&Dashboard> {
        let mut all: Vec<&Dashboard> = self.dashboards.values().collect();
        all.sort_by(|a, b| (&a.folder, &a.title).cmp(&(&b.folder, &b.title)));
        all
    }

    /// One dashboard.
    pub fn get(&self, uid: &str) -> Option<&Dashboard> {
        self.dashboards.get(uid)
    }
}

fn json_files(folder: &Path) -> Result<Vec<PathBuf>, Problem> {
    let entries = std::fs::read_dir(folder).map_err(io_problem(folder))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(io_problem(folder))?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn io_problem(path: &Path) -> impl Fn(std::io::Error) -> Problem + use<> {
    let path = path.to_owned();
    move |source| Problem::Io {
        path: path.clone(),
        source,
    }
}
