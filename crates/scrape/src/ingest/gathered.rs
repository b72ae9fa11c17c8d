//! Text whose classic histograms become native ones with custom buckets.

use std::sync::Arc;

use skopos_core::metric::MetricValue;
use skopos_wire::exposition::{GatheredEntry, GatheredHistogram, Gatherer};

use super::created::CreatedTimes;
use super::text::exemplar;
use super::{Details, Incoming, IngestError, Ingested, Ingester};

/// Begins the key of a gathered histogram: no line of text has it.
const KEY_PREFIX: u8 = 0;

impl Ingester {
    pub(super) fn gathered(
        &mut self,
        mut gatherer: Gatherer<'_>,
        created: &CreatedTimes,
        scrape_ms: i64,
        ingested: &mut Ingested,
    ) -> Result<(), IngestError> {
        let mut key = Vec::new();
        while let Some(entry) = gatherer.next() {
            let taken = match entry.map_err(|error| IngestError::Parse(error.to_string()))? {
                GatheredEntry::Line(entry) => self.entry(entry, created, scrape_ms, ingested),
                GatheredEntry::Histogram(gathered) => {
                    set_key(&mut key, &gathered);
                    self.histogram(&key, *gathered, created, scrape_ms, ingested)
                }
                GatheredEntry::Broken(error) => {
                    tracing::debug!(%error, "a classic histogram makes no native one");
                    ingested.unconverted += 1;
                    Ok(())
                }
            };
            taken.map_err(|error| error.at_line(gatherer.line()))?;
        }
        Ok(())
    }

    fn histogram(
        &mut self,
        key: &[u8],
        gathered: GatheredHistogram<'_>,
        created: &CreatedTimes,
        scrape_ms: i64,
        ingested: &mut Ingested,
    ) -> Result<(), IngestError> {
        let incoming = Incoming {
            key,
            told_ms: gathered.timestamp_ms,
            value: MetricValue::Histogram(Arc::new(gathered.histogram)),
        };
        // As with other native histograms, an exemplar without a time is left out: it could not be
        // told from the one before.
        let timed = gathered.exemplars.iter().filter(|text| text.timestamp_ms.is_some());
        let details = |timestamp_ms| Details {
            created_ms: created.of(&gathered.first),
            exemplars: timed.filter_map(|text| exemplar(text, timestamp_ms)).collect(),
        };
        self.take(incoming, || Ok(gathered.pairs), details, scrape_ms, ingested)
    }
}

/// Each text with its length, so that no two series share a key.
fn set_key(key: &mut Vec<u8>, gathered: &GatheredHistogram<'_>) {
    key.clear();
    key.push(KEY_PREFIX);
    for text in gathered.pairs.iter().flat_map(|(name, text)| [name, text]) {
        key.extend_from_slice(&(text.len() as u32).to_le_bytes());
        key.extend_from_slice(text.as_bytes());
    }
}
