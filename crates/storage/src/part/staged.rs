//! What processes that were killed left of parts that they were writing.

use std::path::{Path, PathBuf};

use super::name::EXTENSION;
use super::store::PartStore;
use crate::{StorageError, telemetry};

impl PartStore {
    /// Removes what processes that were killed left of parts that they were writing; gives how many
    /// files.
    pub(crate) fn remove_staged(&self) -> Result<u64, StorageError> {
        let Some(root) = &self.root else { return Ok(0) };
        let mut removed = 0;
        for tenant in entries(root)? {
            for day in entries(&tenant.join(self.signal))? {
                for file in entries(&day)?.iter().filter(|file| is_staged(file)) {
                    std::fs::remove_file(file).map_err(|source| StorageError::io("remove", file, source))?;
                    tracing::warn!(file = %file.display(), "removed a part that was not written to its end");
                    removed += 1;
                }
            }
        }
        if removed > 0 {
            telemetry::PARTS_REMOVED
                .with_label_values(&[self.signal, "orphan"])
                .inc_by(removed);
        }
        Ok(removed)
    }
}

/// What lies in a folder; nothing where there is none.
fn entries(dir: &Path) -> Result<Vec<PathBuf>, StorageError> {
    use std::io::ErrorKind;

    let failed = |source| StorageError::io("list", dir, source);
    match std::fs::read_dir(dir) {
        Ok(entries) => entries
            .map(|entry| entry.map(|entry| entry.path()).map_err(failed))
            .collect(),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(source) => Err(failed(source)),
    }
}

/// Whether a file is one that [`object_store::local::LocalFileSystem`] writes a part to before it renames it: the part's
/// name, `#` and a number.
fn is_staged(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let parts = name.rsplit_once('#');
    parts.is_some_and(|(part, number)| part.ends_with(EXTENSION) && number.parse::<u64>().is_ok())
}
