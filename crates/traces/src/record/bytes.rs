//! Variable-length integers and bounds-checked reading.

use super::RecordError;

/// Appends seven bits a byte, least first; the top bit says that more follow.
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed number whose magnitude is expected to be small.
pub(super) fn put_zigzag(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Reads from the front of a record.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], position: usize) -> Self {
        Self { bytes, position }
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    pub(super) fn error<T>(&self, reason: &'static str) -> Result<T, RecordError> {
        Err(RecordError {
            position: self.position,
            reason,
        })
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], RecordError> {
        let end = self.position.checked_add(count);
        match end.and_then(|end| self.bytes.get(self.position..end)) {
            Some(taken) => {
                self.position += count;
                Ok(taken)
            }
            None => self.error("it ends early"),
        }
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let taken = self.take(N)?;
        Ok(taken.try_into().expect("as many bytes as asked for were taken"))
    }

    pub(super) fn byte(&mut self) -> Result<u8, RecordError> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn varint(&mut self) -> Result<u64, RecordError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        self.error("a number has too many bytes")
    }

    pub(super) fn zigzag(&mut self) -> Result<i64, RecordError> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    pub(super) fn index(&mut self) -> Result<usize, RecordError> {
        Ok(usize::try_from(self.varint()?).unwrap_or(usize::MAX))
    }

    /// A count of things of at least `least_bytes` each, which cannot be more than fit the rest.
    pub(super) fn count(&mut self, least_bytes: usize) -> Result<usize, RecordError> {
        let count = self.index()?;
        let rest = self.bytes.len().saturating_sub(self.position);
        if count > rest / least_bytes.max(1) {
            return self.error("it counts more than it holds");
        }
        Ok(count)
    }

    pub(super) fn length_prefixed(&mut self) -> Result<&'a [u8], RecordError> {
        let length = self.count(1)?;
        self.take(length)
    }
}
