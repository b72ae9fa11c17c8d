//! Bodies in the protobuf format.

use std::sync::Arc;

use skopos_core::histogram::FloatHistogram;
use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::{MetricSample, MetricValue, SeriesBatch};
use skopos_wire::exposition::{ProtobufEntry, ProtobufSample, ReadEnd, read_families};

use super::{Admitted, CreatedZeros, IngestError, Ingested, Ingester, fits};

impl Ingester {
    pub(super) fn protobuf(&mut self, body: &[u8], scrape_ms: i64, ingested: &mut Ingested) -> Result<(), IngestError> {
        let choice = self.rules.histograms;
        let read = read_families(body, choice, |entry| match entry {
            ProtobufEntry::Metadata(text) => {
                self.metadata_line(text);
                Ok(())
            }
            ProtobufEntry::Sample(sample) => self.protobuf_sample(sample, scrape_ms, ingested),
        });
        read.map_err(|end| match end {
            ReadEnd::Broken(error) => IngestError::Parse(format!("invalid protobuf: {error}")),
            ReadEnd::Invalid(reason) => IngestError::Parse(reason),
            ReadEnd::Refused(error) => error,
        })
    }

    fn protobuf_sample(
        &mut self,
        mut sample: ProtobufSample<'_>,
        scrape_ms: i64,
        ingested: &mut Ingested,
    ) -> Result<(), IngestError> {
        let read = || {
            let name = [(METRIC_NAME, sample.name)].into_iter();
            let pairs = name.chain(sample.labels.iter().copied()).chain(sample.extra);
            Ok(pairs.map(|(name, text)| (name.into(), text.into())).collect())
        };
        let Some(Admitted {
            labels,
            timestamp_ms,
            is_again,
        }) = self.admit(sample.key, sample.timestamp_ms, read, scrape_ms, ingested)?
        else {
            return Ok(());
        };
        if let MetricValue::Float(value) = sample.value
            && sample.created_ms.is_none()
            && sample.exemplars.is_empty()
            && !is_again
        {
            ingested.floats.push(&labels, timestamp_ms, value);
            return Ok(());
        }
        if let MetricValue::Histogram(histogram) = &mut sample.value {
            self.rules.native_limits.apply(Arc::make_mut(histogram))?;
        }
        if let Some(created_ms) = sample
            .created_ms
            .filter(|_| self.rules.created_zeros == CreatedZeros::On)
        {
            let zero = zero(&sample.value);
            self.begin(sample.key, &labels, created_ms, timestamp_ms, zero, ingested);
        }
        let exemplars = sample.exemplars.iter();
        ingested.batch.series.push(SeriesBatch {
            labels,
            start_timestamps_ms: sample.created_ms.into_iter().collect(),
            exemplars: exemplars
                .filter(|exemplar| fits(exemplar.labels.iter().copied()))
                .map(|exemplar| exemplar.at(timestamp_ms))
                .collect(),
            samples: vec![MetricSample {
                timestamp_ms,
                value: sample.value,
            }],
        });
        Ok(())
    }
}

/// What a series begins with: a histogram keeps its shape.
fn zero(value: &MetricValue) -> MetricValue {
    match value {
        MetricValue::Float(_) => MetricValue::Float(0.0),
        MetricValue::Histogram(histogram) => MetricValue::Histogram(Arc::new(FloatHistogram {
            counter_reset_hint: histogram.counter_reset_hint,
            schema: histogram.schema,
            zero_threshold: histogram.zero_threshold,
            custom_values: histogram.custom_values.clone(),
            ..FloatHistogram::default()
        })),
    }
}
