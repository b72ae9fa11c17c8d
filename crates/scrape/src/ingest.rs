//! From a scraped body to a batch of samples: labels, rules, limits, staleness, metadata.
//!
//! One [`Ingester`] belongs to one target. It remembers each series by its text, so that a line
//! seen before costs a lookup instead of reading labels and applying rules. It does no I/O.

mod cache;
mod created;
mod gathered;
mod labels;
mod native;
mod protobuf;
mod report;
mod text;

use std::sync::Arc;

use skopos_config::{Limits, NameValidationScheme, NativeHistogramOptions, ScrapeConfig};
use skopos_core::Labels;
use skopos_core::histogram::FloatHistogram;
use skopos_core::metric::{
    Exemplar, MetricBatch, MetricMetadata, MetricSample, MetricType, MetricValue, PackedFloats, SeriesBatch,
};
use skopos_core::sample::STALE_NAN;
use skopos_wire::exposition::{BodyFormat, ConvertClassic, HistogramChoice, LabelPairs, MetadataText};

pub(crate) use self::cache::Tracked;
use self::cache::{Known, SeriesCache};
pub(crate) use self::created::CreatedZeros;
pub(crate) use self::labels::LabelRules;
use self::native::NativeLimits;
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
    histograms: HistogramChoice,
    native_limits: NativeLimits,
    created_zeros: CreatedZeros,
}

impl IngestRules {
    pub(crate) fn new(
        config: &ScrapeConfig,
        created_zeros: CreatedZeros,
    ) -> Result<Self, skopos_core::matcher::MatcherError> {
        Ok(Self {
            labels: LabelRules::new(config)?,
            limits: config.limits,
            honor_timestamps: config.honor_timestamps,
            track_timestamps_staleness: config.track_timestamps_staleness,
            histograms: histograms(config.native_histograms),
            native_limits: NativeLimits::new(config),
            created_zeros,
        })
    }

    /// Rules that change nothing: for targets inside this process.
    pub(crate) fn plain() -> Self {
        Self {
            labels: LabelRules::plain(NameValidationScheme::Utf8),
            limits: Limits::default(),
            honor_timestamps: true,
            track_timestamps_staleness: false,
            histograms: HistogramChoice {
                native: true,
                always_classic: false,
                convert: ConvertClassic::Off,
            },
            native_limits: NativeLimits::default(),
            created_zeros: CreatedZeros::Off,
        }
    }
}

fn histograms(options: NativeHistogramOptions) -> HistogramChoice {
    HistogramChoice {
        native: options.scrape_native_histograms,
        always_classic: options.always_scrape_classic_histograms,
        convert: if options.convert_classic_histograms_to_nhcb {
            ConvertClassic::On
        } else {
            ConvertClassic::Off
        },
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
    /// A native histogram has more buckets than allowed, at the coarsest resolution too.
    #[error("histogram bucket limit exceeded: more than {limit} buckets")]
    BucketLimit { limit: u64 },
}

impl IngestError {
    /// The reason's name in the ledger.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::Parse(_) => "parse",
            Self::SampleLimit { .. } => "sample_limit",
            Self::LabelLimit(_) => "label_limit",
            Self::BucketLimit { .. } => "bucket_limit",
        }
    }
}

/// What a body gave.
#[derive(Debug, Default)]
pub(crate) struct Ingested {
    /// What is to be stored first: series of floats alone.
    pub(crate) floats: PackedFloats,
    /// What else is to be stored.
    pub(crate) batch: MetricBatch,
    /// Zeros at the times when counting began, for series whose beginning is new.
    pub(crate) zeros: MetricBatch,
    /// Samples in the body.
    pub(crate) scraped: u64,
    /// Samples left after relabelling.
    pub(crate) after_relabeling: u64,
    /// Series that the last scrape did not have.
    pub(crate) series_added: u64,
    /// Classic histograms that make no native one.
    pub(crate) unconverted: u64,
    /// Whether types, helps or units changed.
    pub(crate) metadata_changed: bool,
}

/// A sample as a body says it.
struct Incoming<'k> {
    /// Stands for its series.
    key: &'k [u8],
    /// Its own time, where it has one.
    told_ms: Option<i64>,
    value: MetricValue,
}

/// What else is said of a sample.
struct Details {
    created_ms: Option<i64>,
    exemplars: Vec<Exemplar>,
}

