//! Chunks of native histograms (`tsdb/chunkenc/histogram.go`, `float_histogram.go`): the layout of
//! the buckets once, then counts as differences of differences, or as changed bits of floats.
//!
//! A stale marker is a histogram whose sum is the staleness marker; nothing follows its sum.

use std::sync::Arc;

use skopos_core::histogram::{CUSTOM_BUCKETS_SCHEMA, CounterResetHint, FloatHistogram, Span, absolute_counts};
use skopos_core::metric::Series;
use skopos_core::sample::is_stale;

use crate::bits::BitReader;
use crate::varbit::{read_int, read_uint};
use crate::xor_value::XorValue;

/// Most spans of one side, and most custom bounds.
const MAX_SPANS: u64 = 1 << 16;
/// Most buckets of one side.
const MAX_BUCKETS: u64 = 1 << 18;

/// What the counts of a chunk are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counts {
    Integers,
    Floats,
}

/// Appends all histograms of a chunk. `None` if the bytes are no such chunk.
pub(crate) fn decode(data: &[u8], counts: Counts, out: &mut Series) -> Option<()> {
    let (count, rest) = data.split_first_chunk()?;
    let count = u16::from_be_bytes(*count);
    if count == 0 {
        return Some(());
    }
    let (flags, rest) = rest.split_first()?;
    let mut bits = BitReader::new(rest);
    let layout = read_layout(&mut bits)?;
    match counts {
        Counts::Integers => read_all(&mut bits, &layout, *flags, count, Integers::default(), out),
        Counts::Floats => read_all(&mut bits, &layout, *flags, count, Floats::default(), out),
    }
}

/// What all histograms of a chunk share: everything but counts and sum.
struct Layout {
    shape: FloatHistogram,
    positive: usize,
    negative: usize,
}

fn read_layout(bits: &mut BitReader<'_>) -> Option<Layout> {
    let zero_threshold = read_zero_threshold(bits)?;
    let schema = i32::try_from(read_int(bits)?).ok()?;
    let (positive_spans, positive) = read_spans(bits)?;
    let (negative_spans, negative) = read_spans(bits)?;
    let custom_values = if schema == CUSTOM_BUCKETS_SCHEMA {
        read_custom_values(bits)?
    } else {
        Vec::new()
    };
    let shape = FloatHistogram {
        schema,
        zero_threshold,
        positive_spans,
        negative_spans,
        custom_values,
        ..FloatHistogram::default()
    };
    Some(Layout {
        shape,
        positive,
        negative,
    })
}

/// 0, a power of two by its exponent, or a float after a byte of ones.
fn read_zero_threshold(bits: &mut BitReader<'_>) -> Option<f64> {
    Some(match bits.try_read(8)? {
        0 => 0.0,
        255 => f64::from_bits(bits.try_read(64)?),
        exponent => 0.5 * f64::powi(2.0, exponent as i32 - 243),
    })
}

fn read_spans(bits: &mut BitReader<'_>) -> Option<(Vec<Span>, usize)> {
    let count = read_uint(bits).filter(|count| *count <= MAX_SPANS)?;
    let (mut spans, mut buckets) = (Vec::new(), 0u64);
    for _ in 0..count {
        let length = u32::try_from(read_uint(bits)?).ok()?;
        let offset = i32::try_from(read_int(bits)?).ok()?;
        buckets += u64::from(length);
        spans.push(Span { offset, length });
    }
    (buckets <= MAX_BUCKETS).then_some((spans, buckets as usize))
}

fn read_custom_values(bits: &mut BitReader<'_>) -> Option<Vec<f64>> {
    let count = read_uint(bits).filter(|count| *count <= MAX_SPANS)?;
    (0..count).map(|_| read_custom_value(bits)).collect()
}

/// Thousandths as an integer, one more than they are; or, where that is 0, a float.
fn read_custom_value(bits: &mut BitReader<'_>) -> Option<f64> {
    match read_uint(bits)? {
        0 => bits.try_read(64).map(f64::from_bits),
        thousandths => Some((thousandths - 1) as f64 / 1000.0),
    }
}

