//! Integers of variable bit length in histogram chunks (`tsdb/chunkenc/varbit.go`): a prefix of ones
//! says how many bits follow.

use crate::bits::BitReader;

/// Bits that follow after so many ones.
const WIDTHS: [u32; 9] = [0, 3, 6, 9, 12, 18, 25, 56, 64];

fn read(bits: &mut BitReader<'_>) -> Option<(u64, u32)> {
    let mut ones = 0usize;
    while ones < 8 && bits.try_read(1)? == 1 {
        ones += 1;
    }
    let width = WIDTHS.get(ones).copied()?;
    if width == 0 {
        return Some((0, 0));
    }
    Some((bits.try_read(width)?, width))
}

/// A signed integer: two's complement, the most negative pattern stands for the positive bound.
pub(crate) fn read_int(bits: &mut BitReader<'_>) -> Option<i64> {
    let (value, width) = read(bits)?;
    if width == 0 || width == 64 {
        return Some(value as i64);
    }
    let value = value as i64;
    Some(if value > 1 << (width - 1) {
        value - (1 << width)
    } else {
        value
    })
}

/// An unsigned integer.
pub(crate) fn read_uint(bits: &mut BitReader<'_>) -> Option<u64> {
    read(bits).map(|(value, _)| value)
}
