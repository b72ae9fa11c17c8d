//! The query log: one JSON object for each PromQL query, in the file that `query_log_file` of the
//! configuration names, under the names that Prometheus' query log has.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use serde_json::Value;

/// The log; it writes nothing until it has a file.
#[derive(Debug, Default)]
pub struct QueryLog {
    open: Mutex<Option<(PathBuf, File)>>,
}

impl QueryLog {
    /// Writes to `path` from now on, or to nothing. The file is opened anew each time, so that it may
    /// be moved away before a reload.
    pub fn set_file(&self, path: Option<&Path>) -> std::io::Result<()> {
        let opened = match path {
            Some(path) => {
                let file = OpenOptions::new().create(true).append(true).open(path)?;
                Some((path.to_owned(), file))
            }
            None => None,
        };
        *self.open.lock() = opened;
        Ok(())
    }

    /// Whether there is a file.
    pub(crate) fn is_on(&self) -> bool {
        self.open.lock().is_some()
    }

    /// Writes a line. A line that cannot be written is told in the program's own log.
    pub(crate) fn write(&self, entry: &Value) {
        if let Some((path, file)) = &mut *self.open.lock()
            && let Err(error) = writeln!(file, "{entry}")
        {
            tracing::error!(path = %path.display(), %error, "failed to write the query log");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_to_the_file_of_the_moment() {
        let folder = tempfile::tempdir().expect("a folder");
        let (first, second) = (folder.path().join("a.log"), folder.path().join("b.log"));
        let log = QueryLog::default();
        assert!(!log.is_on());
        log.write(&serde_json::json!({ "lost": true }));
        for path in [&first, &second] {
            log.set_file(Some(path)).expect("opened");
            log.write(&serde_json::json!({ "ts": 1 }));
        }
        log.set_file(None).expect("closed");
        log.write(&serde_json::json!({ "lost": true }));
        for path in [first, second] {
            assert_eq!(std::fs::read_to_string(path).expect("written"), "{\"ts\":1}\n");
        }
        assert!(log.set_file(Some(&folder.path().join("none/c.log"))).is_err());
    }
}
