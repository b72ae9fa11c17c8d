//! A cursor over bytes: integers of fixed and variable length, as Go's `encoding/binary` writes them.

/// Reads from the start to the end; `None` past it, and nothing is read then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes<'a> {
    rest: &'a [u8],
}

impl<'a> Bytes<'a> {
    pub(crate) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(crate) fn len(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub(crate) fn be32(&mut self) -> Option<u32> {
        self.take(4)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
    }

    pub(crate) fn be64(&mut self) -> Option<u64> {
        self.take(8)?.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
    }

    pub(crate) fn float(&mut self) -> Option<f64> {
        self.be64().map(f64::from_bits)
    }

    pub(crate) fn uvarint(&mut self) -> Option<u64> {
        let before = self.rest;
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let Some(byte) = self.byte() else { break };
            // The tenth byte has room for one bit.
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        self.rest = before;
        None
    }

    /// Zigzag.
    pub(crate) fn varint(&mut self) -> Option<i64> {
        let value = self.uvarint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A length, which cannot be more than what is left of things of `least` bytes.
    pub(crate) fn count(&mut self, least: usize) -> Option<usize> {
        let before = self.rest;
        let count = usize::try_from(self.uvarint()?).ok()?;
        if count > self.rest.len() / least.max(1) {
            self.rest = before;
            return None;
        }
        Some(count)
    }

    /// A length and so many bytes of UTF-8.
    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let before = self.rest;
        let length = self.count(1)?;
        let text = self.take(length).and_then(|bytes| std::str::from_utf8(bytes).ok());
        if text.is_none() {
            self.rest = before;
        }
        text
    }
}
