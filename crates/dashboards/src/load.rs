//! Loads folders of dashboard files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Dashboard;
use crate::queries::QueryCheck;

/// Largest file that is read.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;
/// Deepest folder below a given one that is looked into.
const MAX_DEPTH: usize = 4;

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
    /// It is larger than any dashboard.
    #[error("{path}: {bytes} bytes are too many for a dashboard, at most {MAX_FILE_BYTES} are read", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// It has the layout of Grafana's second format.
    #[error("{path}: the v2 format of Grafana (elements and layout) is not supported; export it with the classic model", path = path.display())]
    SecondFormat {
        /// The file.
        path: PathBuf,
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
    /// Loads every `.json` file of the folders, each shown under the name beside it; files of
    /// folders within are shown under the inner folder's name. Folders that do not exist are
    /// passed over; problems come back beside what could be loaded.
    pub fn load(folders: &[(String, PathBuf)]) -> (Self, Vec<Problem>) {
        Self::load_checked(folders, &|_, _| Ok(()))
    }

    /// As [`DashboardStore::load`]; queries that `check` refuses become warnings.
    pub fn load_checked(folders: &[(String, PathBuf)], check: QueryCheck<'_>) -> (Self, Vec<Problem>) {
        let mut store = Self::default();
        let mut problems = Vec::new();
        for (name, folder) in folders.iter().filter(|(_, folder)| folder.is_dir()) {
            let mut files = Vec::new();
            if let Err(problem) = json_files(name, folder, 0, &mut files) {
                problems.push(problem);
            }
            for (name, file) in files {
                if let Err(problem) = store.add(&name, &file, check) {
                    problems.push(problem);
                }
            }
        }
        (store, problems)
    }

    fn add(&mut self, folder: &str, path: &Path, check: QueryCheck<'_>) -> Result<(), Problem> {
        let document = read(path)?;
        let is_second = |value: &Value| value["elements"].is_object() && value["layout"].is_object();
        let is_second = is_second(&document) || is_second(&document["spec"]) || is_second(&document["dashboard"]);
        let Some(dashboard) = Dashboard::read(document, folder, path, check) else {
            let path = path.to_owned();
            return Err(if is_second {
                Problem::SecondFormat { path }
            } else {
                Problem::NoDashboard { path }
            });
        };
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

fn read(path: &Path) -> Result<Value, Problem> {
    let bytes = std::fs::metadata(path).map_err(io_problem(path))?.len();
    if bytes > MAX_FILE_BYTES {
        return Err(Problem::TooLarge {
            path: path.to_owned(),
            bytes,
        });
    }
    let text = std::fs::read_to_string(path).map_err(io_problem(path))?;
    // Some editors put a byte order mark first.
    serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| Problem::Json {
        path: path.to_owned(),
        line: error.line(),
        column: error.column(),
        reason: reason(&error),
    })
}

/// The error without its place, which stands before it.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(place) => text[..place].to_owned(),
        None => text,
    }
}

/// The `.json` files of a folder and the folders within, sorted, each with the name of its folder.
fn json_files(name: &str, folder: &Path, depth: usize, files: &mut Vec<(String, PathBuf)>) -> Result<(), Problem> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io_problem(folder))? {
        paths.push(entry.map_err(io_problem(folder))?.path());
    }
    paths.sort();
    for path in paths {
        if path.is_dir() && depth < MAX_DEPTH {
            let inner = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            json_files(&inner, &path, depth + 1, files)?;
        } else if path.extension().is_some_and(|extension| extension == "json") && path.is_file() {
            files.push((name.to_owned(), path));
        }
    }
    Ok(())
}

fn io_problem(path: &Path) -> impl Fn(std::io::Error) -> Problem + use<> {
    let path = path.to_owned();
    move |source| Problem::Io {
        path: path.clone(),
        source,
    }
}