/// How counts and sum go from one histogram to the next.
trait State {
    /// Reads all of the first histogram after its time.
    fn first(&mut self, bits: &mut BitReader<'_>, layout: &Layout) -> Option<()>;
    /// Reads what changed; true where the histogram is a stale marker.
    fn next(&mut self, bits: &mut BitReader<'_>) -> Option<bool>;
    fn sum(&self) -> f64;
    fn fill(&self, histogram: &mut FloatHistogram);
}

fn read_all(
    bits: &mut BitReader<'_>,
    layout: &Layout,
    flags: u8,
    count: u16,
    mut state: impl State,
    out: &mut Series,
) -> Option<()> {
    let (mut time, mut delta) = (read_int(bits)?, 0i64);
    state.first(bits, layout)?;
    push(layout, flags, 0, time, &state, is_stale(state.sum()), out);
    for index in 1..count {
        delta = delta.wrapping_add(read_int(bits)?);
        time = time.wrapping_add(delta);
        let is_marker = state.next(bits)?;
        push(layout, flags, index, time, &state, is_marker, out);
    }
    Some(())
}

fn push(layout: &Layout, flags: u8, index: u16, time: i64, state: &impl State, is_marker: bool, out: &mut Series) {
    let mut histogram = if is_marker {
        FloatHistogram {
            sum: state.sum(),
            ..FloatHistogram::default()
        }
    } else {
        let mut histogram = layout.shape.clone();
        state.fill(&mut histogram);
        histogram
    };
    histogram.counter_reset_hint = hint(flags, index);
    out.histogram_timestamps_ms.push(time);
    out.histograms.push(Arc::new(histogram));
}

/// Within a chunk of counters there is no reset after the first histogram.
fn hint(flags: u8, index: u16) -> CounterResetHint {
    match (flags >> 6, index) {
        (0b11, _) => CounterResetHint::Gauge,
        (_, 1..) => CounterResetHint::NotReset,
        (0b10, _) => CounterResetHint::Reset,
        _ => CounterResetHint::Unknown,
    }
}

/// An integer that is read as the change of its change.
#[derive(Debug, Clone, Copy, Default)]
struct Change {
    value: i64,
    delta: i64,
}

impl Change {
    fn read(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        self.delta = self.delta.wrapping_add(read_int(bits)?);
        self.value = self.value.wrapping_add(self.delta);
        Some(())
    }
}

#[derive(Debug, Default)]
struct Integers {
    count: Change,
    zero_count: Change,
    sum: XorValue,
    positive: Vec<Change>,
    negative: Vec<Change>,
}

impl State for Integers {
    fn first(&mut self, bits: &mut BitReader<'_>, layout: &Layout) -> Option<()> {
        self.count.value = read_uint(bits)? as i64;
        self.zero_count.value = read_uint(bits)? as i64;
        self.sum = XorValue::new(bits.try_read(64)?);
        for (side, length) in [
            (&mut self.positive, layout.positive),
            (&mut self.negative, layout.negative),
        ] {
            for _ in 0..length {
                let value = read_int(bits)?;
                side.push(Change { value, delta: 0 });
            }
        }
        Some(())
    }

    fn next(&mut self, bits: &mut BitReader<'_>) -> Option<bool> {
        self.count.read(bits)?;
        self.zero_count.read(bits)?;
        self.sum.read(bits)?;
        if is_stale(self.sum.get()) {
            return Some(true);
        }
        let mut buckets = self.positive.iter_mut().chain(&mut self.negative);
        buckets.try_for_each(|bucket| bucket.read(bits))?;
        Some(false)
    }

    fn sum(&self) -> f64 {
        self.sum.get()
    }

    fn fill(&self, histogram: &mut FloatHistogram) {
        histogram.count = self.count.value as u64 as f64;
        histogram.zero_count = self.zero_count.value as u64 as f64;
        histogram.sum = self.sum.get();
        histogram.positive_buckets = absolute_counts(self.positive.iter().map(|bucket| bucket.value));
        histogram.negative_buckets = absolute_counts(self.negative.iter().map(|bucket| bucket.value));
    }
}

#[derive(Debug, Default)]
struct Floats {
    count: XorValue,
    zero_count: XorValue,
    sum: XorValue,
    positive: Vec<XorValue>,
    negative: Vec<XorValue>,
}

impl State for Floats {
    fn first(&mut self, bits: &mut BitReader<'_>, layout: &Layout) -> Option<()> {
        self.count = XorValue::new(bits.try_read(64)?);
        self.zero_count = XorValue::new(bits.try_read(64)?);
        self.sum = XorValue::new(bits.try_read(64)?);
        for (side, length) in [
            (&mut self.positive, layout.positive),
            (&mut self.negative, layout.negative),
        ] {
            for _ in 0..length {
                side.push(XorValue::new(bits.try_read(64)?));
            }
        }
        Some(())
    }

    fn next(&mut self, bits: &mut BitReader<'_>) -> Option<bool> {
        self.count.read(bits)?;
        self.zero_count.read(bits)?;
        self.sum.read(bits)?;
        if is_stale(self.sum.get()) {
            return Some(true);
        }
        let mut buckets = self.positive.iter_mut().chain(&mut self.negative);
        buckets.try_for_each(|bucket| bucket.read(bits))?;
        Some(false)
    }

    fn sum(&self) -> f64 {
        self.sum.get()
    }

    fn fill(&self, histogram: &mut FloatHistogram) {
        histogram.count = self.count.get();
        histogram.zero_count = self.zero_count.get();
        histogram.sum = self.sum.get();
        histogram.positive_buckets = self.positive.iter().map(XorValue::get).collect();
        histogram.negative_buckets = self.negative.iter().map(XorValue::get).collect();
    }
}
