//! The messages that both versions share, read without copying texts.

use skopos_core::Labels;
use skopos_core::metric::MetricType;

use super::proto::{BucketSpan, HistogramMessage};
use crate::protobuf::{Field, ProtobufError, zigzag};

type Read<T> = Result<T, ProtobufError>;

/// Why a series is not valid: a name for the ledger and a text for the sender.
pub(super) type InvalidSeries = (&'static str, String);

/// A float sample.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SampleMessage {
    pub(super) value: f64,
    pub(super) timestamp_ms: i64,
    /// 0 where unknown; version 2 alone has it.
    pub(super) start_ms: i64,
}

/// `Sample` of either version.
pub(super) fn sample(field: Field<'_>) -> Read<SampleMessage> {
    let mut sample = SampleMessage::default();
    let mut fields = field.message()?;
    while let Some(field) = fields.next()? {
        match field.number {
            1 => sample.value = field.double()?,
            2 => sample.timestamp_ms = field.int()?,
            3 => sample.start_ms = field.int()?,
            _ => {}
        }
    }
    Ok(sample)
}

/// A text of bytes.
pub(super) fn text(bytes: &[u8]) -> Read<&str> {
    str::from_utf8(bytes).map_err(|_| ProtobufError::Utf8)
}

/// A histogram and the start of its counting in milliseconds, 0 where unknown.
pub(super) fn histogram(field: Field<'_>) -> Read<(HistogramMessage, i64)> {
    let mut histogram = HistogramMessage::default();
    let mut start_ms = 0;
    let mut fields = field.message()?;
    while let Some(field) = fields.next()? {
        match field.number {
            1 => histogram.count_int = Some(field.uint()?),
            2 => histogram.count_float = Some(field.double()?),
            3 => histogram.sum = field.double()?,
            4 => histogram.schema = field.sint32()?,
            5 => histogram.zero_threshold = field.double()?,
            6 => histogram.zero_count_int = Some(field.uint()?),
            7 => histogram.zero_count_float = Some(field.double()?),
            8 => histogram.negative_spans.push(span(field)?),
            9 => field.varints(|delta| histogram.negative_deltas.push(zigzag(delta)))?,
            10 => field.doubles(&mut histogram.negative_counts)?,
            11 => histogram.positive_spans.push(span(field)?),
            12 => field.varints(|delta| histogram.positive_deltas.push(zigzag(delta)))?,
            13 => field.doubles(&mut histogram.positive_counts)?,
            14 => histogram.reset_hint = field.int()? as i32,
            15 => histogram.timestamp = field.int()?,
            16 => field.doubles(&mut histogram.custom_values)?,
            17 => start_ms = field.int()?,
            _ => {}
        }
    }
    Ok((histogram, start_ms))
}

fn span(field: Field<'_>) -> Read<BucketSpan> {
    let mut span = BucketSpan::default();
    let mut fields = field.message()?;
    while let Some(field) = fields.next()? {
        match field.number {
            1 => span.offset = field.sint32()?,
            2 => span.length = field.uint()? as u32,
            _ => {}
        }
    }
    Ok(span)
}

/// The type of a family. Both versions number them alike.
pub(super) const fn metric_type(number: u64) -> MetricType {
    match number {
        1 => MetricType::Counter,
        2 => MetricType::Gauge,
        3 => MetricType::Histogram,
        4 => MetricType::GaugeHistogram,
        5 => MetricType::Summary,
        6 => MetricType::Info,
        7 => MetricType::StateSet,
        _ => MetricType::Unknown,
    }
}

/// The labels of a series. `pairs` is put in order.
pub(super) fn series_labels(pairs: &mut Vec<(&str, &str)>) -> Result<Labels, InvalidSeries> {
    let is_sorted = pairs.is_sorted_by(|a, b| a.0 < b.0);
    if !is_sorted {
        pairs.sort_by(|a, b| a.0.cmp(b.0));
        let repeated = pairs.iter().zip(pairs.iter().skip(1)).find(|(a, b)| a.0 == b.0);
        if let Some(((name, _), _)) = repeated {
            return Err(("duplicate_label_names", format!("label name {name:?} is not unique")));
        }
    }
    pairs.retain(|(_, value)| !value.is_empty());
    let labels = Labels::from_sorted_pairs(pairs.iter().copied()).unwrap_or_default();
    if labels.metric_name().is_empty() {
        return Err((
            "missing_metric_name",
            format!("invalid metric name or labels, got {labels}"),
        ));
    }
    Ok(labels)
}
