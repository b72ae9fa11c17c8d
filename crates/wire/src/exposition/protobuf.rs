//! The protobuf format: `io.prometheus.client.MetricFamily` messages, each preceded by its length.
//!
//! A family's metrics are given sample by sample, as Prometheus' scraper makes series of them
//! (`model/textparse/protobufparse.go`): a histogram with native buckets is one sample, a classic
//! one is `_count`, `_sum` and one `_bucket` for each bound, or a native one with custom buckets. Names and label values borrow from the
//! body; a sample's key and labels live until the next one.

mod histogram;
mod message;

use std::sync::Arc;

use skopos_core::histogram::{ClassicError, FloatHistogram};
use skopos_core::metric::{Exemplar, MetricType, MetricValue};

use self::histogram::HistogramMessage;
use self::message::{FamilyMessage, MetricMessage};
use super::parser::MetadataText;
use crate::number::format_openmetrics_float;
use crate::protobuf::{Fields, ProtobufError};

/// What of histograms with native and classic buckets is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistogramChoice {
    /// Native buckets (`scrape_native_histograms`); without it they are passed over.
    pub native: bool,
    /// Classic buckets, even where there are native ones (`always_scrape_classic_histograms`).
    pub always_classic: bool,
    /// What is made of classic buckets.
    pub convert: ConvertClassic,
}

/// Whether classic histograms become native ones with custom buckets
/// (`convert_classic_histograms_to_nhcb`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConvertClassic {
    /// They do.
    On,
    /// They stay what they are.
    #[default]
    Off,
}

/// A sample of a metric.
#[derive(Debug, Clone)]
pub struct ProtobufSample<'s> {
    /// Bytes that stand for the series: equal for equal series written alike, as they are from
    /// scrape to scrape.
    pub key: &'s [u8],
    /// The name of the series, with its suffix.
    pub name: &'s str,
    /// The labels as sent, without the name.
    pub labels: &'s [(&'s str, &'s str)],
    /// `le` or `quantile`.
    pub extra: Option<(&'static str, &'s str)>,
    /// The value.
    pub value: MetricValue,
    /// Milliseconds since the Unix epoch, where the target says it.
    pub timestamp_ms: Option<i64>,
    /// Exemplars; one without a time has that of the sample, given in [`ProtobufSample::exemplars`].
    pub exemplars: &'s [PendingExemplar<'s>],
    /// When counting began, in milliseconds since the Unix epoch.
    pub created_ms: Option<i64>,
    /// The family's type.
    pub metric_type: MetricType,
}

/// An exemplar as sent.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingExemplar<'a> {
    /// Its labels.
    pub labels: Vec<(&'a str, &'a str)>,
    /// The observed value.
    pub value: f64,
    /// Milliseconds since the Unix epoch, where it has a time.
    pub timestamp_ms: Option<i64>,
}

impl PendingExemplar<'_> {
    /// The exemplar; `sample_ms` stands in for a missing time.
    pub fn at(&self, sample_ms: i64) -> Exemplar {
        Exemplar {
            labels: self.labels.iter().copied().collect(),
            timestamp_ms: self.timestamp_ms.unwrap_or(sample_ms),
            value: self.value,
        }
    }
}

/// What a body holds.
#[derive(Debug, Clone)]
pub enum ProtobufEntry<'s> {
    /// Help, type or unit of a family.
    Metadata(MetadataText<'s>),
    /// A sample.
    Sample(ProtobufSample<'s>),
    /// Classic buckets that contradict one another make no native histogram.
    Broken(ClassicError),
}

/// Why reading ended: the body is broken, or who takes the entries refused one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadEnd<E> {
    /// The body is no delimited `MetricFamily` messages.
    Broken(ProtobufError),
    /// A metric contradicts itself or its family.
    Invalid(String),
    /// The taker's own error.
    Refused(E),
}

impl<E> From<ProtobufError> for ReadEnd<E> {
    fn from(error: ProtobufError) -> Self {
        Self::Broken(error)
    }
}

