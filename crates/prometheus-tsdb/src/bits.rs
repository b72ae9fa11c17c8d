//! Bit streams, most significant bit first.

/// Appends bits to bytes, eight at a time: what they begin stays at hand, because a head appends to
/// one of a million buffers after the other, none of which is in a cache of the processor.
#[derive(Debug, Clone, Default)]
pub(crate) struct BitWriter {
    /// Whole words.
    bytes: Vec<u8>,
    /// The word that is begun, its bits in the highest places.
    word: u64,
    /// Its bits, at most 63.
    used: u8,
}

/// The buffer grows by this and an eighth: a million of them are open at once, and doubling leaves
/// a quarter of each unused.
const GROWTH_BYTES: usize = 40;

impl BitWriter {
    /// Appends the `count` low bits of `value`, 1 to 64.
    #[inline]
    pub(crate) fn write(&mut self, value: u64, count: u32) {
        let value = value & (u64::MAX >> (64 - count));
        let free = 64 - u32::from(self.used);
        let Some(left) = count.checked_sub(free) else {
            self.word |= value << (free - count);
            self.used += count as u8;
            return;
        };
        self.push(self.word | (value >> left));
        self.word = if left > 0 { value << (64 - left) } else { 0 };
        self.used = left as u8;
    }

    fn push(&mut self, word: u64) {
        let word = word.to_be_bytes();
        if self.bytes.capacity() - self.bytes.len() < word.len() {
            self.bytes.reserve_exact(GROWTH_BYTES + self.bytes.len() / 8);
        }
        self.bytes.extend_from_slice(&word);
    }

    /// Reads the bits so far.
    pub(crate) fn reader(&self) -> BitReader<'_> {
        BitReader {
            bytes: &self.bytes,
            last: self.word.to_be_bytes(),
            last_bits: u32::from(self.used),
            position: 0,
        }
    }

    /// Bytes that are taken for it.
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// The bytes, in as much memory as they need, the last one padded with zeros; it is empty
    /// afterwards.
    pub(crate) fn take(&mut self) -> Box<[u8]> {
        let mut bytes = std::mem::take(&mut self.bytes);
        let length = usize::from(self.used).div_ceil(8);
        bytes.reserve_exact(length);
        bytes.extend_from_slice(self.word.to_be_bytes().get(..length).unwrap_or_default());
        (self.word, self.used) = (0, 0);
        bytes.into_boxed_slice()
    }
}

/// Reads bits from bytes. Behind the end there are zeros: [`BitReader::is_within`] says whether
/// any of those were taken.
#[derive(Debug, Clone)]
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    /// What comes behind them, where a writer has not written it yet, and its bits.
    last: [u8; 8],
    last_bits: u32,
    position: usize,
}

impl<'a> BitReader<'a> {
    /// How many bits [`BitReader::peek`] gives at least.
    pub(crate) const PEEKED: u32 = 57;

    /// Reads from the first bit on.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            last: [0; 8],
            last_bits: 0,
            position: 0,
        }
    }

    /// The next 57 bits or more, the first of them in the highest place.
    #[inline]
    pub(crate) fn peek(&self) -> u64 {
        let at = self.position / 8;
        let word = match self.bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
            Some(word) => *word,
            None => self.padded(at),
        };
        u64::from_be_bytes(word) << (self.position % 8)
    }

    /// Goes on by `count` bits.
    #[inline]
    pub(crate) fn skip(&mut self, count: u32) {
        self.position += count as usize;
    }

    /// The next `count` bits, 1 to 64.
    #[inline]
    pub(crate) fn read(&mut self, count: u32) -> u64 {
        if count > Self::PEEKED {
            let low = count - 32;
            let high = self.read(32);
            return (high << low) | self.read(low);
        }
        let value = self.peek() >> (64 - count);
        self.skip(count);
        value
    }

    /// The next `count` bits, 1 to 64; `None` where they are not all there.
    pub(crate) fn try_read(&mut self, count: u32) -> Option<u64> {
        let value = self.read(count);
        self.is_within().then_some(value)
    }

    /// Whether all bits that were taken are there.
    pub(crate) fn is_within(&self) -> bool {
        self.position.div_ceil(8) <= self.bytes.len() + (self.last_bits as usize).div_ceil(8)
    }

    /// Eight bytes from the given one on, across the end.
    #[cold]
    fn padded(&self, at: usize) -> [u8; 8] {
        let mut word = [0; 8];
        let rest = self.bytes.iter().chain(&self.last).skip(at);
        for (slot, byte) in word.iter_mut().zip(rest) {
            *slot = *byte;
        }
        word
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bits_come_back(values in proptest::collection::vec((any::<u64>(), 1u32..=64), 0..200)) {
            let mut writer = BitWriter::default();
            for (value, count) in &values {
                writer.write(*value, *count);
            }
            let total: usize = values.iter().map(|(_, count)| *count as usize).sum();
            let bytes = writer.clone().take();
            prop_assert_eq!(bytes.len(), total.div_ceil(8));
            for mut reader in [writer.reader(), BitReader::new(&bytes)] {
                for (value, count) in &values {
                    prop_assert_eq!(reader.read(*count), value & (u64::MAX >> (64 - count)));
                    prop_assert!(reader.is_within());
                }
                reader.skip(8);
                prop_assert!(!reader.is_within());
            }
        }
    }
}
