//! The messages of `io/prometheus/client/metrics.proto`, borrowing from the body.

use skopos_core::metric::MetricType;

use super::PendingExemplar;
use super::histogram::HistogramMessage;
use crate::exposition::parser::MetadataText;
use crate::protobuf::{Field, Fields, ProtobufError};

type Read<T> = Result<T, ProtobufError>;

/// A family. Its metrics are read when their turn comes.
#[derive(Debug)]
pub(super) struct FamilyMessage<'a> {
    pub(super) name: &'a str,
    help: &'a str,
    unit: &'a str,
    pub(super) metric_type: MetricType,
    pub(super) metrics: Vec<&'a [u8]>,
}

impl<'a> FamilyMessage<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Read<Self> {
        let mut family = Self {
            name: "",
            help: "",
            unit: "",
            // The default of the enum.
            metric_type: MetricType::Counter,
            metrics: Vec::new(),
        };
        let mut fields = Fields::new(bytes);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => family.name = field.text()?,
                2 => family.help = field.text()?,
                3 => family.metric_type = metric_type(field.uint()?),
                4 => family.metrics.push(field.bytes()?),
                5 => family.unit = field.text()?,
                _ => {}
            }
        }
        Ok(family)
    }

    pub(super) fn metadata(&self) -> impl Iterator<Item = MetadataText<'a>> {
        let metric = self.name;
        let help = (!self.help.is_empty()).then(|| MetadataText::Help {
            metric: metric.into(),
            help: self.help.into(),
        });
        let unit = (!self.unit.is_empty()).then(|| MetadataText::Unit {
            metric: metric.into(),
            unit: self.unit.into(),
        });
        let metric_type = MetadataText::Type {
            metric: metric.into(),
            metric_type: self.metric_type,
        };
        help.into_iter().chain([metric_type]).chain(unit)
    }
}

const fn metric_type(number: u64) -> MetricType {
    match number {
        0 => MetricType::Counter,
        1 => MetricType::Gauge,
        2 => MetricType::Summary,
        4 => MetricType::Histogram,
        5 => MetricType::GaugeHistogram,
        _ => MetricType::Unknown,
    }
}

/// A metric: labels, a time, and the value of one of the types.
#[derive(Debug, Default)]
pub(super) struct MetricMessage<'a> {
    pub(super) labels: Vec<(&'a str, &'a str)>,
    pub(super) gauge: Option<f64>,
    pub(super) untyped: Option<f64>,
    pub(super) counter: Option<CounterMessage<'a>>,
    pub(super) summary: Option<SummaryMessage>,
    pub(super) histogram: Option<Box<HistogramMessage<'a>>>,
    pub(super) timestamp_ms: Option<i64>,
}

impl<'a> MetricMessage<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Read<Self> {
        let mut metric = Self::default();
        let mut fields = Fields::new(bytes);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => metric.labels.push(label(field)?),
                2 => metric.gauge = Some(plain_value(field)?),
                3 => metric.counter = Some(CounterMessage::read(field)?),
                4 => metric.summary = Some(SummaryMessage::read(field)?),
                5 => metric.untyped = Some(plain_value(field)?),
                6 => metric.timestamp_ms = Some(field.int()?).filter(|time| *time != 0),
                7 => metric.histogram = Some(Box::new(HistogramMessage::read(field)?)),
                _ => {}
            }
        }
        Ok(metric)
    }
}

/// A counter.
#[derive(Debug, Default)]
pub(super) struct CounterMessage<'a> {
    pub(super) value: f64,
    pub(super) exemplar: Option<PendingExemplar<'a>>,
    pub(super) created_ms: Option<i64>,
}

impl<'a> CounterMessage<'a> {
    fn read(field: Field<'a>) -> Read<Self> {
        let mut counter = Self::default();
        let mut fields = field.message()?;
        while let Some(field) = fields.next()? {
            match field.number {
                1 => counter.value = field.double()?,
                2 => counter.exemplar = Some(exemplar(field)?),
                3 => counter.created_ms = Some(time_ms(field)?),
                _ => {}
            }
        }
        Ok(counter)
    }
}

/// A summary.
#[derive(Debug, Default)]
pub(super) struct SummaryMessage {
    pub(super) count: u64,
    pub(super) sum: f64,
    pub(super) quantiles: Vec<(f64, f64)>,
    pub(super) created_ms: Option<i64>,
}

impl SummaryMessage {
    fn read(field: Field<'_>) -> Read<Self> {
        let mut summary = Self::default();
        let mut fields = field.message()?;
        while let Some(field) = fields.next()? {
            match field.number {
                1 => summary.count = field.uint()?,
                2 => summary.sum = field.double()?,
                3 => summary.quantiles.push(quantile(field)?),
                4 => summary.created_ms = Some(time_ms(field)?),
                _ => {}
            }
        }
        Ok(summary)
    }
}

fn quantile(field: Field<'_>) -> Read<(f64, f64)> {
    let (mut quantile, mut value) = (0.0, 0.0);
    let mut fields = field.message()?;
    while let Some(field) = fields.next()? {
        match field.number {
            1 => quantile = field.double()?,
            2 => value = field.double()?,
            _ => {}
        }
    }
    Ok((quantile, value))
}

/// The value of `Gauge` and `Untyped`.
fn plain_value(field: Field<'_>) -> Read<f64> {
    let mut value = 0.0;
    let mut fields = field.message()?;
    while let Some(field) = fields.next()? {
        if field.number == 1 {
            value = field.double()?;
        }
    }
    Ok(value)
}

fn label(field: Field<'_>) -> Read<(&str, &str)> {
    let (mut name, mut value) = ("", "");
    let mut fields = field.message()?;
    while let Some(field) = fields.next()? {
        match field.number {
            1 => name = field.text()?,
            2 => value = field.text()?,
            _ => {}
        }
    }
    Ok((name, value))
}

pub(super) fn exemplar(field: Field<'_>) -> Read<PendingExemplar<'_>> {
    let mut exemplar = PendingExemplar {
        labels: Vec::new(),
        value: 0.0,
        timestamp_ms: None,
    };
    let mut fields = field.message()?;
    while let Some(field) = fields.next()? {
        match field.number {
            1 => exemplar.labels.push(label(field)?),
            2 => exemplar.value = field.double()?,
            3 => exemplar.timestamp_ms = Some(time_ms(field)?),
            _ => {}
        }
    }
    Ok(exemplar)
}

/// `google.protobuf.Timestamp` in milliseconds.
pub(super) fn time_ms(field: Field<'_>) -> Read<i64> {
    let (mut seconds, mut nanos) = (0i64, 0i64);
    let mut fields = field.message()?;
    while let Some(field) = fields.next()? {
        match field.number {
            1 => seconds = field.int()?,
            2 => nanos = field.int()?,
            _ => {}
        }
    }
    Ok(seconds.saturating_mul(1000).saturating_add(nanos / 1_000_000))
}
