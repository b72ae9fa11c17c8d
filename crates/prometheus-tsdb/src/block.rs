//! A block: a folder named by a ULID with `meta.json`, `index`, `chunks/` and maybe `tombstones`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::segments::ChunkSegments;
use crate::tombstones::{Tombstones, read_tombstones};
use crate::{IndexReader, TsdbError};

/// Largest `meta.json` that is read: the sources of a block may be thousands.
const MAX_META_BYTES: u64 = 16 * 1024 * 1024;
/// Hint of a block of samples that came out of order.
const FROM_OUT_OF_ORDER: &str = "from-out-of-order";

/// What `meta.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BlockMeta {
    /// The block's name.
    pub ulid: String,
    /// Version of the file: 1.
    pub version: u32,
    /// First millisecond of the block.
    #[serde(rename = "minTime")]
    pub min_time_ms: i64,
    /// First millisecond after the block.
    #[serde(rename = "maxTime")]
    pub max_time_ms: i64,
    /// What is in it.
    #[serde(default)]
    pub stats: BlockStats,
    /// How it came to be.
    #[serde(default)]
    pub compaction: Compaction,
}

/// What is in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct BlockStats {
    /// Samples of both kinds.
    pub num_samples: u64,
    /// Series.
    pub num_series: u64,
    /// Chunks.
    pub num_chunks: u64,
    /// Deletions.
    pub num_tombstones: u64,
}

/// How a block came to be.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Compaction {
    /// How often it was compacted.
    pub level: u32,
    /// The blocks of level 1 whose samples are in it; itself among them where it is one.
    pub sources: Vec<String>,
    /// The blocks it was made from, which may still lie beside it.
    pub parents: Vec<Parent>,
    /// Whether compaction failed on it.
    pub failed: bool,
    /// What else is known.
    pub hints: Vec<String>,
    /// Whether it became empty and may go.
    pub deletable: bool,
}

/// A block that another was made from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Parent {
    /// Its name.
    pub ulid: String,
}

impl BlockMeta {
    /// Whether the block holds samples that came out of order.
    pub fn is_from_out_of_order(&self) -> bool {
        self.compaction.hints.iter().any(|hint| hint == FROM_OUT_OF_ORDER)
    }
}

/// A block.
#[derive(Debug, Clone)]
pub struct Block {
    folder: PathBuf,
    meta: BlockMeta,
}

impl Block {
    /// Reads what a block says of itself.
    pub fn open(folder: &Path) -> Result<Self, TsdbError> {
        let path = folder.join("meta.json");
        let metadata = std::fs::metadata(&path).map_err(|error| TsdbError::io("read", &path, error))?;
        if metadata.len() > MAX_META_BYTES {
            return Err(TsdbError::corrupt(
                &path,
                0,
                format!("it is larger than {MAX_META_BYTES} bytes"),
            ));
        }
        let text = std::fs::read(&path).map_err(|error| TsdbError::io("read", &path, error))?;
        let meta: BlockMeta =
            serde_json::from_slice(&text).map_err(|error| TsdbError::corrupt(&path, 0, error.to_string()))?;
        if meta.version != 1 {
            return Err(TsdbError::corrupt(
                &path,
                0,
                format!("blocks of version {} are not known", meta.version),
            ));
        }
        Ok(Self {
            folder: folder.to_path_buf(),
            meta,
        })
    }

    /// What it says of itself.
    pub fn meta(&self) -> &BlockMeta {
        &self.meta
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its series.
    pub fn index(&self) -> Result<IndexReader, TsdbError> {
        IndexReader::open(&self.folder.join("index"))
    }

    /// Its chunks.
    pub fn segments(&self) -> Result<ChunkSegments, TsdbError> {
        ChunkSegments::open(&self.folder.join("chunks"))
    }

    /// What was deleted in it.
    pub fn tombstones(&self) -> Result<Tombstones, TsdbError> {
        read_tombstones(&self.folder.join("tombstones"))
    }
}
