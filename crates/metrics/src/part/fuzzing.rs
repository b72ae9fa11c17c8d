//! Ways for fuzz targets into the codecs of a part.

use std::sync::Arc;

use skopos_core::metric::{Exemplar, FloatWindow};
use skopos_core::{Labels, metric::HistogramWindow};

use super::values::GroupReader;
use super::windows::WindowGroup;
use super::{MAX_RUN, cells, times, values, windows};
use crate::codec::read_histogram;
use crate::run::Start;
use crate::xor;
use skopos_storage::codec::Reader;

/// Reads bytes with the codec that the first of them names. Two bytes are the number of samples, one the share
/// of the bytes that rows have in common.
pub fn cell(bytes: &[u8]) {
    let Some(([kind, low, high, share], rest)) = bytes.split_first_chunk::<4>() else {
        return;
    };
    let count = usize::from(u16::from_le_bytes([*low, *high])) % (MAX_RUN + 1);
    let (shared, cell) = rest.split_at(rest.len() * usize::from(*share) / 255);
    match kind % 8 {
        0 => {
            let (mut times_ms, mut floats) = (Vec::new(), Vec::new());
            if xor::decode(cell, count as u32, &mut times_ms, &mut floats).is_some() {
                assert_eq!((times_ms.len(), floats.len()), (count, count));
            }
        }
        1 => {
            let mut floats = Vec::new();
            if let Some(mut group) = GroupReader::new(shared)
                && group.read(cell, count, &mut floats).is_some()
            {
                assert_eq!(floats.len(), count);
            }
        }
        2 => {
            let read = times::decode(cell, count);
            assert!(read.is_none_or(|times_ms| times_ms.len() == count));
        }
        3 => drop(cells::read_histograms(cell, count)),
        4 => drop(cells::read_exemplars(cell, count)),
        5 => drop(cells::read_starts(cell, count)),
        6 => drop(cells::read_histogram_windows(cell, count, 300_000)),
        _ => {
            drop(windows::decode_times(cell, count));
            let times_ms: Vec<i64> = (0..2 * count as i64).collect();
            let mut group = WindowGroup::new(shared);
            drop(windows::decode(cell, &times_ms, count, 300_000, group.as_mut()));
        }
    }
}

