//! Files, read at any place through a window that is kept in memory.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::TsdbError;
use crate::bytes::Bytes;

/// What is read at once where less is asked for.
const WINDOW_BYTES: usize = 256 * 1024;

/// Bytes that can be read at any offset.
pub trait ReadAt {
    /// All of them.
    fn size(&self) -> io::Result<u64>;
    /// Fills the start of `out` from `offset` on; fewer bytes only at the end.
    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl ReadAt for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = out.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match std::os::unix::fs::FileExt::read_at(self, rest, offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

impl ReadAt for &[u8] {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.get(offset..));
        let mut rest = rest.unwrap_or_default();
        io::Read::read(&mut rest, out)
    }
}

/// A file with the window that was read last.
#[derive(Debug)]
pub(crate) struct Window<R> {
    source: R,
    path: PathBuf,
    size: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl Window<File> {
    pub(crate) fn open(path: &Path) -> Result<Self, TsdbError> {
        let file = File::open(path).map_err(|error| TsdbError::io("open", path, error))?;
        Self::new(file, path)
    }
}

impl<R: ReadAt> Window<R> {
    pub(crate) fn new(source: R, path: &Path) -> Result<Self, TsdbError> {
        let size = source.size().map_err(|error| TsdbError::io("read", path, error))?;
        Ok(Self {
            source,
            path: path.to_path_buf(),
            size,
            start: 0,
            bytes: Vec::new(),
        })
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn corrupt(&self, offset: u64, reason: impl Into<String>) -> TsdbError {
        TsdbError::corrupt(&self.path, offset, reason)
    }

    /// Exactly `length` bytes from `offset` on.
    pub(crate) fn get(&mut self, offset: u64, length: u64) -> Result<&[u8], TsdbError> {
        let end = offset.checked_add(length).filter(|end| *end <= self.size);
        if end.is_none() {
            let reason = format!("{length} bytes were expected, the file ends at {}", self.size);
            return Err(self.corrupt(offset, reason));
        }
        self.up_to(offset, length)
    }

    /// At most `length` bytes from `offset` on; fewer at the end of the file.
    pub(crate) fn up_to(&mut self, offset: u64, length: u64) -> Result<&[u8], TsdbError> {
        let length = length.min(self.size.saturating_sub(offset)) as usize;
        let is_held = offset >= self.start && offset - self.start + length as u64 <= self.bytes.len() as u64;
        if !is_held {
            self.fill(offset, length)?;
        }
        let from = (offset - self.start) as usize;
        Ok(self.bytes.get(from..from + length).unwrap_or_default())
    }

    fn fill(&mut self, offset: u64, length: usize) -> Result<(), TsdbError> {
        self.start = offset;
        self.bytes.resize(length.max(WINDOW_BYTES), 0);
        let read = self.source.read_at(&mut self.bytes, offset);
        let read = read.map_err(|error| TsdbError::io("read", &self.path, error))?;
        self.bytes.truncate(read);
        if read < length {
            return Err(self.corrupt(offset, "the file became shorter while it was read"));
        }
        Ok(())
    }

    /// Magic number and version at the start of a file.
    pub(crate) fn header(&mut self, magic: u32) -> Result<u8, TsdbError> {
        let mut header = Bytes::new(self.get(0, 5)?);
        let found = header.be32().unwrap_or_default();
        let version = header.byte().unwrap_or_default();
        if found != magic {
            return Err(self.corrupt(0, format!("the magic number is {found:#010x}, not {magic:#010x}")));
        }
        Ok(version)
    }
}
