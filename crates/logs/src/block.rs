//! Entries of one stream in memory: a row of bytes that is compressed when it is full.
//!
//! An entry is its time (8 bytes), the lengths of line and metadata (4 bytes each), the line and
//! the metadata as [`Labels::encoded`] gives it. Entries stand in the order in which they came.

use skopos_core::Labels;
use skopos_core::log::LogEntry;
use skopos_core::time::TimeRangeNs;

use crate::wanted::Wanted;

/// A block is closed and compressed at this size.
const FULL_BYTES: usize = 64 * 1024;
const HEADER_BYTES: usize = 16;
const ZSTD_LEVEL: i32 = 1;

#[derive(Debug, Clone)]
enum Data {
    Open(Vec<u8>),
    Compressed { bytes: Vec<u8>, plain_len: usize },
}

/// Some entries of a stream.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    data: Data,
    entries: u64,
    line_bytes: u64,
    min_ns: i64,
    max_ns: i64,
}

impl Default for Block {
    fn default() -> Self {
        Self {
            data: Data::Open(Vec::new()),
            entries: 0,
            line_bytes: 0,
            min_ns: i64::MAX,
            max_ns: i64::MIN,
        }
    }
}

impl Block {
    /// Adds an entry to an open block.
    pub(crate) fn push(&mut self, entry: &LogEntry) {
        let Data::Open(bytes) = &mut self.data else {
            debug_assert!(false, "compressed blocks take no entries");
            return;
        };
        let metadata = entry.structured_metadata.encoded();
        bytes.reserve(HEADER_BYTES + entry.line.len() + metadata.len());
        bytes.extend_from_slice(&entry.timestamp_ns.to_le_bytes());
        bytes.extend_from_slice(&(entry.line.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&(metadata.len() as u32).to_le_bytes());
        bytes.extend_from_slice(entry.line.as_bytes());
        bytes.extend_from_slice(metadata.as_bytes());
        self.entries += 1;
        self.line_bytes += entry.line.len() as u64;
        self.min_ns = self.min_ns.min(entry.timestamp_ns);
        self.max_ns = self.max_ns.max(entry.timestamp_ns);
    }

    /// Whether it is time to compress.
    pub(crate) fn is_full(&self) -> bool {
        matches!(&self.data, Data::Open(bytes) if bytes.len() >= FULL_BYTES)
    }

    /// Compresses an open block. If the compressor fails, the block stays as it is.
    pub(crate) fn compress(&mut self) {
        if let Data::Open(plain) = &self.data
            && let Ok(bytes) = zstd::bulk::compress(plain, ZSTD_LEVEL)
        {
            let plain_len = plain.len();
            self.data = Data::Compressed { bytes, plain_len };
        }
    }

    /// Number of entries.
    pub(crate) fn len(&self) -> u64 {
        self.entries
    }

    /// Bytes of the lines.
    pub(crate) fn line_bytes(&self) -> u64 {
        self.line_bytes
    }

    /// Bytes that the block takes in memory.
    pub(crate) fn size_bytes(&self) -> usize {
        match &self.data {
            Data::Open(bytes) => bytes.capacity(),
            Data::Compressed { bytes, .. } => bytes.capacity(),
        }
    }

    /// Times of the first and last entry.
    pub(crate) fn bounds_ns(&self) -> Option<(i64, i64)> {
        (self.entries > 0).then_some((self.min_ns, self.max_ns))
    }

    /// Whether entries may lie in the range.
    pub(crate) fn overlaps(&self, range: TimeRangeNs) -> bool {
        self.entries > 0 && range.overlaps_closed(self.min_ns, self.max_ns)
    }

    /// The wanted entries, oldest first; entries of one time in the order in which they came.
    pub(crate) fn read(&self, wanted: &Wanted<'_>) -> Result<Vec<LogEntry>, String> {
        let plain;
        let bytes = match &self.data {
            Data::Open(bytes) => bytes.as_slice(),
            Data::Compressed { bytes, plain_len } => {
                plain = zstd::bulk::decompress(bytes, *plain_len).map_err(|error| error.to_string())?;
                plain.as_slice()
            }
        };
        let mut entries = decode(bytes, wanted).ok_or("a block of the head is damaged")?;
        if !entries.is_sorted_by_key(|entry| entry.timestamp_ns) {
            entries.sort_by_key(|entry| entry.timestamp_ns);
        }
        Ok(entries)
    }
}

/// The wanted entries of plain bytes, in their order.
pub(crate) fn decode(mut bytes: &[u8], wanted: &Wanted<'_>) -> Option<Vec<LogEntry>> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
        let (time, lengths) = header.split_first_chunk::<8>()?;
        let (line_len, metadata_len) = lengths.split_first_chunk::<4>()?;
        let line_len = u32::from_le_bytes(*line_len) as usize;
        let metadata_len = u32::from_le_bytes(metadata_len.try_into().ok()?) as usize;
        let (line, rest) = rest.split_at_checked(line_len)?;
        let (metadata, rest) = rest.split_at_checked(metadata_len)?;
        bytes = rest;
        let timestamp_ns = i64::from_le_bytes(*time);
        if !wanted.takes(timestamp_ns, line) {
            continue;
        }
        entries.push(LogEntry {
            timestamp_ns,
            line: std::str::from_utf8(line).ok()?.to_owned(),
            structured_metadata: Labels::from_encoded(std::str::from_utf8(metadata).ok()?)?,
        });
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_sorted_and_filtered() {
        let mut block = Block::default();
        for (timestamp_ns, line) in [(5, "b"), (3, "a"), (5, "c"), (9, "späť")] {
            block.push(&LogEntry {
                timestamp_ns,
                line: line.to_owned(),
                structured_metadata: Labels::from_pairs([("id", line)]),
            });
        }
        let lines = |block: &Block, range: TimeRangeNs, contains: &[String]| -> Vec<String> {
            let entries = block.read(&Wanted::new(range, contains)).expect("reads");
            entries.into_iter().map(|entry| entry.line).collect()
        };
        let open = lines(&block, TimeRangeNs::ALL, &[]);
        assert_eq!(open, ["a", "b", "c", "späť"]);
        block.compress();
        assert_eq!(lines(&block, TimeRangeNs::ALL, &[]), open);
        assert_eq!(lines(&block, TimeRangeNs::new(4, 9), &[]), ["b", "c"]);
        assert_eq!(lines(&block, TimeRangeNs::ALL, &["pä".to_owned()]), ["späť"]);
        assert_eq!((block.len(), block.bounds_ns()), (4, Some((3, 9))));
    }
}
