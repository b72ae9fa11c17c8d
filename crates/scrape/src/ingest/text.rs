//! Bodies of lines: the text format and OpenMetrics.

use skopos_core::metric::{Exemplar, MetricValue};
use skopos_wire::exposition::{
    ClassicLines, ConvertClassic, Entry, ExemplarText, Format, Gatherer, HistogramChoice, Parser, Sample,
};

use super::created::{CreatedTimes, CreatedZeros};
use super::{Details, Incoming, IngestError, Ingested, Ingester, fits};

impl Ingester {
    pub(super) fn text(
        &mut self,
        body: &[u8],
        format: Format,
        scrape_ms: i64,
        ingested: &mut Ingested,
    ) -> Result<(), IngestError> {
        let created = match (self.rules.created_zeros, format) {
            (CreatedZeros::On, Format::OpenMetrics) => CreatedTimes::read(body),
            _ => CreatedTimes::default(),
        };
        match self.rules.histograms {
            HistogramChoice {
                convert: ConvertClassic::Off,
                ..
            } => self.lines(Parser::new(body, format), &created, scrape_ms, ingested),
            HistogramChoice { always_classic, .. } => {
                let lines = if always_classic {
                    ClassicLines::Kept
                } else {
                    ClassicLines::Replaced
                };
                let gatherer = Gatherer::new(Parser::new(body, format), lines);
                self.gathered(gatherer, &created, scrape_ms, ingested)
            }
        }
    }

    fn lines(
        &mut self,
        mut parser: Parser<'_>,
        created: &CreatedTimes,
        scrape_ms: i64,
        ingested: &mut Ingested,
    ) -> Result<(), IngestError> {
        while let Some(entry) = parser.next() {
            let entry = entry.map_err(|error| IngestError::Parse(error.to_string()))?;
            self.entry(entry, created, scrape_ms, ingested)
                .map_err(|error| error.at_line(parser.line()))?;
        }
        Ok(())
    }

    pub(super) fn entry(
        &mut self,
        entry: Entry<'_>,
        created: &CreatedTimes,
        scrape_ms: i64,
        ingested: &mut Ingested,
    ) -> Result<(), IngestError> {
        match entry {
            Entry::Sample(sample) if created.is_told_by(&sample) => Ok(()),
            Entry::Sample(sample) => self.sample(&sample, created, scrape_ms, ingested),
            Entry::Metadata(text) => {
                self.metadata_line(text);
                Ok(())
            }
        }
    }

    fn sample(
        &mut self,
        sample: &Sample<'_>,
        created: &CreatedTimes,
        scrape_ms: i64,
        ingested: &mut Ingested,
    ) -> Result<(), IngestError> {
        let incoming = Incoming {
            key: sample.series,
            told_ms: sample.timestamp_ms,
            value: MetricValue::Float(sample.value),
        };
        let read = || sample.labels().map_err(|error| IngestError::Parse(error.to_string()));
        let details = |timestamp_ms| Details {
            created_ms: created.of(sample),
            exemplars: sample
                .exemplar
                .iter()
                .filter_map(|text| exemplar(text, timestamp_ms))
                .collect(),
        };
        self.take(incoming, read, details, scrape_ms, ingested)
    }
}

impl IngestError {
    /// Names the line where labels are not valid.
    pub(super) fn at_line(self, line: usize) -> Self {
        match self {
            Self::Parse(reason) => Self::Parse(format!("line {line}: {reason}")),
            other => other,
        }
    }
}

/// An exemplar that is not valid is left out; it never fails a scrape.
pub(super) fn exemplar(text: &ExemplarText<'_>, sample_ms: i64) -> Option<Exemplar> {
    let pairs = text.labels().ok()?;
    fits(pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))).then(|| Exemplar {
        labels: pairs.into_iter().collect(),
        timestamp_ms: text.timestamp_ms.unwrap_or(sample_ms),
        value: text.value,
    })
}
