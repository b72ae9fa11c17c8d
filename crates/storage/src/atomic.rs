//! Files that are replaced as a whole: written beside, synced, renamed, folder synced. A reader,
//! or a start after a crash, sees the old content or the new one, never a mixture.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::StorageError;

/// Replaces the content of `path`. What was written beside has the ending `.tmp` added.
pub fn replace_file(path: &Path, content: &[u8]) -> Result<(), StorageError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let beside = path.with_file_name(name);
    File::create(&beside)
        .and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()
        })
        .map_err(|source| StorageError::io("write", &beside, source))?;
    std::fs::rename(&beside, path).map_err(|source| StorageError::io("replace", path, source))?;
    match path.parent() {
        Some(dir) => crate::wal::sync_dir(dir),
        None => Ok(()),
    }
}
