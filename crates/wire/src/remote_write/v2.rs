//! `io.prometheus.write.v2.Request` (Remote-Write 2.0): texts stand once in a table of symbols and
//! are referred to by their number.

use std::collections::HashSet;
use std::sync::Arc;

use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::{
    Exemplar, MetricBatch, MetricMetadata, MetricSample, MetricType, MetricValue, PackedFloats, SeriesBatch,
};

use super::proto::HistogramMessage;
use super::read::{self, SampleMessage};
use super::{RemoteWrite, histogram};
use crate::protobuf::{Field, Fields, ProtobufError};

type Read<T> = Result<T, ProtobufError>;

/// Decodes the message. Series that are not valid are left out and counted.
pub(super) fn decode(body: &[u8], floats: PackedFloats) -> Read<RemoteWrite> {
    let symbols = Symbols::read(body)?;
    let mut write = RemoteWrite {
        floats,
        ..RemoteWrite::default()
    };
    let mut families = HashSet::new();
    let mut sent = Sent::default();
    let mut has_loose_floats = false;
    let mut fields = Fields::new(body);
    while let Some(field) = fields.next()? {
        if field.number == 5 {
            sent.read(field, &symbols)?;
            if has_loose_floats || !sent.pack(&mut write, &mut families) {
                has_loose_floats |= !sent.samples.is_empty();
                sent.store(&mut write, &mut families);
            }
        }
    }
    Ok(write)
}

struct Symbols<'a>(Vec<&'a str>);

impl<'a> Symbols<'a> {
    fn read(body: &'a [u8]) -> Read<Self> {
        let mut symbols = Vec::new();
        let mut fields = Fields::new(body);
        while let Some(field) = fields.next()? {
            if field.number == 4 {
                symbols.push(field.text()?);
            }
        }
        match symbols.first() {
            Some(first) if !first.is_empty() => {
                Err(ProtobufError::Reference("the first symbol must be the empty text"))
            }
            _ => Ok(Self(symbols)),
        }
    }

    /// Symbol 0 is the empty text, whether the table says so or is left out.
    fn get(&self, reference: u64) -> Read<&'a str> {
        if reference == 0 {
            return Ok("");
        }
        let index = usize::try_from(reference).ok();
        let symbol = index.and_then(|index| self.0.get(index)).copied();
        symbol.ok_or(ProtobufError::Reference("a reference is beyond the table of symbols"))
    }

    fn pairs(&self, references: &[u64], pairs: &mut Vec<(&'a str, &'a str)>) -> Read<()> {
        let (whole, rest) = references.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(ProtobufError::Reference("a list of label references has an odd length"));
        }
        for [name, value] in whole {
            pairs.push((self.get(*name)?, self.get(*value)?));
        }
        Ok(())
    }
}

/// A `TimeSeries`; its lists are used again for the next.
#[derive(Default)]
struct Sent<'a> {
    references: Vec<u64>,
    labels: Vec<(&'a str, &'a str)>,
    samples: Vec<SampleMessage>,
    histograms: Vec<(HistogramMessage, i64)>,
    exemplars: Vec<Exemplar>,
    metadata: Metadata<'a>,
    /// Of all samples that have none of their own, as drafts of the protocol have it.
    start_ms: i64,
}

#[derive(Clone, Copy, Default)]
struct Metadata<'a> {
    metric_type: MetricType,
    help: &'a str,
    unit: &'a str,
}

impl<'a> Sent<'a> {
    fn read(&mut self, field: Field<'a>, symbols: &Symbols<'a>) -> Read<()> {
        self.references.clear();
        self.labels.clear();
        self.samples.clear();
        self.histograms.clear();
        self.exemplars.clear();
        (self.metadata, self.start_ms) = (Metadata::default(), 0);
        let mut fields = field.message()?;
        while let Some(field) = fields.next()? {
            match field.number {
                1 => field.varints(|reference| self.references.push(reference))?,
                2 => self.samples.push(read::sample(field)?),
                3 => self.histograms.push(read::histogram(field)?),
                4 => self.exemplars.push(exemplar(field, symbols)?),
                5 => self.metadata = metadata(field, symbols)?,
                6 => self.start_ms = field.int()?,
                _ => {}
            }
        }
        symbols.pairs(&self.references, &mut self.labels)
    }

    /// Packs a series of floats alone whose labels are as they must be; `false`, and nothing is
    /// kept, for any other.
    fn pack(&self, write: &mut RemoteWrite, families: &mut HashSet<String>) -> bool {
        let has_starts = self.start_ms != 0 || self.samples.iter().any(|sample| sample.start_ms != 0);
        let is_plain = self.histograms.is_empty() && self.exemplars.is_empty() && !has_starts;
        if !is_plain || self.samples.is_empty() {
            return false;
        }
        for (name, value) in &self.labels {
            write.floats.push_label(name.as_bytes(), value.as_bytes());
        }
        for sample in &self.samples {
            write.floats.push_point(sample.timestamp_ms, sample.value);
        }
        let is_packed = write.floats.end_series();
        if is_packed {
            let name = self.labels.iter().find(|(name, _)| *name == METRIC_NAME);
            self.describe(name.map_or("", |(_, value)| value), &mut write.batch, families);
        }
        is_packed
    }