/// Gives each entry of `body` to `take`, in order, until the end or the first error.
pub fn read_families<E>(
    body: &[u8],
    choice: HistogramChoice,
    mut take: impl FnMut(ProtobufEntry<'_>) -> Result<(), E>,
) -> Result<(), ReadEnd<E>> {
    let mut messages = Fields::new(body);
    while let Some(message) = messages.delimited() {
        let family = FamilyMessage::read(message?)?;
        if family.name.is_empty() {
            return Err(ReadEnd::Invalid("metric family has no name".to_owned()));
        }
        let mut give = |entry: ProtobufEntry<'_>| take(entry).map_err(ReadEnd::Refused);
        for text in family.metadata() {
            give(ProtobufEntry::Metadata(text))?;
        }
        let mut reader = FamilyReader {
            family: &family,
            choice,
            key: Vec::new(),
            name: String::new(),
        };
        for metric in &family.metrics {
            reader.metric(metric, &mut give)?;
        }
    }
    Ok(())
}

type Give<'g, E> = dyn FnMut(ProtobufEntry<'_>) -> Result<(), ReadEnd<E>> + 'g;

struct FamilyReader<'f> {
    family: &'f FamilyMessage<'f>,
    choice: HistogramChoice,
    key: Vec<u8>,
    name: String,
}

/// What differs from sample to sample of a metric.
struct Part<'p> {
    suffix: &'static str,
    extra: Option<(&'static str, &'p str)>,
    value: MetricValue,
    exemplars: &'p [PendingExemplar<'p>],
}

impl<'p> Part<'p> {
    fn float(suffix: &'static str, value: f64) -> Self {
        // Any NaN becomes the ordinary one, so that none is taken for the staleness marker.
        let value = if value.is_nan() { f64::NAN } else { value };
        Self {
            suffix,
            extra: None,
            value: MetricValue::Float(value),
            exemplars: &[],
        }
    }

    fn with(self, name: &'static str, text: &'p str) -> Self {
        Self {
            extra: Some((name, text)),
            ..self
        }
    }
}

