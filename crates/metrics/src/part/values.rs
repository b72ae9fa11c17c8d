//! Float values of several runs, compressed together and readable one by one: a pco chunk whose
//! pages are the runs. Runs of one metric are alike, so they share what the codec learns of them.
//!
//! Values that are whole, or have few decimals, are scaled to integers, which are taken apart
//! much better than floats; the few that are not (staleness markers, infinities) are kept beside.

use pco::wrapped::{ChunkDecompressor, FileCompressor, FileDecompressor};
use pco::{ChunkConfig, DeltaSpec, ModeSpec, PagingSpec};
use skopos_storage::codec::{Reader, Writer};

/// Level of pco: within 3 % of level 8 at two thirds of its cost.
const LEVEL: usize = 4;
const FORM_FLOATS: u64 = 0;
const FORM_INTEGERS: u64 = 1;
/// Most decimals that values are scaled by.
const MAX_DECIMALS: u32 = 6;
/// Integers beyond this are not exact as floats.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
/// One in so many values may be none of the scaled ones.
const EXCEPTION_SHARE: usize = 8;
/// Values looked at to choose the order of differences.
const LOOKED_AT: usize = 2048;

/// Runs as bytes: what they share, and a cell for each.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Encoded {
    pub(super) shared: Vec<u8>,
    pub(super) cells: Vec<Vec<u8>>,
}

/// Encodes runs, none of them empty; `None` where the codec refuses them.
pub(super) fn encode(runs: &[&[f64]]) -> Option<Encoded> {
    match scale(runs) {
        Some(scaled) => encode_integers(&scaled),
        None => encode_floats(runs),
    }
}

/// Values as integers.
struct Scaled {
    decimals: u32,
    divisor: i64,
    runs: Vec<Vec<i64>>,
    /// By run: position and value of those that are no such integer.
    exceptions: Vec<Vec<(usize, f64)>>,
}

fn scale(runs: &[&[f64]]) -> Option<Scaled> {
    (0..=MAX_DECIMALS).find_map(|decimals| scale_by(runs, decimals))
}

fn scale_by(runs: &[&[f64]], decimals: u32) -> Option<Scaled> {
    let factor = 10f64.powi(decimals as i32);
    let total: usize = runs.iter().map(|run| run.len()).sum();
    let mut allowed = total / EXCEPTION_SHARE;
    let mut scaled = Scaled {
        decimals,
        divisor: 0,
        runs: Vec::with_capacity(runs.len()),
        exceptions: Vec::with_capacity(runs.len()),
    };
    for run in runs {
        let (mut integers, mut exceptions) = (Vec::with_capacity(run.len()), Vec::new());
        let mut last = 0i64;
        for (position, value) in run.iter().enumerate() {
            let scaled_value = (value * factor).round();
            let integer = scaled_value as i64;
            // Bits are compared after the way through the integer: a negative zero has none.
            if scaled_value.abs() < MAX_EXACT && (integer as f64 / factor).to_bits() == value.to_bits() {
                last = integer;
                scaled.divisor = common_divisor(scaled.divisor, last);
            } else {
                allowed = allowed.checked_sub(1)?;
                exceptions.push((position, *value));
            }
            integers.push(last);
        }
        scaled.runs.push(integers);
        scaled.exceptions.push(exceptions);
    }
    scaled.divisor = scaled.divisor.max(1);
    Some(scaled)
}

