//! A log file that a configuration names: `query_log_file`, `scrape_failure_log_file`.

use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A file to which lines are appended. Opened anew under the same name it goes on in a new file where the one before was
/// moved away.
#[derive(Debug)]
pub struct LineLog {
    path: PathBuf,
    file: File,
}

impl LineLog {
    /// Opens the file, made where there is none.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    /// Where it writes.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a line by one write, so that lines of several threads do not mix.
    pub fn write(&self, line: &dyn Display) -> io::Result<()> {
        (&self.file).write_all(format!("{line}\n").as_bytes())
    }
}
