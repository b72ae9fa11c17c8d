//! How far a queue is, and its form at rest (`docs/formats/remote-write.md`).
//!
//! Each shard has two places in the log: everything of its series before `done` is dealt with, and the
//! request that is under way holds what lies from there up to `sending`. The second is noted before the
//! request is made, so that a process that was killed sends the same request again: a receiver that had it
//! already finds nothing new in it, or refuses it as a whole.

use skopos_storage::Offset;

const MAGIC: [u8; 8] = *b"SKOPRWQ\x01";
/// Bytes before the shards.
const HEADER_BYTES: usize = 24;
/// Bytes of a shard.
const SHARD_BYTES: usize = 32;
/// Most shards of a queue.
const MAX_SHARDS: usize = 4096;

/// A place in the log: an item within a record. Places are in the order of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Place {
    /// The record.
    pub offset: Offset,
    /// The number of the item in it.
    pub item: u32,
}

impl Place {
    /// Before the first item of a record.
    pub const fn start_of(offset: Offset) -> Self {
        Self { offset, item: 0 }
    }

    /// Right after this item.
    pub const fn after(self) -> Self {
        Self {
            offset: self.offset,
            item: self.item.saturating_add(1),
        }
    }
}

/// How far a shard is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ShardProgress {
    /// Everything before is dealt with.
    pub done: Place,
    /// The request that is under way ends here; nothing is under way where it is not behind `done`.
    pub sending: Place,
}

/// How far a queue is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Where a reader begins that is to know all series that are still to be sent.
    pub learn_from: Offset,
    /// The shards. Which series a shard has depends on how many there are.
    pub shards: Vec<ShardProgress>,
}

/// A file that does not hold a queue's progress.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProgressError {
    /// It begins otherwise, or is of another version.
    #[error("failed to read the position of a remote write queue: it is not such a file, or of an unknown version")]
    Unknown,
    /// Its head is damaged.
    #[error("failed to read the position of a remote write queue: the head of the file is damaged")]
    Damaged,
}

impl Progress {
    /// Of a queue that begins at `from`.
    pub fn begin(learn_from: Offset, from: Offset, shards: usize) -> Self {
        let place = Place::start_of(from);
        let shard = ShardProgress {
            done: place,
            sending: place,
        };
        Self {
            learn_from,
            shards: vec![shard; shards.clamp(1, MAX_SHARDS)],
        }
    }

    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + self.shards.len() * SHARD_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&self.learn_from.0.to_le_bytes());
        bytes.extend_from_slice(&(self.shards.len() as u32).to_le_bytes());
        let checksum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        for shard in &self.shards {
            bytes.extend_from_slice(&shard.encode());
        }
        bytes
    }

    /// Reads what [`Self::encode`] wrote. A shard whose bytes are damaged, by a power cut while they were
    /// written, begins at `learn_from`. Places beyond `next`, the end of the log, are of records that a power
    /// cut took away.
    pub fn decode(bytes: &[u8], next: Offset) -> Result<Self, ProgressError> {
        let (head, rest) = bytes
            .split_first_chunk::<HEADER_BYTES>()
            .filter(|(head, _)| head.starts_with(&MAGIC))
            .ok_or(ProgressError::Unknown)?;
        let (checked, checksum) = head.split_at(HEADER_BYTES - 4);
        let count = read_u32(head, 16) as usize;
        if crc32fast::hash(checked).to_le_bytes() != *checksum || count == 0 || count > MAX_SHARDS {
            return Err(ProgressError::Damaged);
        }
        let learn_from = Offset(read_u64(head, 8)).min(next);
        let mut shards: Vec<ShardProgress> = rest
            .chunks(SHARD_BYTES)
            .take(count)
            .map(|bytes| ShardProgress::decode(bytes).unwrap_or_default())
            .collect();
        shards.resize(count, ShardProgress::default());
        for shard in &mut shards {
            let within = |place: Place| place.clamp(Place::start_of(learn_from), Place::start_of(next));
            shard.done = within(shard.done);
            shard.sending = within(shard.sending).max(shard.done);
        }
        Ok(Self { learn_from, shards })
    }

    /// Where in the file the bytes of a shard lie.
    pub const fn shard_at(shard: usize) -> u64 {
        (HEADER_BYTES + shard * SHARD_BYTES) as u64
    }
}

