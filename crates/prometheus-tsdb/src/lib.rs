//! Prometheus' data directory, read: blocks, write-ahead log, chunks of the head.
//!
//! ```text
//!   DataDir ─▶ Block ─▶ index: SeriesEntry { labels, chunks } ─▶ segments: Chunk ─▶ Series
//!           │        └▶ tombstones
//!           ├▶ WalReader (checkpoint, wal, wbl) ─▶ Record
//!           └▶ HeadChunks (chunks_head) ─▶ HeadChunk
//! ```
//!
//! Files are opened for reading alone and never changed. What is read is checked against its
//! CRC-32C, everything has a bound, and no bytes make it panic: damage is a [`TsdbError`] that names
//! the file and the offset. The formats are those of `tsdb/docs/format` in Prometheus' repository;
//! what that leaves open is said beside the code that needed it.

#![deny(clippy::indexing_slicing, clippy::string_slice)]
#![cfg_attr(
    test,
    expect(clippy::indexing_slicing, reason = "tests index what they have just built")
)]

mod bits;
mod block;
mod bytes;
mod chunk;
mod data_dir;
mod error;
mod head_chunks;
mod histogram;
mod index;
mod record;
mod segments;
mod source;
mod tombstones;
mod varbit;
mod wal;
pub mod xor;
mod xor_value;

pub use block::{Block, BlockMeta, BlockStats, Compaction};
pub use chunk::{ChunkEncoding, ChunkProblem, decode_chunk};
pub use data_dir::{DataDir, WalPart};
pub use error::TsdbError;
pub use head_chunks::{HeadChunk, HeadChunks};
pub use index::{ChunkRef, IndexReader, SeriesEntry};
pub use record::{
    MetadataEntry, Record, RecordProblem, RefExemplar, RefHistogram, RefSample, RefTombstone, SeriesRef, decode_record,
};
pub use segments::ChunkSegments;
pub use source::ReadAt;
pub use tombstones::{Tombstones, decode_tombstones};
pub use wal::{WalReader, WalRecord};

#[cfg(test)]
mod tests;