/// What a sample is stored under.
struct Admitted {
    labels: Labels,
    timestamp_ms: i64,
    /// Whether the scrape had its series before.
    is_again: bool,
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
        format: BodyFormat,
        scrape_ms: i64,
        ingested: &mut Ingested,
    ) -> Result<(), IngestError> {
        self.cache.begin();
        match format {
            BodyFormat::Text(format) if !body.is_empty() => self.text(body, format, scrape_ms, ingested)?,
            BodyFormat::Text(_) => {}
            BodyFormat::Protobuf => self.protobuf(body, scrape_ms, ingested)?,
        }
        self.mark_vanished(scrape_ms, ingested);
        ingested.metadata_changed = self.cache.take_changed_metadata(&mut ingested.batch.metadata);
        Ok(())
    }

    /// The scrape failed: all series of the target end at `scrape_ms`.
    pub(crate) fn fail(&mut self, scrape_ms: i64, ingested: &mut Ingested) {
        ingested.floats.clear(usize::MAX);
        ingested.batch = MetricBatch::default();
        ingested.zeros = MetricBatch::default();
        self.cache.begin_failed();
        self.mark_vanished(scrape_ms, ingested);
    }

    /// Takes a sample into the batch, unless rules drop it. `read` reads the labels of a series that
    /// is not known yet, `details` what else there is of a sample stored at a time.
    fn take<'a>(
        &mut self,
        mut incoming: Incoming<'_>,
        read: impl FnOnce() -> Result<LabelPairs<'a>, IngestError>,
        details: impl FnOnce(i64) -> Details,
        scrape_ms: i64,
        ingested: &mut Ingested,
    ) -> Result<(), IngestError> {
        let Some(Admitted {
            labels,
            timestamp_ms,
            is_again,
        }) = self.admit(incoming.key, incoming.told_ms, read, scrape_ms, ingested)?
        else {
            return Ok(());
        };
        let Details { created_ms, exemplars } = details(timestamp_ms);
        // What comes again stays behind what came before, which may not be packed.
        if let MetricValue::Float(value) = incoming.value
            && created_ms.is_none()
            && exemplars.is_empty()
            && !is_again
        {
            ingested.floats.push(&labels, timestamp_ms, value);
            return Ok(());
        }
        if let MetricValue::Histogram(histogram) = &mut incoming.value {
            self.rules.native_limits.apply(Arc::make_mut(histogram))?;
        }
        if let Some(created_ms) = created_ms.filter(|_| self.rules.created_zeros == CreatedZeros::On) {
            let zero = zero(&incoming.value);
            self.begin(incoming.key, &labels, created_ms, timestamp_ms, zero, ingested);
        }
        ingested.batch.series.push(SeriesBatch {
            labels,
            samples: vec![MetricSample {
                timestamp_ms,
                value: incoming.value,
            }],
            start_timestamps_ms: created_ms.into_iter().collect(),
            exemplars,
        });
        Ok(())
    }

    /// What a sample is stored under, or `None` if rules drop it. `key` stands for its series;
    /// `read` reads the labels of one that is not known yet.
    fn admit<'a>(
        &mut self,
        key: &[u8],
        told_ms: Option<i64>,
        read: impl FnOnce() -> Result<LabelPairs<'a>, IngestError>,
        scrape_ms: i64,
        ingested: &mut Ingested,
    ) -> Result<Option<Admitted>, IngestError> {
        ingested.scraped += 1;
        let explicit_ms = told_ms.filter(|_| self.rules.honor_timestamps);
        let is_tracked = explicit_ms.is_none() || self.rules.track_timestamps_staleness;
        let mut is_again = false;
        let labels = match self.cache.see(key, is_tracked) {
            Some(Known::Kept(labels)) => labels,
            Some(Known::Repeated(labels)) => {
                is_again = true;
                labels
            }
            Some(Known::Dropped) => return Ok(None),
            None => {
                let labels = self.rules.labels.of_sample(&read()?, &self.target_labels)?;
                let known = labels.clone();
                self.cache.learn(key, known, is_tracked);
                let Some(labels) = labels else { return Ok(None) };
                ingested.series_added += 1;
                labels
            }
        };
        ingested.after_relabeling += 1;
        self.check_sample_limit(ingested)?;
        Ok(Some(Admitted {
            labels,
            timestamp_ms: explicit_ms.unwrap_or(scrape_ms),
            is_again,
        }))
    }

    /// Says that a series counts from `created_ms` on, if that is new and before its sample.
    fn begin(
        &mut self,
        key: &[u8],
        labels: &Labels,
        created_ms: i64,
        sample_ms: i64,
        zero: MetricValue,
        ingested: &mut Ingested,
    ) {
        if created_ms > 0 && created_ms < sample_ms && self.cache.begins_at(key, created_ms) {
            ingested.zeros.series.push(SeriesBatch {
                labels: labels.clone(),
                samples: vec![MetricSample {
                    timestamp_ms: created_ms,
                    value: zero,
                }],
                ..SeriesBatch::default()
            });
        }
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
        let (floats, loose) = (&mut ingested.floats, &mut ingested.batch.series);
        self.cache.take_vanished(|labels| {
            if loose.is_empty() {
                floats.push(&labels, scrape_ms, STALE_NAN);
            } else {
                loose.push(stale_sample(labels, scrape_ms));
            }
        });
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

fn update(known: &mut String, text: &str) -> bool {
    let has_changed = known != text;
    if has_changed {
        text.clone_into(known);
    }
    has_changed
}

/// Whether the labels of an exemplar are as short as they must be.
fn fits<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> bool {
    let chars: usize = pairs
        .map(|(name, value)| name.chars().count() + value.chars().count())
        .sum();
    chars <= MAX_EXEMPLAR_CHARS
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