/// Makes samples of bytes, writes them with each codec, and expects them back bit for bit.
pub fn cell_round_trip(bytes: &[u8]) {
    let words: Vec<u64> = bytes
        .chunks_exact(8)
        .take(MAX_RUN)
        .map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes")))
        .collect();
    let Some(split) = words.first().map(|word| *word as usize % words.len()) else {
        return;
    };
    let floats: Vec<f64> = words.iter().map(|word| f64::from_bits(*word)).collect();
    let times_ms: Vec<i64> = words.iter().map(|word| *word as i64).collect();
    assert_eq!(
        times::decode(&times::encode(&times_ms), times_ms.len()),
        Some(times_ms.clone())
    );
    // Whole numbers and decimals take other ways than floats.
    let whole: Vec<f64> = times_ms.iter().map(|number| (number % 100_000) as f64).collect();
    let decimals: Vec<f64> = whole.iter().map(|number| number / 100.0).collect();
    for floats in [&floats, &whole, &decimals] {
        round_trip_floats(floats, split);
        round_trip_xor(&times_ms, floats);
    }
    round_trip_windows(&floats, &times_ms);
    round_trip_lists(bytes, &floats, &times_ms);
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn round_trip_floats(floats: &[f64], split: usize) {
    let runs: Vec<&[f64]> = [&floats[..split], &floats[split..]]
        .into_iter()
        .filter(|run| !run.is_empty())
        .collect();
    let Some(encoded) = values::encode(&runs) else { return };
    let mut group = GroupReader::new(&encoded.shared).expect("what was written reads");
    for (run, cell) in runs.iter().zip(&encoded.cells) {
        let mut read = Vec::new();
        group.read(cell, run.len(), &mut read).expect("what was written reads");
        assert_eq!(bits(&read), bits(run));
    }
}

fn round_trip_xor(times_ms: &[i64], floats: &[f64]) {
    let mut encoder = xor::XorEncoder::default();
    for (time_ms, value) in times_ms.iter().zip(floats) {
        encoder.append(*time_ms, *value);
    }
    let count = encoder.count();
    let chunk = encoder.take();
    let (mut times_back, mut floats_back) = (Vec::new(), Vec::new());
    xor::decode(&chunk, count, &mut times_back, &mut floats_back).expect("what was written reads");
    assert_eq!((times_back, bits(&floats_back)), (times_ms.to_vec(), bits(floats)));
}

fn round_trip_windows(floats: &[f64], times_ms: &[i64]) {
    let run: Vec<FloatWindow> = floats
        .chunks_exact(8)
        .zip(times_ms.chunks_exact(8))
        .map(|(floats, times_ms)| FloatWindow {
            resolution_ms: 300_000,
            first_ms: times_ms[0],
            last_ms: times_ms[1],
            count: floats[2],
            first: floats[3],
            last: floats[4],
            sum: floats[5],
            min: floats[6],
            max: floats[7],
            lost: floats[0],
            resets: floats[1],
            stale_ms: None,
        })
        .collect();
    if run.is_empty() {
        return;
    }
    let encoded = windows::encode(&[&run]);
    let mut group = encoded
        .shared
        .as_deref()
        .map(|shared| WindowGroup::new(shared).expect("reads"));
    let times_ms = windows::decode_times(&windows::encode_times(&run), run.len()).expect("reads");
    let back = windows::decode(&encoded.cells[0], &times_ms, run.len(), 300_000, group.as_mut());
    // NaN is not equal to itself; its text is.
    assert_eq!(format!("{:?}", back.expect("reads")), format!("{run:?}"));
}

fn round_trip_lists(bytes: &[u8], floats: &[f64], times_ms: &[i64]) {
    let labels = Labels::from_pairs([("trace_id", String::from_utf8_lossy(&bytes[..8]).into_owned())]);
    let exemplars: Vec<Exemplar> = floats
        .iter()
        .zip(times_ms)
        .map(|(value, timestamp_ms)| Exemplar {
            labels: labels.clone(),
            timestamp_ms: *timestamp_ms,
            value: *value,
        })
        .collect();
    let back = cells::read_exemplars(&cells::write_exemplars(&exemplars), exemplars.len());
    assert_eq!(format!("{:?}", back.expect("reads")), format!("{exemplars:?}"));
    let starts: Vec<Start> = times_ms
        .iter()
        .map(|time_ms| Start {
            timestamp_ms: *time_ms,
            start_ms: time_ms.wrapping_add(1),
        })
        .collect();
    assert_eq!(
        cells::read_starts(&cells::write_starts(&starts), starts.len()),
        Some(starts)
    );
    let Some(histogram) = read_histogram(&mut Reader::new(bytes)).map(Arc::new) else {
        return;
    };
    let cell = cells::write_histograms(&times_ms[..1], &[Arc::clone(&histogram)]);
    let (times_back, histograms) = cells::read_histograms(&cell, 1).expect("reads");
    assert_eq!(times_back, times_ms[..1]);
    assert_eq!(format!("{:?}", histograms[0]), format!("{histogram:?}"));
    let window = HistogramWindow {
        resolution_ms: 300_000,
        count: 1,
        kept: vec![(times_ms[0], Arc::clone(&histogram))],
        sum: Some(histogram),
        stale_ms: None,
    };
    let cell = cells::write_histogram_windows(std::slice::from_ref(&window));
    let back = cells::read_histogram_windows(&cell, 1, 300_000).expect("reads");
    assert_eq!(format!("{:?}", back[0]), format!("{window:?}"));
}