impl FamilyReader<'_> {
    fn metric<E>(&mut self, bytes: &[u8], give: &mut Give<'_, E>) -> Result<(), ReadEnd<E>> {
        let metric = MetricMessage::read(bytes)?;
        let lacks = |what: &str| ReadEnd::Invalid(format!("metric of family {:?} has no {what}", self.family.name));
        match self.family.metric_type {
            MetricType::Counter => {
                let counter = metric.counter.as_ref().ok_or_else(|| lacks("counter"))?;
                let exemplars = counter.exemplar.as_slice();
                let part = Part {
                    exemplars,
                    ..Part::float("", counter.value)
                };
                self.give(&metric, &part, counter.created_ms, give)
            }
            MetricType::Gauge => {
                let value = metric.gauge.ok_or_else(|| lacks("gauge"))?;
                self.give(&metric, &Part::float("", value), None, give)
            }
            MetricType::Summary => self.summary(&metric, give),
            MetricType::Histogram | MetricType::GaugeHistogram => self.histogram(&metric, give),
            MetricType::Unknown | MetricType::Info | MetricType::StateSet => {
                let value = metric.untyped.ok_or_else(|| lacks("untyped value"))?;
                self.give(&metric, &Part::float("", value), None, give)
            }
        }
    }

    fn summary<E>(&mut self, metric: &MetricMessage<'_>, give: &mut Give<'_, E>) -> Result<(), ReadEnd<E>> {
        let Some(summary) = &metric.summary else {
            return Err(ReadEnd::Invalid(format!(
                "metric of family {:?} has no summary",
                self.family.name
            )));
        };
        let created_ms = summary.created_ms;
        self.give(metric, &Part::float("_count", summary.count as f64), created_ms, give)?;
        self.give(metric, &Part::float("_sum", summary.sum), created_ms, give)?;
        for (quantile, value) in &summary.quantiles {
            let text = format_openmetrics_float(*quantile);
            self.give(
                metric,
                &Part::float("", *value).with("quantile", &text),
                created_ms,
                give,
            )?;
        }
        Ok(())
    }

    fn histogram<E>(&mut self, metric: &MetricMessage<'_>, give: &mut Give<'_, E>) -> Result<(), ReadEnd<E>> {
        let Some(sent) = &metric.histogram else {
            return Err(ReadEnd::Invalid(format!(
                "metric of family {:?} has no histogram",
                self.family.name
            )));
        };
        let is_gauge = self.family.metric_type == MetricType::GaugeHistogram;
        let is_native = self.choice.native && sent.is_native();
        if is_native {
            let value = sent
                .native(is_gauge)
                .map_err(|reason| ReadEnd::Invalid(format!("histogram of family {:?}: {reason}", self.family.name)))?;
            self.whole(metric, sent, value, give)?;
        }
        let converts = !is_native && self.choice.convert == ConvertClassic::On;
        let gives_classic = if is_native {
            self.choice.always_classic && !sent.buckets.is_empty()
        } else {
            self.choice.always_classic || !converts
        };
        if gives_classic {
            self.classic(metric, sent, give)?;
        }
        if converts {
            match sent.converted(is_gauge) {
                Ok(value) => self.whole(metric, sent, value, give)?,
                Err(error) => give(ProtobufEntry::Broken(error))?,
            }
        }
        Ok(())
    }

    /// A histogram as one sample.
    fn whole<E>(
        &mut self,
        metric: &MetricMessage<'_>,
        sent: &HistogramMessage<'_>,
        value: FloatHistogram,
        give: &mut Give<'_, E>,
    ) -> Result<(), ReadEnd<E>> {
        let exemplars = sent.native_exemplars();
        let part = Part {
            value: MetricValue::Histogram(Arc::new(value)),
            exemplars: &exemplars,
            ..Part::float("", 0.0)
        };
        self.give(metric, &part, sent.created_ms, give)
    }

    /// A histogram as count, sum and buckets.
    fn classic<E>(
        &mut self,
        metric: &MetricMessage<'_>,
        sent: &HistogramMessage<'_>,
        give: &mut Give<'_, E>,
    ) -> Result<(), ReadEnd<E>> {
        let created_ms = sent.created_ms;
        self.give(metric, &Part::float("_count", sent.classic_count()), created_ms, give)?;
        self.give(metric, &Part::float("_sum", sent.sum), created_ms, give)?;
        let mut has_infinity = false;
        for bucket in &sent.buckets {
            has_infinity |= bucket.upper_bound == f64::INFINITY;
            let text = format_openmetrics_float(bucket.upper_bound);
            let part = Part {
                exemplars: bucket.exemplar.as_slice(),
                ..Part::float("_bucket", bucket.cumulative_count).with("le", &text)
            };
            self.give(metric, &part, created_ms, give)?;
        }
        if !has_infinity {
            let part = Part::float("_bucket", sent.classic_count()).with("le", "+Inf");
            self.give(metric, &part, created_ms, give)?;
        }
        Ok(())
    }

    fn give<E>(
        &mut self,
        metric: &MetricMessage<'_>,
        part: &Part<'_>,
        created_ms: Option<i64>,
        give: &mut Give<'_, E>,
    ) -> Result<(), ReadEnd<E>> {
        self.name.clear();
        self.name.push_str(self.family.name);
        self.name.push_str(part.suffix);
        self.set_key(metric, part);
        give(ProtobufEntry::Sample(ProtobufSample {
            key: &self.key,
            name: &self.name,
            labels: &metric.labels,
            extra: part.extra,
            value: part.value.clone(),
            timestamp_ms: metric.timestamp_ms,
            exemplars: part.exemplars,
            created_ms,
            metric_type: self.family.metric_type,
        }))
    }

    /// Name, extra label and labels, each text with its length, so that no two series share a key.
    fn set_key(&mut self, metric: &MetricMessage<'_>, part: &Part<'_>) {
        self.key.clear();
        let mut push = |text: &str| {
            self.key.extend_from_slice(&(text.len() as u32).to_le_bytes());
            self.key.extend_from_slice(text.as_bytes());
        };
        push(&self.name);
        push(part.extra.map_or("", |(_, text)| text));
        for (name, text) in &metric.labels {
            push(name);
            push(text);
        }
    }
}

#[cfg(test)]
mod tests;
