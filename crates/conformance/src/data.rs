//! Reading a suite's data, of which a folder may have only a part.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// The bytes of a file; `None` where there is none.
pub(crate) fn bytes(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("failed to read {}", path.display())),
    }
}

/// The text of a file; `None` where there is none.
pub(crate) fn text(path: &Path) -> anyhow::Result<Option<String>> {
    let text = bytes(path)?.map(String::from_utf8).transpose();
    text.with_context(|| format!("{} is no text", path.display()))
}

/// The path itself, or where it is a folder, the file of that name in it.
pub(crate) fn file(path: &Path, name: &str) -> PathBuf {
    if path.is_dir() {
        path.join(name)
    } else {
        path.to_owned()
    }
}

/// The files right in a folder, sorted; none where there is no such folder.
pub(crate) fn files(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !dir.is_dir() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(dir).with_context(|| format!("failed to read {}", dir.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
