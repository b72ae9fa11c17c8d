//! Chunks of float samples in Prometheus' XOR layout (`tsdb/chunkenc/xor.go`), without its
//! two-byte count: the count is kept beside the bytes.
//!
//! The first sample is a zig-zag varint time and 64 value bits; the second a varint time delta;
//! each further one a delta of deltas in 14, 17, 20 or 64 bits. Values are XORed with the one
//! before, and the window of significant bits is reused where it fits.

use crate::bits::{BitReader, BitWriter};

/// Writes samples in the order of time.
#[derive(Debug, Clone, Default)]
pub struct XorEncoder {
    bits: BitWriter,
    count: u32,
    timestamp_ms: i64,
    delta: i64,
    value: u64,
    window: Option<Window>,
}

/// The significant bits of a XORed value.
#[derive(Debug, Clone, Copy)]
struct Window {
    leading: u8,
    trailing: u8,
}

impl Window {
    fn significant(self) -> u32 {
        64 - u32::from(self.leading) - u32::from(self.trailing)
    }
}

impl XorEncoder {
    /// Appends a sample that is not older than the last one.
    pub fn append(&mut self, timestamp_ms: i64, value: f64) {
        let bits = value.to_bits();
        let delta = timestamp_ms.wrapping_sub(self.timestamp_ms);
        match self.count {
            0 => {
                self.write_varint(zigzag(timestamp_ms));
                self.bits.write(bits, 64);
            }
            1 => {
                self.write_varint(delta as u64);
                self.write_value(bits);
            }
            _ => {
                self.write_delta_of_delta(delta.wrapping_sub(self.delta));
                self.write_value(bits);
            }
        }
        self.delta = if self.count == 0 { 0 } else { delta };
        self.timestamp_ms = timestamp_ms;
        self.value = bits;
        self.count += 1;
    }

    /// Number of samples.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The last sample of the chunk.
    pub fn last(&self) -> Option<(i64, f64)> {
        (self.count > 0).then(|| (self.timestamp_ms, f64::from_bits(self.value)))
    }

    /// The chunk, in as much memory as it needs; the next sample begins another.
    pub fn take(&mut self) -> Box<[u8]> {
        self.count = 0;
        self.window = None;
        self.bits.take()
    }

    /// Bytes that are taken for the chunk.
    pub fn capacity(&self) -> usize {
        self.bits.capacity()
    }

    /// Adds the samples so far to `timestamps_ms` and `values`.
    ///
    /// # Panics
    ///
    /// Never: it reads what it wrote.
    pub fn decode_into(&self, timestamps_ms: &mut Vec<i64>, values: &mut Vec<f64>) {
        read_samples(self.bits.reader(), self.count, timestamps_ms, values).expect("its own bits");
    }

    fn write_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bits.write((value & 0x7f) | 0x80, 8);
            value >>= 7;
        }
        self.bits.write(value, 8);
    }

    fn write_delta_of_delta(&mut self, change: i64) {
        match change {
            0 => self.bits.write(0, 1),
            -8191..=8192 => self.write_prefixed(0b10, 2, change, 14),
            -65_535..=65_536 => self.write_prefixed(0b110, 3, change, 17),
            -524_287..=524_288 => self.write_prefixed(0b1110, 4, change, 20),
            _ => self.write_prefixed(0b1111, 4, change, 64),
        }
    }

    fn write_prefixed(&mut self, prefix: u64, prefix_bits: u32, change: i64, count: u32) {
        self.bits.write(prefix, prefix_bits);
        self.bits.write(change as u64, count);
    }

    fn write_value(&mut self, bits: u64) {
        let change = bits ^ self.value;
        if change == 0 {
            return self.bits.write(0, 1);
        }
        self.bits.write(1, 1);
        let leading = change.leading_zeros().min(31) as u8;
        let trailing = change.trailing_zeros() as u8;
        if let Some(window) = self.window
            && leading >= window.leading
            && trailing >= window.trailing
        {
            self.bits.write(0, 1);
            return self.bits.write(change >> window.trailing, window.significant());
        }
        let window = Window { leading, trailing };
        let significant = window.significant();
        self.window = Some(window);
        self.bits.write(1, 1);
        self.bits.write(u64::from(leading), 5);
        // 64 significant bits are written as 0.
        self.bits.write(u64::from(significant) & 0x3f, 6);
        self.bits.write(change >> trailing, significant);
    }
}

/// Adds the `count` samples of a chunk to `timestamps_ms` and `values`. `None` where the bytes are
/// not such a chunk; what was added then means nothing.
pub fn decode(bytes: &[u8], count: u32, timestamps_ms: &mut Vec<i64>, values: &mut Vec<f64>) -> Option<()> {
    // A sample takes two bits or more: a count beyond that is not worth the memory.
    if count as usize > bytes.len().saturating_mul(8) {
        return None;
    }
    read_samples(BitReader::new(bytes), count, timestamps_ms, values)
}

