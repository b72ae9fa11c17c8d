//! Cells that hold a list: histograms, exemplars, starts, windows of histograms, each with its time.

use std::sync::Arc;

use skopos_core::Labels;
use skopos_core::histogram::FloatHistogram;
use skopos_core::metric::{Exemplar, HistogramWindow};
use skopos_storage::codec::{Reader, Writer};

use crate::codec::{read_histogram, write_histogram};
use crate::run::Start;

pub(super) fn write_histograms(times_ms: &[i64], histograms: &[Arc<FloatHistogram>]) -> Vec<u8> {
    let mut out = Writer::default();
    for (time_ms, histogram) in times_ms.iter().zip(histograms) {
        out.i64(*time_ms);
        write_histogram(&mut out, histogram);
    }
    out.into_bytes()
}

pub(super) fn read_histograms(cell: &[u8], count: usize) -> Option<(Vec<i64>, Vec<Arc<FloatHistogram>>)> {
    let mut input = Reader::new(cell);
    let (mut times_ms, mut histograms) = (Vec::new(), Vec::new());
    for _ in 0..count {
        times_ms.push(input.i64()?);
        histograms.push(Arc::new(read_histogram(&mut input)?));
    }
    Some((times_ms, histograms))
}

pub(super) fn write_exemplars(exemplars: &[Exemplar]) -> Vec<u8> {
    let mut out = Writer::default();
    for exemplar in exemplars {
        out.text(exemplar.labels.encoded());
        out.i64(exemplar.timestamp_ms);
        out.f64(exemplar.value);
    }
    out.into_bytes()
}

pub(super) fn read_exemplars(cell: &[u8], count: usize) -> Option<Vec<Exemplar>> {
    let mut input = Reader::new(cell);
    let one = |_| {
        Some(Exemplar {
            labels: Labels::from_encoded(input.text()?)?,
            timestamp_ms: input.i64()?,
            value: input.f64()?,
        })
    };
    (0..count).map(one).collect()
}

pub(super) fn write_starts(starts: &[Start]) -> Vec<u8> {
    let mut out = Writer::default();
    for start in starts {
        out.i64(start.timestamp_ms);
        out.i64(start.start_ms);
    }
    out.into_bytes()
}

pub(super) fn read_starts(cell: &[u8], count: usize) -> Option<Vec<Start>> {
    let mut input = Reader::new(cell);
    let one = |_| {
        Some(Start {
            timestamp_ms: input.i64()?,
            start_ms: input.i64()?,
        })
    };
    (0..count).map(one).collect()
}

pub(super) fn write_histogram_windows(windows: &[HistogramWindow]) -> Vec<u8> {
    let mut out = Writer::default();
    for window in windows {
        out.u64(window.count);
        out.u64(window.kept.len() as u64);
        for (time_ms, histogram) in &window.kept {
            out.i64(*time_ms);
            write_histogram(&mut out, histogram);
        }
        out.u64(u64::from(window.sum.is_some()));
        if let Some(sum) = &window.sum {
            write_histogram(&mut out, sum);
        }
        // A marker comes after the last sample, so zero is none.
        out.i64(window.stale_ms.map_or(0, |stale_ms| stale_ms - window.last_ms()));
    }
    out.into_bytes()
}

pub(super) fn read_histogram_windows(cell: &[u8], count: usize, resolution_ms: i64) -> Option<Vec<HistogramWindow>> {
    let mut input = Reader::new(cell);
    let mut windows = Vec::new();
    for _ in 0..count {
        let samples = input.u64()?;
        let mut kept = Vec::new();
        for _ in 0..input.length()? {
            kept.push((input.i64()?, Arc::new(read_histogram(&mut input)?)));
        }
        let sum = match input.u64()? {
            0 => None,
            _ => Some(Arc::new(read_histogram(&mut input)?)),
        };
        let mut window = HistogramWindow {
            resolution_ms,
            count: samples,
            kept,
            sum,
            stale_ms: None,
        };
        let after_ms = input.i64()?;
        window.stale_ms = (after_ms > 0).then(|| window.last_ms().saturating_add(after_ms));
        windows.push(window);
    }
    Some(windows)
}