fn common_divisor(a: i64, b: i64) -> i64 {
    if a == 1 {
        return 1;
    }
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn encode_integers(scaled: &Scaled) -> Option<Encoded> {
    let divisor = scaled.divisor;
    let integers: Vec<i64> = scaled.runs.iter().flatten().map(|integer| integer / divisor).collect();
    let lengths: Vec<usize> = scaled.runs.iter().map(Vec::len).collect();
    let delta = match delta_order(&integers, &lengths) {
        0 => DeltaSpec::NoOp,
        order => DeltaSpec::TryConsecutive(order),
    };
    let config = ChunkConfig::default()
        .with_compression_level(LEVEL)
        .with_mode_spec(ModeSpec::Classic)
        .with_delta_spec(delta)
        .with_paging_spec(PagingSpec::Exact(lengths));
    let mut head = Writer::default();
    head.u64(FORM_INTEGERS);
    head.u64(u64::from(scaled.decimals));
    head.u64(divisor as u64);
    let beside = scaled.exceptions.iter().map(|exceptions| {
        let mut out = Writer::default();
        out.u64(exceptions.len() as u64);
        for (position, value) in exceptions {
            out.u64(*position as u64);
            out.f64(*value);
        }
        out.into_bytes()
    });
    compress(&integers, &config, head.into_bytes(), beside.collect())
}

fn encode_floats(runs: &[&[f64]]) -> Option<Encoded> {
    let values: Vec<f64> = runs.iter().copied().flatten().copied().collect();
    let lengths = runs.iter().map(|run| run.len()).collect();
    let config = ChunkConfig::default()
        .with_compression_level(LEVEL)
        .with_paging_spec(PagingSpec::Exact(lengths));
    let mut head = Writer::default();
    head.u64(FORM_FLOATS);
    compress(&values, &config, head.into_bytes(), vec![Vec::new(); runs.len()])
}

fn compress<T: pco::data_types::Number>(
    values: &[T],
    config: &ChunkConfig,
    mut shared: Vec<u8>,
    mut cells: Vec<Vec<u8>>,
) -> Option<Encoded> {
    let file = FileCompressor::default();
    let mut chunk = file.chunk_compressor(values, config).ok()?;
    file.write_header(&mut shared).ok()?;
    chunk.write_meta(&mut shared).ok()?;
    for (page, cell) in cells.iter_mut().enumerate() {
        chunk.write_page(page, cell).ok()?;
    }
    Some(Encoded { shared, cells })
}

/// How often to take differences, by the bits that the values then have.
fn delta_order(integers: &[i64], lengths: &[usize]) -> usize {
    let mut bits = [0u64; 3];
    let mut start = 0;
    for length in lengths {
        let run = &integers[start..start + length];
        start += length;
        for window in run.windows(3) {
            let (first, second) = (window[1].wrapping_sub(window[0]), window[2].wrapping_sub(window[1]));
            for (order, value) in [window[2], second, second.wrapping_sub(first)].into_iter().enumerate() {
                bits[order] += u64::from(64 - value.unsigned_abs().leading_zeros());
            }
        }
        if start > LOOKED_AT {
            break;
        }
    }
    // Each order costs eight bytes a run, and the second is rarely worth little.
    let second_is_better = bits[2] + bits[2] / 8 < bits[1];
    match (bits[1] < bits[0], second_is_better) {
        (_, true) if bits[2] < bits[0] => 2,
        (true, _) => 1,
        _ => 0,
    }
}

/// Reads the runs of one chunk.
pub(super) struct GroupReader {
    form: Form,
}

enum Form {
    Floats(ChunkDecompressor<f64>),
    Integers {
        factor: f64,
        divisor: i64,
        chunk: ChunkDecompressor<i64>,
        buffer: Vec<i64>,
    },
}

impl GroupReader {
    /// Reads what the runs share.
    pub(super) fn new(shared: &[u8]) -> Option<Self> {
        let mut input = Reader::new(shared);
        let form = match input.u64()? {
            FORM_FLOATS => Form::Floats(chunk(input.rest())?),
            FORM_INTEGERS => {
                let decimals = i32::try_from(input.u64()?).ok()?;
                Form::Integers {
                    factor: 10f64.powi(decimals),
                    divisor: i64::try_from(input.u64()?).ok()?,
                    chunk: chunk(input.rest())?,
                    buffer: Vec::new(),
                }
            }
            _ => return None,
        };
        Some(Self { form })
    }

    /// Adds the `count` values of a run to `values`.
    pub(super) fn read(&mut self, cell: &[u8], count: usize, values: &mut Vec<f64>) -> Option<()> {
        let start = values.len();
        match &mut self.form {
            Form::Floats(chunk) => {
                values.resize(start + count, 0.0);
                read_page(chunk, cell, &mut values[start..])
            }
            Form::Integers {
                factor,
                divisor,
                chunk,
                buffer,
            } => {
                let mut input = Reader::new(cell);
                let mut exceptions = Vec::new();
                for _ in 0..input.length()? {
                    exceptions.push((usize::try_from(input.u64()?).ok()?, input.f64()?));
                }
                buffer.clear();
                buffer.resize(count, 0);
                read_page(chunk, input.rest(), buffer)?;
                let (factor, divisor) = (*factor, *divisor);
                let whole = buffer.iter().map(|integer| integer.wrapping_mul(divisor) as f64);
                if factor == 1.0 {
                    values.extend(whole);
                } else {
                    values.extend(whole.map(|value| value / factor));
                }
                for (position, value) in exceptions {
                    *values.get_mut(start + position)? = value;
                }
                Some(())
            }
        }
    }
}

fn chunk<T: pco::data_types::Number>(bytes: &[u8]) -> Option<ChunkDecompressor<T>> {
    let (file, rest) = FileDecompressor::new(bytes).ok()?;
    Some(file.chunk_decompressor(rest).ok()?.0)
}

fn read_page<T: pco::data_types::Number>(chunk: &mut ChunkDecompressor<T>, page: &[u8], out: &mut [T]) -> Option<()> {
    let progress = chunk.page_decompressor(page, out.len()).ok()?.read(out).ok()?;
    (progress.n_processed == out.len()).then_some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use skopos_core::sample::STALE_NAN;

    use super::*;

    fn check(runs: &[Vec<f64>]) -> Encoded {
        let slices: Vec<&[f64]> = runs.iter().map(Vec::as_slice).collect();
        let encoded = encode(&slices).expect("encodes");
        let mut reader = GroupReader::new(&encoded.shared).expect("reads");
        // Backwards, since a reader takes what it needs.
        for (run, cell) in runs.iter().zip(&encoded.cells).rev() {
            let mut values = Vec::new();
            reader.read(cell, run.len(), &mut values).expect("reads");
            let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&values), bits(run));
        }
        encoded
    }

    #[test]
    fn counters_and_decimals_are_small_with_markers_among_them() {
        let counter = |rate: i64| (0..240).map(|i| (i * rate + i % 3) as f64).collect::<Vec<_>>();
        let mut stale = counter(7);
        stale[200] = STALE_NAN;
        stale[201] = -0.0;
        let seconds = (0..240).map(|i| f64::from(i * 15 + i % 7) / 100.0).collect();
        let pages = (0..240).map(|i| f64::from(4096 * (1000 + i * i % 17))).collect();
        for runs in [vec![counter(3), stale], vec![seconds], vec![pages]] {
            let size: usize = check(&runs).cells.iter().map(Vec::len).sum();
            assert!(size < 250 * runs.len(), "{size}");
        }
    }

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<f64>(),
            (-100_000i64..100_000).prop_map(|i| i as f64),
            (0i64..100_000).prop_map(|i| i as f64 / 100.0),
            Just(STALE_NAN),
            Just(f64::INFINITY),
        ]
    }

    proptest! {
        #[test]
        fn any_values_come_back(
            runs in proptest::collection::vec(proptest::collection::vec(value(), 1..40), 1..8)
        ) {
            check(&runs);
        }

        #[test]
        fn random_bytes_never_panic(shared in proptest::collection::vec(any::<u8>(), 0..60), cell in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Some(mut reader) = GroupReader::new(&shared) {
                let read = reader.read(&cell, 10, &mut Vec::new());
                prop_assert!(read.is_none() || read.is_some());
            }
        }
    }
}
