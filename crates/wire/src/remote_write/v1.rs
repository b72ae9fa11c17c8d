//! `prometheus.WriteRequest`.

use std::sync::Arc;

use skopos_core::metric::{Exemplar, MetricMetadata, MetricSample, MetricType, MetricValue, PackedFloats, SeriesBatch};

use super::proto::HistogramMessage;
use super::read::{self, SampleMessage};
use super::{RemoteWrite, histogram};
use crate::protobuf::{Field, Fields, ProtobufError};

type Read<T> = Result<T, ProtobufError>;

/// Decodes the message.
pub(super) fn decode(body: &[u8], floats: PackedFloats) -> Read<RemoteWrite> {
    let mut write = RemoteWrite {
        floats,
        ..RemoteWrite::default()
    };
    let mut sent = Sent::default();
    let mut has_loose_floats = false;
    let mut fields = Fields::new(body);
    while let Some(field) = fields.next()? {
        match field.number {
            1 if !has_loose_floats && pack(field, &mut write.floats)? => {}
            1 => {
                sent.read(field)?;
                has_loose_floats |= !sent.samples.is_empty();
                sent.store(&mut write);
            }
            3 => write.batch.metadata.push(metadata(field)?),
            _ => {}
        }
    }
    if !write.floats.is_utf8() {
        return Err(ProtobufError::Utf8);
    }
    Ok(write)
}

/// Packs a series of floats alone whose labels are as they must be; `false`, and nothing is kept,
/// for any other.
fn pack(series: Field<'_>, floats: &mut PackedFloats) -> Read<bool> {
    let mut points = 0;
    let mut fields = series.message()?;
    while let Some(field) = fields.next()? {
        match field.number {
            1 => {
                let (name, value) = label_bytes(field)?;
                floats.push_label(name, value);
            }
            2 => {
                let sample = read::sample(field)?;
                floats.push_point(sample.timestamp_ms, sample.value);
                points += 1;
            }
            3 | 4 => {
                floats.take_back();
                return Ok(false);
            }
            _ => {}
        }
    }
    if points == 0 {
        floats.take_back();
        return Ok(false);
    }
    Ok(floats.end_series())
}

/// A `TimeSeries`; its lists are used again for the next.
#[derive(Default)]
struct Sent<'a> {
    labels: Vec<(&'a str, &'a str)>,
    samples: Vec<SampleMessage>,
    exemplars: Vec<Exemplar>,
    histograms: Vec<HistogramMessage>,
}

impl<'a> Sent<'a> {
    fn read(&mut self, field: Field<'a>) -> Read<()> {
        self.labels.clear();
        self.samples.clear();
        self.exemplars.clear();
        self.histograms.clear();
        let mut fields = field.message()?;
        while let Some(field) = fields.next()? {
            match field.number {
                1 => self.labels.push(label(field)?),
                2 => self.samples.push(read::sample(field)?),
                3 => self.exemplars.push(exemplar(field)?),
                4 => self.histograms.push(read::histogram(field)?.0),
                _ => {}
            }
        }
        Ok(())
    }

    fn store(&mut self, write: &mut RemoteWrite) {
        let labels = match read::series_labels(&mut self.labels) {
            Ok(labels) => labels,
            Err((reason, example)) => {
                for _ in 0..self.samples.len() + self.histograms.len() {
                    write.report.refuse(reason, || example.clone());
                }
                return;
            }
        };
        let mut samples = Vec::with_capacity(self.samples.len() + self.histograms.len());
        samples.extend(self.samples.iter().map(|sample| MetricSample {
            timestamp_ms: sample.timestamp_ms,
            value: MetricValue::Float(sample.value),
        }));
        for sent in self.histograms.drain(..) {
            let timestamp_ms = sent.timestamp;
            match histogram::float_histogram(sent) {
                Ok(histogram) => samples.push(MetricSample {
                    timestamp_ms,
                    value: MetricValue::Histogram(Arc::new(histogram)),
                }),
                Err(reason) => write
                    .report
                    .refuse("invalid_histogram", || format!("{labels}: {reason}")),
            }
        }
        if !samples.is_empty() || !self.exemplars.is_empty() {
            write.batch.series.push(SeriesBatch {
                labels,
                samples,
                exemplars: std::mem::take(&mut self.exemplars),
                ..SeriesBatch::default()
            });
        }
    }
}

fn label(field: Field<'_>) -> Read<(&str, &str)> {
    let (name, value) = label_bytes(field)?;
    Ok((read::text(name)?, read::text(value)?))
}

fn label_bytes(field: Field<'_>) -> Read<(&[u8], &[u8])> {
    let (mut name, mut value) = (&[][..], &[][..]);
    let mut fields = field.message()?;
    while let Some(field) = fields.next()? {
        match field.number {
            1 => name = field.bytes()?,
            2 => value = field.bytes()?,
            _ => {}
        }
    }
    Ok((name, value))
}

fn exemplar(field: Field<'_>) -> Read<Exemplar> {
    let mut pairs = Vec::new();
    let (mut value, mut timestamp_ms) = (0.0, 0);
    let mut fields = field.message()?;
    while let Some(field) = fields.next()? {
        match field.number {
            1 => pairs.push(label(field)?),
            2 => value = field.double()?,
            3 => timestamp_ms = field.int()?,
            _ => {}
        }
    }
    Ok(Exemplar {
        labels: pairs.into_iter().collect(),
        timestamp_ms,
        value,
    })
}

fn metadata(field: Field<'_>) -> Read<MetricMetadata> {
    let mut metadata = MetricMetadata {
        metric: String::new(),
        metric_type: MetricType::Unknown,
        help: String::new(),
        unit: String::new(),
    };
    let mut fields = field.message()?;
    while let Some(field) = fields.next()? {
        match field.number {
            1 => metadata.metric_type = read::metric_type(field.uint()?),
            2 => field.text()?.clone_into(&mut metadata.metric),
            4 => field.text()?.clone_into(&mut metadata.help),
            5 => field.text()?.clone_into(&mut metadata.unit),
            _ => {}
        }
    }
    Ok(metadata)
}
