//! Log records: one per append, whole or not at all.
//!
//! A record holds the tenant, the series that it names for the first time since the log was last
//! cut (reference and labels), and then samples, exemplars and metadata. References are only valid
//! within a log: a later definition of the same reference replaces the earlier one.

use std::sync::Arc;

use skopos_core::metric::{Exemplar, MetricMetadata, MetricType, MetricValue};
use skopos_core::{Labels, TenantId};

use skopos_storage::codec::{Reader, Writer};

use crate::codec::{read_histogram, write_histogram};

const VERSION: u64 = 1;
const FLOAT: u64 = 0;
const HISTOGRAM: u64 = 1;

/// A number that stands for a series in the log.
pub(crate) type SeriesRef = u32;

/// What one append writes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub(crate) tenant: TenantId,
    pub(crate) definitions: Vec<(SeriesRef, Labels)>,
    pub(crate) samples: Vec<(SeriesRef, i64, MetricValue)>,
    pub(crate) exemplars: Vec<(SeriesRef, Exemplar)>,
    pub(crate) metadata: Vec<MetricMetadata>,
}

impl Record {
    /// An empty record of a tenant.
    pub(crate) fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            definitions: Vec::new(),
            samples: Vec::new(),
            exemplars: Vec::new(),
            metadata: Vec::new(),
        }
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.samples.is_empty() && self.exemplars.is_empty() && self.metadata.is_empty()
    }

    /// The record as bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.u64(VERSION);
        out.text(self.tenant.as_str());
        out.u64(self.definitions.len() as u64);
        for (reference, labels) in &self.definitions {
            out.u64(u64::from(*reference));
            out.text(labels.encoded());
        }
        self.encode_samples(&mut out);
        self.encode_exemplars(&mut out);
        out.u64(self.metadata.len() as u64);
        for metadata in &self.metadata {
            out.text(&metadata.metric);
            out.u64(metadata.metric_type as u64);
            out.text(&metadata.help);
            out.text(&metadata.unit);
        }
        out.into_bytes()
    }

    /// Times are differences to the sample before: most samples of a scrape share one.
    fn encode_samples(&self, out: &mut Writer) {
        out.u64(self.samples.len() as u64);
        let mut previous_ms = 0;
        for (reference, timestamp_ms, value) in &self.samples {
            out.u64(u64::from(*reference));
            out.i64(timestamp_ms.wrapping_sub(previous_ms));
            previous_ms = *timestamp_ms;
            match value {
                MetricValue::Float(value) => {
                    out.u64(FLOAT);
                    out.f64(*value);
                }
                MetricValue::Histogram(histogram) => {
                    out.u64(HISTOGRAM);
                    write_histogram(out, histogram);
                }
            }
        }
    }

    fn encode_exemplars(&self, out: &mut Writer) {
        out.u64(self.exemplars.len() as u64);
        for (reference, exemplar) in &self.exemplars {
            out.u64(u64::from(*reference));
            out.text(exemplar.labels.encoded());
            out.i64(exemplar.timestamp_ms);
            out.f64(exemplar.value);
        }
    }

    /// Reads what [`Record::encode`] wrote; `None` for other bytes.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut input = Reader::new(bytes);
        if input.u64()? != VERSION {
            return None;
        }
        let mut record = Self::new(TenantId::new(input.text()?).ok()?);
        for _ in 0..input.length()? {
            let reference = reference(&mut input)?;
            record
                .definitions
                .push((reference, Labels::from_encoded(input.text()?)?));
        }
        decode_samples(&mut input, &mut record)?;
        for _ in 0..input.length()? {
            let reference = reference(&mut input)?;
            let labels = Labels::from_encoded(input.text()?)?;
            let (timestamp_ms, value) = (input.i64()?, input.f64()?);
            record.exemplars.push((
                reference,
                Exemplar {
                    labels,
                    timestamp_ms,
                    value,
                },
            ));
        }
        for _ in 0..input.length()? {
            record.metadata.push(MetricMetadata {
                metric: input.text()?.to_owned(),
                metric_type: metric_type(input.u64()?)?,
                help: input.text()?.to_owned(),
                unit: input.text()?.to_owned(),
            });
        }
        input.is_empty().then_some(record)
    }
}

fn decode_samples(input: &mut Reader<'_>, record: &mut Record) -> Option<()> {
    let mut timestamp_ms = 0i64;
    for _ in 0..input.length()? {
        let reference = reference(input)?;
        timestamp_ms = timestamp_ms.wrapping_add(input.i64()?);
        let value = match input.u64()? {
            FLOAT => MetricValue::Float(input.f64()?),
            HISTOGRAM => MetricValue::Histogram(Arc::new(read_histogram(input)?)),
            _ => return None,
        };
        record.samples.push((reference, timestamp_ms, value));
    }
    Some(())
}

fn reference(input: &mut Reader<'_>) -> Option<SeriesRef> {
    SeriesRef::try_from(input.u64()?).ok()
}

fn metric_type(code: u64) -> Option<MetricType> {
    [
        MetricType::Unknown,
        MetricType::Counter,
        MetricType::Gauge,
        MetricType::Histogram,
        MetricType::GaugeHistogram,
        MetricType::Summary,
        MetricType::Info,
        MetricType::StateSet,
    ]
    .into_iter()
    .find(|candidate| *candidate as u64 == code)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use skopos_core::histogram::{FloatHistogram, Span};

    use super::*;

    fn example() -> Record {
        let labels = Labels::from_pairs([("__name__", "up"), ("job", "a")]);
        let histogram = FloatHistogram {
            schema: 3,
            count: 4.0,
            positive_spans: vec![Span { offset: -2, length: 1 }],
            positive_buckets: vec![4.0],
            ..FloatHistogram::default()
        };
        Record {
            tenant: TenantId::default(),
            definitions: vec![(7, labels.clone())],
            samples: vec![
                (7, 1000, MetricValue::Float(1.5)),
                (7, 900, MetricValue::Histogram(Arc::new(histogram))),
            ],
            exemplars: vec![(
                7,
                Exemplar {
                    labels,
                    timestamp_ms: 5,
                    value: 2.0,
                },
            )],
            metadata: vec![MetricMetadata {
                metric: "up".into(),
                metric_type: MetricType::Gauge,
                help: "h".into(),
                unit: String::new(),
            }],
        }
    }

    #[test]
    fn records_come_back_and_torn_ones_do_not() {
        let bytes = example().encode();
        assert_eq!(Record::decode(&bytes), Some(example()));
        for end in 0..bytes.len() {
            assert_eq!(Record::decode(&bytes[..end]), None);
        }
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(Record::decode(&bytes));
        }
    }
}
