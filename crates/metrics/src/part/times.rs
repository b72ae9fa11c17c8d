//! Times of a run. Series of one target share theirs, so a part keeps each list once.

use pco::standalone::{simple_compress, simple_decompress_into};
use pco::{ChunkConfig, DeltaSpec, ModeSpec};
use skopos_storage::codec::{Reader, Writer};

const REGULAR: u64 = 0;
const COMPRESSED: u64 = 1;
const PLAIN: u64 = 2;
const LEVEL: usize = 4;

/// Times as bytes: first and step where they are regular, else what pco makes of the differences.
pub(super) fn encode(times_ms: &[i64]) -> Vec<u8> {
    let mut out = Writer::default();
    let first = times_ms.first().copied().unwrap_or_default();
    let step = times_ms.get(1).map_or(0, |second| second.wrapping_sub(first));
    if times_ms.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == step) {
        out.u64(REGULAR);
        out.i64(first);
        out.i64(step);
        return out.into_bytes();
    }
    let config = ChunkConfig::default()
        .with_compression_level(LEVEL)
        .with_mode_spec(ModeSpec::Classic)
        .with_delta_spec(DeltaSpec::TryConsecutive(1));
    if let Ok(bytes) = simple_compress(times_ms, &config) {
        out.u64(COMPRESSED);
        let mut head = out.into_bytes();
        head.extend_from_slice(&bytes);
        return head;
    }
    out.u64(PLAIN);
    for time_ms in times_ms {
        out.i64(*time_ms);
    }
    out.into_bytes()
}

/// Reads what [`encode`] made of `count` times.
pub(super) fn decode(bytes: &[u8], count: usize) -> Option<Vec<i64>> {
    let mut input = Reader::new(bytes);
    match input.u64()? {
        REGULAR => {
            let (first, step) = (input.i64()?, input.i64()?);
            Some(
                (0..count as i64)
                    .map(|i| first.wrapping_add(step.wrapping_mul(i)))
                    .collect(),
            )
        }
        COMPRESSED => {
            let mut times = vec![0; count];
            let progress = simple_decompress_into(input.rest(), &mut times).ok()?;
            (progress.n_processed == count).then_some(times)
        }
        PLAIN => (0..count).map(|_| input.i64()).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_grid_is_a_few_bytes() {
        let grid: Vec<i64> = (0..5000).map(|i| 1_795_000_000_000 + i * 15_000).collect();
        assert!(encode(&grid).len() < 16);
        assert_eq!(decode(&encode(&grid), grid.len()), Some(grid));
    }

    proptest! {
        #[test]
        fn any_times_come_back(times in proptest::collection::vec(any::<i64>(), 1..300)) {
            prop_assert_eq!(decode(&encode(&times), times.len()), Some(times));
        }
    }
}