    fn store(&mut self, write: &mut RemoteWrite, families: &mut HashSet<String>) {
        let count = self.samples.len() + self.histograms.len();
        let labels = match read::series_labels(&mut self.labels) {
            Ok(labels) if count == 0 => {
                let no_samples = || format!("series {labels} has neither samples nor histograms");
                write.report.refuse("no_samples", no_samples);
                return;
            }
            Ok(labels) => labels,
            Err((reason, example)) => {
                for _ in 0..count.max(1) {
                    write.report.refuse(reason, || example.clone());
                }
                return;
            }
        };
        self.describe(labels.metric_name(), &mut write.batch, families);
        let mut series = SeriesBatch {
            samples: Vec::with_capacity(count),
            exemplars: std::mem::take(&mut self.exemplars),
            ..SeriesBatch::default()
        };
        let mut starts = Vec::with_capacity(count);
        for sample in &self.samples {
            starts.push(sample.start_ms);
            series.samples.push(MetricSample {
                timestamp_ms: sample.timestamp_ms,
                value: MetricValue::Float(sample.value),
            });
        }
        for (sent, start_ms) in self.histograms.drain(..) {
            let timestamp_ms = sent.timestamp;
            match histogram::float_histogram(sent) {
                Ok(histogram) => {
                    starts.push(start_ms);
                    series.samples.push(MetricSample {
                        timestamp_ms,
                        value: MetricValue::Histogram(Arc::new(histogram)),
                    });
                }
                Err(reason) => write
                    .report
                    .refuse("invalid_histogram", || format!("{labels}: {reason}")),
            }
        }
        for start_ms in starts.iter_mut().filter(|start_ms| **start_ms == 0) {
            *start_ms = self.start_ms;
        }
        if starts.iter().any(|start_ms| *start_ms != 0) {
            series.start_timestamps_ms = starts;
        }
        if !series.samples.is_empty() {
            series.labels = labels;
            write.batch.series.push(series);
        }
    }

    /// Adds the metadata of the series' family, once in a request.
    fn describe(&self, metric: &str, batch: &mut MetricBatch, families: &mut HashSet<String>) {
        let Metadata {
            metric_type,
            help,
            unit,
        } = self.metadata;
        if metric_type == MetricType::Unknown && help.is_empty() && unit.is_empty() {
            return;
        }
        let family = family(metric, metric_type);
        if !families.contains(family) {
            families.insert(family.to_owned());
            batch.metadata.push(MetricMetadata {
                metric: family.to_owned(),
                metric_type,
                help: help.to_owned(),
                unit: unit.to_owned(),
            });
        }
    }
}

/// The family of a series: its name without what histograms and summaries add.
fn family(name: &str, metric_type: MetricType) -> &str {
    let suffixes: &[&str] = match metric_type {
        MetricType::Histogram | MetricType::GaugeHistogram => &["_bucket", "_count", "_sum", "_gcount", "_gsum"],
        MetricType::Summary => &["_count", "_sum"],
        _ => &[],
    };
    suffixes
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(name)
}

fn exemplar(field: Field<'_>, symbols: &Symbols<'_>) -> Read<Exemplar> {
    let (mut references, mut pairs) = (Vec::new(), Vec::new());
    let (mut value, mut timestamp_ms) = (0.0, 0);
    let mut fields = field.message()?;
    while let Some(field) = fields.next()? {
        match field.number {
            1 => field.varints(|reference| references.push(reference))?,
            2 => value = field.double()?,
            3 => timestamp_ms = field.int()?,
            _ => {}
        }
    }
    symbols.pairs(&references, &mut pairs)?;
    Ok(Exemplar {
        labels: pairs.into_iter().collect(),
        timestamp_ms,
        value,
    })
}

fn metadata<'a>(field: Field<'_>, symbols: &Symbols<'a>) -> Read<Metadata<'a>> {
    let mut metadata = Metadata::default();
    let mut fields = field.message()?;
    while let Some(field) = fields.next()? {
        match field.number {
            1 => metadata.metric_type = read::metric_type(field.uint()?),
            3 => metadata.help = symbols.get(field.uint()?)?,
            4 => metadata.unit = symbols.get(field.uint()?)?,
            _ => {}
        }
    }
    Ok(metadata)
}

#[cfg(test)]
mod tests;
