//! `io.prometheus.client.Histogram`: classic buckets, native buckets, or both.

use skopos_core::histogram::{
    ClassicError, ClassicHistogram, ClassicPart, CounterResetHint, FloatHistogram, Span, absolute_counts,
};

use super::PendingExemplar;
use super::message::{exemplar, time_ms};
use crate::histogram::checked;
use crate::protobuf::{Field, ProtobufError, zigzag};

type Read<T> = Result<T, ProtobufError>;

/// The message.
#[derive(Debug, Default)]
pub(super) struct HistogramMessage<'a> {
    count: u64,
    count_float: f64,
    pub(super) sum: f64,
    pub(super) buckets: Vec<BucketMessage<'a>>,
    schema: i32,
    zero_threshold: f64,
    zero_count: u64,
    zero_count_float: f64,
    negative: SideMessage,
    positive: SideMessage,
    pub(super) created_ms: Option<i64>,
    exemplars: Vec<PendingExemplar<'a>>,
}

/// Native buckets of one sign.
#[derive(Debug, Default)]
struct SideMessage {
    spans: Vec<Span>,
    deltas: Vec<i64>,
    counts: Vec<f64>,
}

/// A classic bucket.
#[derive(Debug, Default)]
pub(super) struct BucketMessage<'a> {
    pub(super) cumulative_count: f64,
    pub(super) upper_bound: f64,
    pub(super) exemplar: Option<PendingExemplar<'a>>,
}

impl<'a> HistogramMessage<'a> {
    pub(super) fn read(field: Field<'a>) -> Read<Self> {
        let mut histogram = Self::default();
        let mut fields = field.message()?;
        while let Some(field) = fields.next()? {
            match field.number {
                1 => histogram.count = field.uint()?,
                2 => histogram.sum = field.double()?,
                3 => histogram.buckets.push(BucketMessage::read(field)?),
                4 => histogram.count_float = field.double()?,
                5 => histogram.schema = field.sint32()?,
                6 => histogram.zero_threshold = field.double()?,
                7 => histogram.zero_count = field.uint()?,
                8 => histogram.zero_count_float = field.double()?,
                9 => histogram.negative.spans.push(span(field)?),
                10 => field.varints(|delta| histogram.negative.deltas.push(zigzag(delta)))?,
                11 => field.doubles(&mut histogram.negative.counts)?,
                12 => histogram.positive.spans.push(span(field)?),
                13 => field.varints(|delta| histogram.positive.deltas.push(zigzag(delta)))?,
                14 => field.doubles(&mut histogram.positive.counts)?,
                15 => histogram.created_ms = Some(time_ms(field)?),
                16 => histogram.exemplars.push(exemplar(field)?),
                _ => {}
            }
        }
        Ok(histogram)
    }

    /// Whether there are native buckets. An empty span says so where there is no observation yet.
    pub(super) fn is_native(&self) -> bool {
        !self.positive.spans.is_empty()
            || !self.negative.spans.is_empty()
            || self.zero_threshold > 0.0
            || self.zero_count > 0
            || self.zero_count_float > 0.0
    }

    fn is_float(&self) -> bool {
        self.count_float > 0.0 || self.zero_count_float > 0.0
    }

    /// The native histogram.
    pub(super) fn native(&self, is_gauge: bool) -> Result<FloatHistogram, String> {
        let is_float = self.is_float();
        let counts = |side: &SideMessage| {
            if is_float {
                side.counts.clone()
            } else {
                absolute_counts(side.deltas.iter().copied())
            }
        };
        checked(FloatHistogram {
            counter_reset_hint: hint(is_gauge),
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: if is_float {
                self.zero_count_float
            } else {
                self.zero_count as f64
            },
            count: self.classic_count(),
            sum: self.sum,
            positive_buckets: counts(&self.positive),
            negative_buckets: counts(&self.negative),
            positive_spans: used_spans(&self.positive.spans),
            negative_spans: used_spans(&self.negative.spans),
            custom_values: Vec::new(),
        })
    }

    /// The classic buckets as a native histogram with custom ones.
    pub(super) fn converted(&self, is_gauge: bool) -> Result<FloatHistogram, ClassicError> {
        let mut classic = ClassicHistogram::default();
        classic.set(ClassicPart::Count, self.classic_count());
        classic.set(ClassicPart::Sum, self.sum);
        for bucket in &self.buckets {
            classic.set(ClassicPart::Bucket(bucket.upper_bound), bucket.cumulative_count);
        }
        Ok(FloatHistogram {
            counter_reset_hint: hint(is_gauge),
            ..classic.convert()?
        })
    }

    /// All observations.
    pub(super) fn classic_count(&self) -> f64 {
        if self.is_float() {
            self.count_float
        } else {
            self.count as f64
        }
    }

    /// Exemplars of the native histogram: its own, or else those of classic buckets that have a
    /// time.
    pub(super) fn native_exemplars(&self) -> Vec<PendingExemplar<'a>> {
        if !self.exemplars.is_empty() {
            return self.exemplars.clone();
        }
        let of_buckets = self.buckets.iter().filter_map(|bucket| bucket.exemplar.as_ref());
        of_buckets
            .filter(|exemplar| exemplar.timestamp_ms.is_some())
            .cloned()
            .collect()
    }
}

impl<'a> BucketMessage<'a> {
    fn read(field: Field<'a>) -> Read<Self> {
        let mut bucket = Self::default();
        let mut float = 0.0;
        let mut fields = field.message()?;
        while let Some(field) = fields.next()? {
            match field.number {
                1 => bucket.cumulative_count = field.uint()? as f64,
                2 => bucket.upper_bound = field.double()?,
                3 => bucket.exemplar = Some(exemplar(field)?),
                4 => float = field.double()?,
                _ => {}
            }
        }
        if float > 0.0 {
            bucket.cumulative_count = float;
        }
        Ok(bucket)
    }
}

const fn hint(is_gauge: bool) -> CounterResetHint {
    if is_gauge {
        CounterResetHint::Gauge
    } else {
        CounterResetHint::Unknown
    }
}

fn span(field: Field<'_>) -> Read<Span> {
    let mut span = Span { offset: 0, length: 0 };
    let mut fields = field.message()?;
    while let Some(field) = fields.next()? {
        match field.number {
            1 => span.offset = field.sint32()?,
            2 => span.length = u32::try_from(field.uint()?).map_err(|_| ProtobufError::FieldType(2))?,
            _ => {}
        }
    }
    Ok(span)
}

/// The spans without empty ones; their gaps go to the span that follows.
fn used_spans(sent: &[Span]) -> Vec<Span> {
    let mut spans = Vec::with_capacity(sent.len());
    let mut gap = 0i32;
    for span in sent {
        gap = gap.saturating_add(span.offset);
        if span.length > 0 {
            spans.push(Span {
                offset: gap,
                length: span.length,
            });
            gap = 0;
        }
    }
    spans
}
