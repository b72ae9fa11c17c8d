//! Storage that does not know what a signal means: a write-ahead log, immutable Parquet parts on
//! an object store, a manifest of the live parts, retention, and the lock on the data directory.
//!
//! ```text
//!   batch ──▶ wal::Wal (IngestLog) ──▶ head of the signal's crate ──▶ part::PartStore ──▶ manifest::Manifest
//!                 ▲                                                                            │
//!                 └────────────── truncate before the covered offset ◀─────────────────────────┘
//! ```
//!
//! The log numbers its records; the manifest says up to which number the parts hold everything.
//! A restart replays from there, so a crash at any point neither loses nor doubles a record:
//! a part without a manifest entry is an orphan and is removed, a record below the covered offset
//! is not replayed. [`signal::SignalStorage`] ties the four together for one signal.
//!
//! Formats are described byte by byte in `docs/formats/`.

#![deny(clippy::indexing_slicing, clippy::string_slice)]

pub mod atomic;
pub mod codec;
pub mod columns;
pub mod day;
pub mod error;
pub mod lock;
pub mod manifest;
pub mod offset;
pub mod part;
pub mod retention;
pub mod signal;
pub mod telemetry;
pub mod wal;

pub use error::{StorageError, error_text};
pub use lock::{DataDirLock, LockError};
pub use manifest::Manifest;
pub use offset::Offset;
pub use part::{
    Aggregate, ColumnPredicate, PartFormat, PartMeta, PartReader, PartScan, PartSpec, PartStore, PartWriter,
};
pub use retention::Retention;
pub use signal::{SignalOptions, SignalReport, SignalStorage};
#[cfg(any(test, fuzzing))]
pub use wal::fuzzing;
pub use wal::{FsyncPolicy, IngestLog, ReplayReport, Wal, WalOptions, WalTail};
