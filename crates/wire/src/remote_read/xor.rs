//! Prometheus' XOR chunk, written: the number of samples, then times as differences of differences
//! and values as what changed in their bits (`tsdb/chunkenc/xor.go`).

/// A chunk in the making.
#[derive(Debug)]
pub(super) struct XorChunk {
    bits: BitWriter,
    samples: u16,
    time: i64,
    delta: i64,
    value: u64,
    leading: u32,
    trailing: u32,
}

impl Default for XorChunk {
    fn default() -> Self {
        Self {
            // The number of samples takes the first two bytes.
            bits: BitWriter {
                bytes: vec![0; 2],
                free: 0,
            },
            samples: 0,
            time: 0,
            delta: 0,
            value: 0,
            // No run of zeros was written yet.
            leading: u32::MAX,
            trailing: 0,
        }
    }
}

impl XorChunk {
    /// Appends a sample; times must rise.
    pub(super) fn push(&mut self, time: i64, value: f64) {
        let value = value.to_bits();
        let delta = time.wrapping_sub(self.time);
        match self.samples {
            0 => {
                self.bits.signed_varint(time);
                self.bits.push(value, 64);
            }
            1 => {
                self.bits.varint(delta.cast_unsigned());
                self.push_value(value);
                self.delta = delta;
            }
            _ => {
                self.push_change(delta.wrapping_sub(self.delta));
                self.push_value(value);
                self.delta = delta;
            }
        }
        (self.time, self.value) = (time, value);
        self.samples = self.samples.saturating_add(1);
    }

    /// The bytes.
    pub(super) fn finish(self) -> Vec<u8> {
        let mut bytes = self.bits.bytes;
        bytes.splice(..2, self.samples.to_be_bytes());
        bytes
    }

    /// The change of the difference between times, in one of five widths.
    fn push_change(&mut self, change: i64) {
        const WIDTHS: [(u64, u32, u32); 3] = [(0b10, 2, 14), (0b110, 3, 17), (0b1110, 4, 20)];
        if change == 0 {
            return self.bits.push(0, 1);
        }
        let fits = |width: u32| (1 - (1i64 << (width - 1))..=1i64 << (width - 1)).contains(&change);
        if let Some((prefix, prefix_width, width)) = WIDTHS.into_iter().find(|(_, _, width)| fits(*width)) {
            self.bits.push(prefix, prefix_width);
            self.bits.push(change.cast_unsigned(), width);
        } else {
            self.bits.push(0b1111, 4);
            self.bits.push(change.cast_unsigned(), 64);
        }
    }

    fn push_value(&mut self, value: u64) {
        const MAX_LEADING: u32 = 31;
        let changed = value ^ self.value;
        if changed == 0 {
            return self.bits.push(0, 1);
        }
        self.bits.push(1, 1);
        let leading = changed.leading_zeros().min(MAX_LEADING);
        let trailing = changed.trailing_zeros();
        if self.leading != u32::MAX && leading >= self.leading && trailing >= self.trailing {
            self.bits.push(0, 1);
            let width = 64 - self.leading - self.trailing;
            return self.bits.push(changed >> self.trailing, width);
        }
        (self.leading, self.trailing) = (leading, trailing);
        let width = 64 - leading - trailing;
        self.bits.push(1, 1);
        self.bits.push(u64::from(leading), 5);
        // 64 does not fit and is written as 0.
        self.bits.push(u64::from(width), 6);
        self.bits.push(changed >> trailing, width);
    }
}

/// Writes bits from the highest of a byte to the lowest.
#[derive(Debug)]
struct BitWriter {
    bytes: Vec<u8>,
    /// Bits of the last byte that are not written yet.
    free: u32,
}

impl BitWriter {
    /// Writes the low `width` bits of `value`.
    fn push(&mut self, value: u64, width: u32) {
        for at in (0..width).rev() {
            let bit = u8::from(value >> at & 1 == 1);
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            self.free -= 1;
            if let Some(last) = self.bytes.last_mut() {
                *last |= bit << self.free;
            }
        }
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.push(value & 0x7f | 0x80, 8);
            value >>= 7;
        }
        self.push(value, 8);
    }

    /// Zigzag, as Go's `binary.PutVarint`.
    fn signed_varint(&mut self, value: i64) {
        self.varint((value << 1 ^ value >> 63).cast_unsigned());
    }
}
