//! From a scraped body to a batch of samples: labels, rules, limits, staleness, metadata.
//!
//! One [`Ingester`] belongs to one target. It remembers each series by its text, so that a line
//! seen before costs a lookup instead of reading labels and applying rules. It does no I/O.

mod cache;
mod labels;
mod report;

use std::sync::Arc;

use skopos_config::{Limits, NameValidationScheme, ScrapeConfig};
use skopos_core::Labels;
use skopos_core::metric::{Exemplar, MetricBatch, MetricMetadata, MetricSample, MetricType, MetricValue, SeriesBatch};
use skopos_core::sample::STALE_NAN;
use skopos_wire::exposition::{Entry, ExemplarText, Format, MetadataText, Parser, Sample};

pub(crate) use self::cache::Tracked;
use self::cache::{Known, SeriesCache};
pub(crate) use self::labels::LabelRules;
pub(crate) use self::report::{ExtraMetrics, ExtraReport, ReportSeries, ReportedScrape, report_samples};

/// Longest label set of an exemplar, in characters (OpenMetrics 1.0, "Exemplars").
const MAX_EXEMPLAR_CHARS: usize = 128;

/// Settings of a job that concern its samples.
#[derive(Debug)]
pub(crate) struct IngestRules {
    pub(crate) labels: LabelRules,
    pub(crate) limits: Limits,
    pub(crate) honor_timestamps: bool,
    pub(crate) track_timestamps_staleness: bool,
}

impl IngestRules {
    pub(crate) fn new(config: &ScrapeConfig) -> Result<Self, skopos_core::matcher::MatcherError> {
        Ok(Self {
            labels: LabelRules::new(config)?,
            limits: config.limits,
            honor_timestamps: config.honor_timestamps,
            track_timestamps_staleness: config.track_timestamps_staleness,
        })
    }

    /// Rules that change nothing: for targets inside this process.
    pub(crate) fn plain() -> Self {
        Self {
            labels: LabelRules::plain(NameValidationScheme::Utf8),
            limits: Limits::default(),
            honor_timestamps: true,
            track_timestamps_staleness: false,
        }
    }
}

/// Why a whole scrape fails although the body arrived.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IngestError {
    /// The body does not parse, or a label set is not valid.
    #[error("{0}")]
    Parse(String),
    /// More samples than allowed after relabelling.
    #[error("sample limit exceeded: more than {limit} samples")]
    SampleLimit { limit: u64 },
    /// A label set is beyond a limit.
    #[error("{0}")]
    LabelLimit(String),
}

impl IngestError {
    /// The reason's name in the ledger.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::Parse(_) => "parse",
            Self::SampleLimit { .. } => "sample_limit",
            Self::LabelLimit(_) => "label_limit",
        }
    }
}

/// What a body gave.
#[derive(Debug, Default)]
pub(crate) struct Ingested {
    /// What is to be stored.
    pub(crate) batch: MetricBatch,
    /// Samples in the body.
    pub(crate) scraped: u64,
    /// Samples left after relabelling.
    pub(crate) after_relabeling: u64,
    /// Series that the last scrape did not have.
    pub(crate) series_added: u64,
    /// Whether types, helps or units changed.
    pub(crate) metadata_changed: bool,
}

/// Turns the bodies of one target into batches.
#[derive(Debug)]
pub(crate) struct Ingester {
    target_labels: Labels,
    rules: Arc<IngestRules>,
    cache: SeriesCache,
}

impl Ingester {
    /// `previous` are series that an earlier ingester of this target left behind: those that do
    /// not come again get staleness markers.
    pub(crate) fn new(target_labels: Labels, rules: Arc<IngestRules>, previous: Tracked) -> Self {
        Self {
            target_labels,
            rules,
            cache: SeriesCache::new(previous),
        }
    }

    /// Types, helps and units that the target has told.
    pub(crate) fn metadata(&self) -> Vec<MetricMetadata> {
        self.cache.metadata()
    }

    /// The series that would get staleness markers if the target went away.
    pub(crate) fn into_tracked(self) -> Tracked {
        self.cache.into_tracked()
    }

    /// Reads a body scraped at `scrape_ms`. An error leaves nothing of the body; the caller then
    /// calls [`Ingester::fail`].
    pub(crate) fn ingest(
        &mut self,
        body: &[u8],
        format: Format,
        scrape_ms: i64,
        ingested: &mut Ingested,
    ) -> Result<(), IngestError> {
        self.cache.begin();
        ingested.batch.series.reserve(self.cache.last_count());
        if !body.is_empty() {
            let mut parser = Parser::new(body, format);
            while let Some(entry) = parser.next() {
                match entry.map_err(|error| IngestError::Parse(error.to_string()))? {
                    Entry::Sample(sample) => self
                        .sample(&sample, scrape_ms, ingested)
                        .map_err(|error| error.at_line(parser.line()))?,
                    Entry::Metadata(text) => self.metadata_line(text),
                }
            }
        }
        self.mark_vanished(scrape_ms, ingested);
        ingested.metadata_changed = self.cache.take_changed_metadata(&mut ingested.batch.metadata);
        Ok(())
    }

