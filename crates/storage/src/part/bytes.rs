//! Ranges of an object's bytes, as the Parquet reader asks for them.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{GetResultPayload, ObjectStore, ObjectStoreExt};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};
use xxhash_rust::xxh3::Xxh3;

use super::block_on::block_on;

const DIGEST_BUFFER_BYTES: usize = 256 * 1024;

/// An object opened for reading; clones share it.
#[derive(Debug, Clone)]
pub(super) struct ObjectBytes {
    backing: Arc<Backing>,
    length: u64,
}

#[derive(Debug)]
enum Backing {
    /// A local object: read at positions, without a shared cursor.
    File(File),
    /// A remote one: each range is a request.
    Object { store: Arc<dyn ObjectStore>, path: Path },
}

impl ObjectBytes {
    pub(super) fn open(store: &Arc<dyn ObjectStore>, path: &Path) -> object_store::Result<Self> {
        let found = block_on(store.get(path))?;
        let length = found.meta.size;
        let backing = match found.payload {
            GetResultPayload::File(file, _) => Backing::File(file),
            GetResultPayload::Stream(_) => Backing::Object {
                store: Arc::clone(store),
                path: path.clone(),
            },
        };
        Ok(Self {
            backing: Arc::new(backing),
            length,
        })
    }

    /// XXH3-128 of all bytes in hexadecimal.
    pub(super) fn digest(&self) -> io::Result<String> {
        let mut hasher = Xxh3::new();
        let mut position = 0;
        while position < self.length {
            let length = (self.length - position).min(DIGEST_BUFFER_BYTES as u64) as usize;
            hasher.update(&self.range(position, length)?);
            position += length as u64;
        }
        Ok(format!("{:032x}", hasher.digest128()))
    }

    fn range(&self, start: u64, length: usize) -> io::Result<Bytes> {
        let end = start.saturating_add(length as u64);
        if end > self.length {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("bytes {start}..{end} of {}", self.length),
            ));
        }
        match &*self.backing {
            Backing::File(file) => {
                let mut bytes = vec![0; length];
                file.read_exact_at(&mut bytes, start)?;
                Ok(bytes.into())
            }
            Backing::Object { store, path } => block_on(store.get_range(path, start..end)).map_err(io::Error::other),
        }
    }
}

impl Length for ObjectBytes {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for ObjectBytes {
    type T = ObjectCursor;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(ObjectCursor {
            bytes: self.clone(),
            position: start,
            ahead: Bytes::new(),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        self.range(start, length).map_err(ParquetError::from)
    }
}

/// How much a cursor reads at once.
const CURSOR_BYTES: usize = 16 * 1024;

/// Reads an object forward from a position.
#[derive(Debug)]
pub(super) struct ObjectCursor {
    bytes: ObjectBytes,
    position: u64,
    ahead: Bytes,
}

impl Read for ObjectCursor {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        if self.ahead.is_empty() {
            let left = self.bytes.length.saturating_sub(self.position);
            let length = left.min(CURSOR_BYTES as u64) as usize;
            self.ahead = self.bytes.range(self.position, length)?;
            self.position += length as u64;
        }
        let length = target.len().min(self.ahead.len());
        let taken = self.ahead.split_to(length);
        for (byte, value) in target.iter_mut().zip(taken) {
            *byte = value;
        }
        Ok(length)
    }
}