#[expect(clippy::indexing_slicing, reason = "both were made long enough just before")]
fn read_samples(bits: BitReader<'_>, count: u32, timestamps_ms: &mut Vec<i64>, values: &mut Vec<f64>) -> Option<()> {
    let mut decoder = Decoder {
        bits,
        timestamp_ms: 0,
        delta: 0,
        value: 0,
        trailing: 0,
        significant: 64,
    };
    let (start, count) = (values.len(), count as usize);
    timestamps_ms.resize(start + count, 0);
    values.resize(start + count, 0.0);
    let slots = timestamps_ms[start..].iter_mut().zip(&mut values[start..]);
    for (index, (timestamp_ms, value)) in slots.enumerate() {
        // One place that calls it: it is to stand in the loop.
        decoder.next(index)?;
        (*timestamp_ms, *value) = (decoder.timestamp_ms, f64::from_bits(decoder.value));
    }
    decoder.bits.is_within().then_some(())
}

struct Decoder<'a> {
    bits: BitReader<'a>,
    timestamp_ms: i64,
    delta: i64,
    value: u64,
    trailing: u32,
    /// Bits of a value between those that lead and those that trail.
    significant: u32,
}

/// Bits of the leading and significant counts with the two before them.
const WINDOW_BITS: u32 = 13;

impl Decoder<'_> {
    #[inline]
    fn next(&mut self, index: usize) -> Option<()> {
        let (mut word, mut used) = (self.bits.peek(), 0);
        if index < 2 {
            let begin = self.read_varint()?;
            if index == 0 {
                self.timestamp_ms = unzigzag(begin);
                self.value = self.bits.read(64);
                return Some(());
            }
            self.delta = begin as i64;
            word = self.bits.peek();
        } else if word >> 63 == 0 {
            (word, used) = (word << 1, 1);
        } else {
            self.delta = self.delta.wrapping_add(self.read_delta_of_delta());
            word = self.bits.peek();
        }
        self.timestamp_ms = self.timestamp_ms.wrapping_add(self.delta);
        self.read_value(word, used)
    }

    fn read_varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.bits.read(8);
            value |= (byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn read_delta_of_delta(&mut self) -> i64 {
        let ones = self.bits.peek().leading_ones().min(4);
        self.bits.skip((ones + 1).min(4));
        let count = match ones {
            0 => return 0,
            1 => 14,
            2 => 17,
            3 => 20,
            _ => return self.bits.read(64) as i64,
        };
        let bits = self.bits.read(count) as i64;
        // Two's complement, with the most negative pattern standing for the positive bound.
        if bits > (1 << (count - 1)) {
            bits - (1 << count)
        } else {
            bits
        }
    }

    /// Reads a value. `word` holds the next bits, behind `used` ones that are not skipped yet.
    #[inline]
    fn read_value(&mut self, word: u64, used: u32) -> Option<()> {
        if word >> 63 == 0 {
            self.bits.skip(used + 1);
            return Some(());
        }
        let mut before = 2;
        if word >> 62 == 0b11 {
            let leading = (word >> 57) as u32 & 0x1f;
            self.significant = match (word >> 51) as u32 & 0x3f {
                0 => 64,
                bits => bits,
            };
            self.trailing = 64u32.checked_sub(leading + self.significant)?;
            before = WINDOW_BITS;
        }
        let change = if used + before + self.significant <= BitReader::PEEKED {
            self.bits.skip(used + before + self.significant);
            (word << before) >> (64 - self.significant)
        } else {
            self.bits.skip(used + before);
            self.bits.read(self.significant)
        };
        self.value ^= change << self.trailing;
        Some(())
    }
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round_trip(samples: &[(i64, f64)]) {
        let mut encoder = XorEncoder::default();
        for (timestamp, value) in samples {
            encoder.append(*timestamp, *value);
        }
        let expected: Vec<(i64, u64)> = samples.iter().map(|(t, v)| (*t, v.to_bits())).collect();
        let (mut timestamps, mut values) = (Vec::new(), Vec::new());
        encoder.decode_into(&mut timestamps, &mut values);
        let count = encoder.count();
        decode(&encoder.take(), count, &mut timestamps, &mut values).expect("own bytes decode");
        let read: Vec<(i64, u64)> = timestamps.into_iter().zip(values.iter().map(|v| v.to_bits())).collect();
        let (open, closed) = read.split_at(samples.len());
        assert_eq!(open, expected);
        assert_eq!(closed, expected);
    }

    #[test]
    fn bounds_of_the_delta_classes() {
        let mut at = 0i64;
        let mut samples = vec![(at, 1.0), (at + 1000, 2.0)];
        at += 1000;
        let mut delta = 1000i64;
        for change in [
            8192, -8191, 8193, -8192, 65_536, -65_535, 65_537, 524_288, -524_287, 524_289, 0,
        ] {
            delta += change;
            at += delta;
            samples.push((at, f64::from_bits(skopos_core::sample::STALE_NAN_BITS)));
        }
        round_trip(&samples);
    }

    proptest! {
        #[test]
        fn any_samples_come_back(start in any::<i32>(), steps in proptest::collection::vec((0i64..10_000_000, any::<u64>()), 0..200)) {
            let mut at = i64::from(start);
            let samples: Vec<(i64, f64)> = steps
                .into_iter()
                .map(|(step, bits)| {
                    at += step;
                    (at, f64::from_bits(bits))
                })
                .collect();
            round_trip(&samples);
        }

        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100), count in 0u32..300) {
            let (mut timestamps, mut values) = (Vec::new(), Vec::new());
            let read = decode(&bytes, count, &mut timestamps, &mut values);
            prop_assert!(read.is_none() || timestamps.len() == count as usize);
        }
    }
}