    /// The scrape failed: all series of the target end at `scrape_ms`.
    pub(crate) fn fail(&mut self, scrape_ms: i64, ingested: &mut Ingested) {
        ingested.batch = MetricBatch::default();
        self.cache.begin_failed();
        self.mark_vanished(scrape_ms, ingested);
    }

    fn sample(&mut self, sample: &Sample<'_>, scrape_ms: i64, ingested: &mut Ingested) -> Result<(), IngestError> {
        ingested.scraped += 1;
        let explicit_ms = sample.timestamp_ms.filter(|_| self.rules.honor_timestamps);
        let is_tracked = explicit_ms.is_none() || self.rules.track_timestamps_staleness;
        let labels = match self.cache.see(sample.series, is_tracked) {
            Some(Known::Kept(labels)) => labels,
            Some(Known::Dropped) => return Ok(()),
            None => {
                let labels = self.rules.labels.of_sample(sample, &self.target_labels)?;
                let known = labels.clone();
                self.cache.learn(sample.series, known, is_tracked);
                let Some(labels) = labels else { return Ok(()) };
                ingested.series_added += 1;
                labels
            }
        };
        ingested.after_relabeling += 1;
        self.check_sample_limit(ingested)?;
        let timestamp_ms = explicit_ms.unwrap_or(scrape_ms);
        ingested.batch.series.push(SeriesBatch {
            labels,
            samples: vec![MetricSample {
                timestamp_ms,
                value: MetricValue::Float(sample.value),
            }],
            exemplars: sample
                .exemplar
                .as_ref()
                .and_then(|text| exemplar(text, timestamp_ms))
                .into_iter()
                .collect(),
            ..SeriesBatch::default()
        });
        Ok(())
    }

    fn check_sample_limit(&self, ingested: &Ingested) -> Result<(), IngestError> {
        let limit = self.rules.limits.sample_limit;
        if limit != 0 && ingested.after_relabeling > limit {
            return Err(IngestError::SampleLimit { limit });
        }
        Ok(())
    }

    fn metadata_line(&mut self, text: MetadataText<'_>) {
        match text {
            MetadataText::Help { metric, help } => self.cache.describe(&metric, |known| update(&mut known.help, &help)),
            MetadataText::Unit { metric, unit } => self.cache.describe(&metric, |known| update(&mut known.unit, &unit)),
            MetadataText::Type { metric, metric_type } => self.cache.describe(&metric, |known| {
                let has_changed = known.metric_type != metric_type;
                known.metric_type = metric_type;
                has_changed
            }),
        }
    }

    fn mark_vanished(&mut self, scrape_ms: i64, ingested: &mut Ingested) {
        self.cache
            .take_vanished(|labels| ingested.batch.series.push(stale_sample(labels, scrape_ms)));
    }
}

impl IngestError {
    /// Names the line where labels are not valid.
    fn at_line(self, line: usize) -> Self {
        match self {
            Self::Parse(reason) => Self::Parse(format!("line {line}: {reason}")),
            other => other,
        }
    }
}

/// The marker that ends a series.
pub(crate) fn stale_sample(labels: Labels, timestamp_ms: i64) -> SeriesBatch {
    SeriesBatch {
        labels,
        samples: vec![MetricSample {
            timestamp_ms,
            value: MetricValue::Float(STALE_NAN),
        }],
        ..SeriesBatch::default()
    }
}

fn update(known: &mut String, text: &str) -> bool {
    let has_changed = known != text;
    if has_changed {
        text.clone_into(known);
    }
    has_changed
}

/// An exemplar that is not valid is left out; it never fails a scrape.
fn exemplar(text: &ExemplarText<'_>, sample_ms: i64) -> Option<Exemplar> {
    let pairs = text.labels().ok()?;
    let chars: usize = pairs
        .iter()
        .map(|(name, value)| name.chars().count() + value.chars().count())
        .sum();
    (chars <= MAX_EXEMPLAR_CHARS).then(|| Exemplar {
        labels: pairs.into_iter().collect(),
        timestamp_ms: text.timestamp_ms.unwrap_or(sample_ms),
        value: text.value,
    })
}

/// Metadata of a family that has told nothing yet.
pub(crate) fn unknown_metadata(metric: &str) -> MetricMetadata {
    MetricMetadata {
        metric: metric.to_owned(),
        metric_type: MetricType::Unknown,
        help: String::new(),
        unit: String::new(),
    }
}

#[cfg(test)]
mod tests;
