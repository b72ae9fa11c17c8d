//! Bit streams, most significant bit first.

/// Appends bits to bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    /// Bits still free in the last byte.
    free: u32,
}

impl BitWriter {
    /// Appends the `count` low bits of `value`, at most 64.
    pub(crate) fn write(&mut self, value: u64, count: u32) {
        let mut left = count;
        while left > 0 {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let take = left.min(self.free);
            let chunk = (value >> (left - take)) & ((1u64 << take) - 1);
            if let Some(last) = self.bytes.last_mut() {
                *last |= (chunk << (self.free - take)) as u8;
            }
            self.free -= take;
            left -= take;
        }
    }

    /// The bytes so far; the last one is padded with zeros.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
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

    /// The next `count` bits, at most 64; `None` past the end.
    pub(crate) fn read(&mut self, count: u32) -> Option<u64> {
        let mut value = 0u64;
        let mut left = count;
        while left > 0 {
            let byte = *self.bytes.get(self.position / 8)?;
            let available = 8 - (self.position % 8) as u32;
            let take = left.min(available);
            let chunk = u64::from(byte >> (available - take)) & ((1u64 << take) - 1);
            value = if take == 64 { chunk } else { (value << take) | chunk };
            self.position += take as usize;
            left -= take;
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_back() {
        let mut writer = BitWriter::default();
        let values = [(1, 1), (0, 1), (0x5a5a, 16), (u64::MAX, 64), (3, 2), (0, 7)];
        for (value, count) in values {
            writer.write(value, count);
        }
        let mut reader = BitReader::new(writer.bytes());
        for (value, count) in values {
            assert_eq!(reader.read(count), Some(value));
        }
        assert_eq!(reader.read(64), None);
    }
}