impl ShardProgress {
    /// As bytes.
    pub fn encode(&self) -> [u8; SHARD_BYTES] {
        let mut bytes = Vec::with_capacity(SHARD_BYTES);
        for place in [self.done, self.sending] {
            bytes.extend_from_slice(&place.offset.0.to_le_bytes());
            bytes.extend_from_slice(&place.item.to_le_bytes());
        }
        let checksum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        let mut out = [0; SHARD_BYTES];
        for (to, from) in out.iter_mut().zip(bytes) {
            *to = from;
        }
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (content, rest) = bytes.split_at_checked(24)?;
        if rest.get(..4)? != crc32fast::hash(content).to_le_bytes() {
            return None;
        }
        let place = |at| Place {
            offset: Offset(read_u64(content, at)),
            item: read_u32(content, at + 8),
        };
        Some(Self {
            done: place(0),
            sending: place(12),
        })
    }
}

/// The shard of a series, by the hash of its labels, where there are so many.
pub fn shard_of(hash: u64, shards: usize) -> usize {
    (hash % shards.max(1) as u64) as usize
}

/// The number at `at`, which is there.
fn read_u64(bytes: &[u8], at: usize) -> u64 {
    let number = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>);
    number.map_or(0, |number| u64::from_le_bytes(*number))
}

fn read_u32(bytes: &[u8], at: usize) -> u32 {
    let number = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>);
    number.map_or(0, |number| u32::from_le_bytes(*number))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place() -> impl Strategy<Value = Place> {
        (100u64..1000, 0u32..9).prop_map(|(offset, item)| Place {
            offset: Offset(offset),
            item,
        })
    }

    fn progress() -> impl Strategy<Value = Progress> {
        let shard = (place(), place()).prop_map(|(a, b)| ShardProgress {
            done: a.min(b),
            sending: a.max(b),
        });
        proptest::collection::vec(shard, 1..20).prop_map(|shards| Progress {
            learn_from: Offset(100),
            shards,
        })
    }

    proptest! {
        #[test]
        fn what_is_written_comes_back(progress in progress()) {
            prop_assert_eq!(Progress::decode(&progress.encode(), Offset(1001)), Ok(progress));
        }

        #[test]
        fn a_damaged_shard_begins_anew_and_leaves_the_others(progress in progress(), at in 0usize..28, shard in 0usize..20) {
            let shard = shard % progress.shards.len();
            let mut bytes = progress.encode();
            bytes[Progress::shard_at(shard) as usize + at] ^= 1;
            let mut expected = progress;
            let begin = Place::start_of(Offset(100));
            expected.shards[shard] = ShardProgress { done: begin, sending: begin };
            prop_assert_eq!(Progress::decode(&bytes, Offset(1001)), Ok(expected));
        }

        #[test]
        fn other_bytes_are_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..200) {
            prop_assert!(Progress::decode(&bytes, Offset(5)).is_err());
            let whole = Progress::begin(Offset(1), Offset(2), 4).encode();
            // A file that ends early keeps its head, if that is there.
            prop_assert_eq!(Progress::decode(&whole[..cut.min(whole.len())], Offset(5)).is_ok(), cut >= HEADER_BYTES);
        }
    }

    #[test]
    fn places_beyond_the_log_are_brought_back() {
        let progress = Progress::begin(Offset(90), Offset(120), 2);
        let read = Progress::decode(&progress.encode(), Offset(100)).expect("good bytes");
        assert_eq!(read.shards[1].done, Place::start_of(Offset(100)));
        let read = Progress::decode(&progress.encode(), Offset(50)).expect("good bytes");
        assert_eq!(read.learn_from, Offset(50));
    }
}
