//! Bodies in the protobuf format.

use skopos_core::labels::METRIC_NAME;
use skopos_wire::exposition::{ProtobufEntry, ProtobufSample, ReadEnd, read_families};

use super::{Details, Incoming, IngestError, Ingested, Ingester, fits};

impl Ingester {
    pub(super) fn protobuf(&mut self, body: &[u8], scrape_ms: i64, ingested: &mut Ingested) -> Result<(), IngestError> {
        let choice = self.rules.histograms;
        let read = read_families(body, choice, |entry| match entry {
            ProtobufEntry::Metadata(text) => {
                self.metadata_line(text);
                Ok(())
            }
            ProtobufEntry::Broken(error) => {
                tracing::debug!(%error, "a classic histogram makes no native one");
                ingested.unconverted += 1;
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
        sample: ProtobufSample<'_>,
        scrape_ms: i64,
        ingested: &mut Ingested,
    ) -> Result<(), IngestError> {
        let incoming = Incoming {
            key: sample.key,
            told_ms: sample.timestamp_ms,
            value: sample.value,
        };
        let read = || {
            let name = [(METRIC_NAME, sample.name)].into_iter();
            let pairs = name.chain(sample.labels.iter().copied()).chain(sample.extra);
            Ok(pairs.map(|(name, text)| (name.into(), text.into())).collect())
        };
        let exemplars = sample.exemplars.iter();
        let details = |timestamp_ms| Details {
            created_ms: sample.created_ms,
            exemplars: exemplars
                .filter(|exemplar| fits(exemplar.labels.iter().copied()))
                .map(|exemplar| exemplar.at(timestamp_ms))
                .collect(),
        };
        self.take(incoming, read, details, scrape_ms, ingested)
    }
}
