//! Bit streams, most significant bit first.

/// Appends bits to bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    /// Bits still free in the last byte.
    free: u8,
}

/// The buffer grows by this and an eighth: a million of them are open at once, and doubling leaves
/// a quarter of each unused.
const GROWTH_BYTES: usize = 40;

impl BitWriter {
    /// Appends the `count` low bits of `value`, 1 to 64.
    pub(crate) fn write(&mut self, value: u64, count: u32) {
        let value = if count < 64 { value & ((1 << count) - 1) } else { value };
        let free = u32::from(self.free);
        let left = match count.checked_sub(free) {
            Some(left) if left > 0 => left,
            _ => {
                self.free = (free - count) as u8;
                self.fill(value << self.free);
                return;
            }
        };
        if free > 0 {
            self.fill(value >> left);
        }
        let word = (value << (64 - left)).to_be_bytes();
        let length = left.div_ceil(8);
        if self.bytes.capacity() - self.bytes.len() < word.len() {
            self.bytes.reserve_exact(GROWTH_BYTES + self.bytes.len() / 8);
        }
        self.bytes
            .extend_from_slice(word.get(..length as usize).unwrap_or_default());
        self.free = (length * 8 - left) as u8;
    }

    /// The bytes so far; the last one is padded with zeros.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes that are taken for it.
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// The bytes, in as much memory as they need; it is empty afterwards.
    pub(crate) fn take(&mut self) -> Box<[u8]> {
        self.free = 0;
        std::mem::take(&mut self.bytes).into_boxed_slice()
    }

    fn fill(&mut self, bits: u64) {
        if let Some(last) = self.bytes.last_mut() {
            *last |= bits as u8;
        }
    }
}

/// Reads bits from bytes. Behind the end there are zeros: [`BitReader::is_within`] says whether
/// any of those were taken.
#[derive(Debug, Clone)]
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> BitReader<'a> {
    /// How many bits [`BitReader::peek`] gives at least.
    pub(crate) const PEEKED: u32 = 57;

    /// Reads from the first bit on.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// The next 57 bits or more, the first of them in the highest place.
    #[inline]
    pub(crate) fn peek(&self) -> u64 {
        let rest = self.bytes.get(self.position / 8..).unwrap_or_default();
        let word = match rest.first_chunk::<8>() {
            Some(word) => *word,
            None => padded(rest),
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
        self.position.div_ceil(8) <= self.bytes.len()
    }
}

#[cold]
fn padded(rest: &[u8]) -> [u8; 8] {
    let mut word = [0; 8];
    for (slot, byte) in word.iter_mut().zip(rest) {
        *slot = *byte;
    }
    word
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
            prop_assert_eq!(writer.bytes().len(), total.div_ceil(8));
            let mut reader = BitReader::new(writer.bytes());
            for (value, count) in values {
                prop_assert_eq!(reader.read(count), value & (u64::MAX >> (64 - count)));
                prop_assert!(reader.is_within());
            }
            reader.skip(8);
            prop_assert!(!reader.is_within());
        }
    }
}
