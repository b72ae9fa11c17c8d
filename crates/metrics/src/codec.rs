//! Small binary pieces shared by log records and parts: varints, texts, floats, histograms.
//!
//! Integers are LEB128, signed ones zig-zag; floats are eight bytes, little endian; texts have
//! their length before them.

use skopos_core::histogram::{CounterResetHint, FloatHistogram, Span};

/// Appends values to bytes.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    /// What was written.
    pub(crate) bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn u64(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    pub(crate) fn i64(&mut self, value: i64) {
        self.u64(((value << 1) ^ (value >> 63)) as u64);
    }

    pub(crate) fn f64(&mut self, value: f64) {
        self.bytes.extend_from_slice(&value.to_bits().to_le_bytes());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.u64(text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn histogram(&mut self, histogram: &FloatHistogram) {
        self.u64(hint_code(histogram.counter_reset_hint));
        self.i64(i64::from(histogram.schema));
        for value in [
            histogram.zero_threshold,
            histogram.zero_count,
            histogram.count,
            histogram.sum,
        ] {
            self.f64(value);
        }
        self.spans(&histogram.positive_spans);
        self.spans(&histogram.negative_spans);
        self.floats(&histogram.positive_buckets);
        self.floats(&histogram.negative_buckets);
        self.floats(&histogram.custom_values);
    }

    fn spans(&mut self, spans: &[Span]) {
        self.u64(spans.len() as u64);
        for span in spans {
            self.i64(i64::from(span.offset));
            self.u64(u64::from(span.length));
        }
    }

    fn floats(&mut self, values: &[f64]) {
        self.u64(values.len() as u64);
        for value in values {
            self.f64(*value);
        }
    }
}

/// Reads what [`Writer`] wrote. Every method gives `None` where the bytes do not hold the value.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Whether everything was read.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    pub(crate) fn i64(&mut self) -> Option<i64> {
        let value = self.u64()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    pub(crate) fn f64(&mut self) -> Option<f64> {
        let (bytes, rest) = self.bytes.split_first_chunk::<8>()?;
        self.bytes = rest;
        Some(f64::from_bits(u64::from_le_bytes(*bytes)))
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let length = self.length()?;
        let (text, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        std::str::from_utf8(text).ok()
    }

    /// A count of items that the remaining bytes can hold at one byte each.
    pub(crate) fn length(&mut self) -> Option<usize> {
        let length = usize::try_from(self.u64()?).ok()?;
        (length <= self.bytes.len()).then_some(length)
    }

    pub(crate) fn histogram(&mut self) -> Option<FloatHistogram> {
        Some(FloatHistogram {
            counter_reset_hint: hint(self.u64()?)?,
            schema: i32::try_from(self.i64()?).ok()?,
            zero_threshold: self.f64()?,
            zero_count: self.f64()?,
            count: self.f64()?,
            sum: self.f64()?,
            positive_spans: self.spans()?,
            negative_spans: self.spans()?,
            positive_buckets: self.floats()?,
            negative_buckets: self.floats()?,
            custom_values: self.floats()?,
        })
    }

    fn spans(&mut self) -> Option<Vec<Span>> {
        let length = self.length()?;
        (0..length)
            .map(|_| {
                Some(Span {
                    offset: i32::try_from(self.i64()?).ok()?,
                    length: u32::try_from(self.u64()?).ok()?,
                })
            })
            .collect()
    }

    fn floats(&mut self) -> Option<Vec<f64>> {
        let length = self.length()?;
        (0..length).map(|_| self.f64()).collect()
    }
}

fn hint_code(hint: CounterResetHint) -> u64 {
    match hint {
        CounterResetHint::Unknown => 0,
        CounterResetHint::Reset => 1,
        CounterResetHint::NotReset => 2,
        CounterResetHint::Gauge => 3,
    }
}

fn hint(code: u64) -> Option<CounterResetHint> {
    Some(match code {
        0 => CounterResetHint::Unknown,
        1 => CounterResetHint::Reset,
        2 => CounterResetHint::NotReset,
        3 => CounterResetHint::Gauge,
        _ => return None,
    })
}
