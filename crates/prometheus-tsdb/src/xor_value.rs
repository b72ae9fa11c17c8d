//! Single floats among other fields, read as what changed in their bits: count, sum and buckets of
//! histograms (`tsdb/chunkenc/xor.go`, `xorRead`).

use crate::bits::BitReader;

/// A float, and which of its bits changed last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct XorValue {
    bits: u64,
    trailing: u32,
    significant: u32,
}

impl Default for XorValue {
    fn default() -> Self {
        Self::new(0)
    }
}

impl XorValue {
    /// Begins with a value that was read otherwise.
    pub(crate) fn new(bits: u64) -> Self {
        Self {
            bits,
            trailing: 0,
            significant: 64,
        }
    }

    /// The value that was read last.
    pub(crate) fn get(&self) -> f64 {
        f64::from_bits(self.bits)
    }

    /// Reads the next value.
    pub(crate) fn read(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        if bits.try_read(1)? == 0 {
            return Some(());
        }
        if bits.try_read(1)? == 1 {
            let leading = bits.try_read(5)? as u32;
            self.significant = match bits.try_read(6)? as u32 {
                0 => 64,
                bits => bits,
            };
            self.trailing = 64u32.checked_sub(leading + self.significant)?;
        }
        self.bits ^= bits.try_read(self.significant)? << self.trailing;
        Some(())
    }
}
