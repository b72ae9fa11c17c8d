//! What lies in a data directory: blocks, the log with its checkpoint, the log of samples that came
//! out of order, chunks of the head.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::{Block, TsdbError};

/// Characters of a ULID.
const ULID_CHARS: usize = 26;

/// Files of the log in the order in which they are replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalPart {
    /// The segment.
    pub path: PathBuf,
    /// Its size when it was found.
    pub bytes: u64,
}

/// A data directory.
#[derive(Debug, Clone)]
pub struct DataDir {
    /// The blocks, by time. Those that were compacted into another that is there are not among them.
    pub blocks: Vec<Block>,
    /// Blocks that cannot be read, and why.
    pub broken: Vec<(PathBuf, String)>,
    /// Blocks whose samples are in another block, which Prometheus had not removed yet.
    pub superseded: Vec<String>,
    /// The checkpoint's segments, then those of the log after it.
    pub wal: Vec<WalPart>,
    /// Segments of the log of samples that came out of order.
    pub wbl: Vec<WalPart>,
    /// Chunks of the head.
    pub head_chunks: Vec<WalPart>,
    /// Whether a process seems to hold the folder: there is a lock file.
    pub has_lock_file: bool,
}

impl DataDir {
    /// Looks through a folder.
    pub fn open(root: &Path) -> Result<Self, TsdbError> {
        let (mut blocks, mut broken) = (Vec::new(), Vec::new());
        for (name, path) in entries(root)? {
            if !is_ulid(&name) {
                continue;
            }
            match Block::open(&path) {
                Ok(block) => blocks.push(block),
                Err(error) => broken.push((path, error_text(&error))),
            }
        }
        let wal_folder = root.join("wal");
        let dir = Self {
            superseded: take_superseded(&mut blocks),
            wal: wal(&wal_folder)?,
            wbl: parts(numbered_files_if_any(&root.join("wbl"))?),
            head_chunks: parts(numbered_files_if_any(&root.join("chunks_head"))?),
            has_lock_file: root.join("lock").exists(),
            blocks,
            broken,
        };
        if dir.blocks.is_empty() && dir.broken.is_empty() && !wal_folder.is_dir() {
            return Err(TsdbError::NotADataDir {
                path: root.to_path_buf(),
            });
        }
        Ok(dir)
    }
}

/// Removes the blocks that others were made from.
fn take_superseded(blocks: &mut Vec<Block>) -> Vec<String> {
    let parents = blocks.iter().flat_map(|block| &block.meta().compaction.parents);
    let parents: HashSet<String> = parents.map(|parent| parent.ulid.clone()).collect();
    let is_parent = |block: &Block| parents.contains(&block.meta().ulid);
    let superseded = blocks.iter().filter(|block| is_parent(block));
    let superseded = superseded.map(|block| block.meta().ulid.clone()).collect();
    blocks.retain(|block| !is_parent(block));
    blocks.sort_by(|a, b| {
        let key = |block: &Block| (block.meta().min_time_ms, block.meta().ulid.clone());
        key(a).cmp(&key(b))
    });
    superseded
}

/// The newest checkpoint, and the segments after it.
fn wal(folder: &Path) -> Result<Vec<WalPart>, TsdbError> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let checkpoints = entries(folder)?.into_iter().filter_map(|(name, path)| {
        let number: u64 = name.strip_prefix("checkpoint.")?.parse().ok()?;
        Some((number, path))
    });
    let newest = checkpoints.max_by_key(|(number, _)| *number);
    let mut files = Vec::new();
    if let Some((_, path)) = &newest {
        files.extend(numbered_files(path)?);
    }
    let covered = newest.map(|(number, _)| number);
    let segments = numbered_files(folder)?.into_iter();
    files.extend(segments.filter(|(number, _)| covered.is_none_or(|covered| *number > covered)));
    Ok(parts(files))
}

fn parts(files: Vec<(u64, PathBuf)>) -> Vec<WalPart> {
    let part = |(_, path): (u64, PathBuf)| {
        let bytes = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
        WalPart { path, bytes }
    };
    files.into_iter().map(part).collect()
}

fn numbered_files_if_any(folder: &Path) -> Result<Vec<(u64, PathBuf)>, TsdbError> {
    if folder.is_dir() {
        numbered_files(folder)
    } else {
        Ok(Vec::new())
    }
}

/// Files whose names are numbers, by number.
pub(crate) fn numbered_files(folder: &Path) -> Result<Vec<(u64, PathBuf)>, TsdbError> {
    let numbered = entries(folder)?.into_iter();
    let mut files: Vec<(u64, PathBuf)> = numbered
        .filter_map(|(name, path)| Some((name.parse().ok()?, path)))
        .filter(|(_, path)| path.is_file())
        .collect();
    files.sort_by_key(|(number, _)| *number);
    Ok(files)
}

fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, TsdbError> {
    let failed = |error| TsdbError::io("list", folder, error);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if let Ok(name) = entry.file_name().into_string() {
            found.push((name, entry.path()));
        }
    }
    Ok(found)
}

/// Crockford's base 32; the first character has three bits.
fn is_ulid(name: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (byte.is_ascii_uppercase() && !b"ILOU".contains(&byte));
    name.len() == ULID_CHARS
        && name.bytes().all(is_digit)
        && name.as_bytes().first().is_some_and(|first| *first <= b'7')
}

fn error_text(error: &TsdbError) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default())
}
