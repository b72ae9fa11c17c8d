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
        self.bytes.extend_from_slice(&word[..length as usize]);
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

/// Reads bits from bytes.
#[derive(Debug, Clone)]
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> BitReader<'a> {
    /// Reads from the first bit on.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// The next `count` bits, 1 to 64; `None` past the end.
    pub(crate) fn read(&mut self, count: u32) -> Option<u64> {
        let (start, shift) = (self.position / 8, (self.position % 8) as u32);
        if shift + count <= 64
            && let Some(word) = self.bytes.get(start..).and_then(|rest| rest.first_chunk::<8>())
        {
            self.position += count as usize;
            return Some((u64::from_be_bytes(*word) << shift) >> (64 - count));
        }
        self.read_bytewise(count)
    }

    /// As `read`, near the end and across nine bytes.
    fn read_bytewise(&mut self, count: u32) -> Option<u64> {
        let mut value = 0u64;
        let mut left = count;
        while left > 0 {
            let byte = *self.bytes.get(self.position / 8)?;
            let available = 8 - (self.position % 8) as u32;
            let take = left.min(available);
            let chunk = u64::from(byte >> (available - take)) & ((1u64 << take) - 1);
            value = (value << take) | chunk;
            self.position += take as usize;
            left -= take;
        }
        Some(value)
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
            prop_assert_eq!(writer.bytes().len(), total.div_ceil(8));
            let mut reader = BitReader::new(writer.bytes());
            for (value, count) in values {
                prop_assert_eq!(reader.read(count), Some(value & (u64::MAX >> (64 - count))));
            }
            prop_assert_eq!(reader.read(64), None);
        }
    }
}
