//! The bulk door: series of any time straight into parts, past the log and the head.
//!
//! An import names the sources that it takes (blocks of another database, a file). Parts become live
//! with these names in one change of the manifest, so a source is taken whole or not at all, and a
//! process that was killed leaves nothing but objects that the next start removes. Each group of parts
//! gets an offset of the log of its own, from an empty record: deletions made before do not hide it,
//! and its paths are free.

use skopos_core::metric::{Exemplar, MetricMetadata, Series, StartTimestamps};
use skopos_core::{Labels, TenantId, TimeRange};
use skopos_storage::{PartMeta, StorageError};

use crate::part::{Covers, PartsBuilder, SeriesContent};
use crate::record::Record;
use crate::run::{Run, Start};
use crate::store::{MetricStore, Shared};

/// Parts in the making are written when they take so much memory.
const MAX_OPEN_BYTES: usize = 192 * 1024 * 1024;

/// A series for the bulk door: samples in any order; of several of one time the first holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BulkSeries {
    /// Labels and samples.
    pub series: Series,
    /// When counting began, by sample; empty where unknown.
    pub start_timestamps: StartTimestamps,
    /// Its exemplars.
    pub exemplars: Vec<Exemplar>,
}

/// What was written. Samples of one time of one series count once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BulkReport {
    /// Series, those counted again that came again.
    pub series: u64,
    /// Float samples.
    pub floats: u64,
    /// Native histograms.
    pub histograms: u64,
    /// Exemplars.
    pub exemplars: u64,
    /// Parts.
    pub parts: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// First and last time of a sample.
    pub range: Option<TimeRange>,
}

/// Writes series of one tenant to parts. Nothing of it is seen before [`BulkLoad::commit`].
#[derive(Debug)]
pub struct BulkLoad<'a> {
    shared: &'a Shared,
    tenant: TenantId,
    metadata: Vec<MetricMetadata>,
    open: Option<Open<'a>>,
    written: Vec<PartMeta>,
    report: BulkReport,
}

/// Parts in the making, and the series that came last.
#[derive(Debug)]
struct Open<'a> {
    builder: PartsBuilder<'a>,
    last: Labels,
}

impl MetricStore {
    /// Begins to write series of a tenant straight to parts. Families of which the store knows
    /// nothing get the given metadata.
    pub fn bulk(&self, tenant: &TenantId, metadata: Vec<MetricMetadata>) -> BulkLoad<'_> {
        let mut load = BulkLoad {
            shared: self.shared.as_ref(),
            tenant: tenant.clone(),
            metadata: Vec::new(),
            open: None,
            written: Vec::new(),
            report: BulkReport::default(),
        };
        load.add_metadata(metadata);
        load
    }

    /// Whether a source of that name was taken by an import.
    pub fn has_imported(&self, name: &str) -> bool {
        self.shared.storage.manifest().state().imported.contains(name)
    }
}

impl BulkLoad<'_> {
    /// Adds metadata that was found on the way, for families of which the store knows nothing. Parts
    /// that are written after it have it.
    pub fn add_metadata(&mut self, metadata: Vec<MetricMetadata>) {
        let head = self.shared.head(&self.tenant);
        head.write().restore_metadata(metadata);
        self.metadata = head.read().metadata(None);
        if let Some(open) = &mut self.open {
            open.builder.set_metadata(self.metadata.clone());
        }
    }

    /// Adds a series. One that does not come after the last in the order of labels begins other
    /// parts, so series should come in order.
    pub fn add(&mut self, added: BulkSeries) -> Result<(), StorageError> {
        let mut content = content(added);
        let labels = std::mem::take(&mut content.run.series.labels);
        if content.run.series.is_empty() && content.exemplars.is_empty() {
            return Ok(());
        }
        if self.open.as_ref().is_some_and(|open| open.last >= labels) {
            self.close_parts()?;
        }
        self.count(&content);
        if self.open.is_none() {
            self.open = Some(self.open_parts()?);
        }
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        open.builder.add(&labels, &content)?;
        open.last = labels;
        if open.builder.size_bytes() >= MAX_OPEN_BYTES {
            self.close_parts()?;
        }
        Ok(())
    }

    /// Makes everything live that was added, with the names of the sources it came from.
    pub fn commit(mut self, names: Vec<String>) -> Result<BulkReport, StorageError> {
        self.close_parts()?;
        let _one_at_a_time = self.shared.flushing.lock();
        self.report.parts = self.written.len() as u64;
        self.report.bytes = self.written.iter().map(|part| part.bytes).sum();
        self.shared.storage.commit_imported(self.written, names)?;
        Ok(self.report)
    }

    fn count(&mut self, content: &SeriesContent) {
        let series = &content.run.series;
        self.report.series += 1;
        self.report.floats += series.values.len() as u64;
        self.report.histograms += series.histograms.len() as u64;
        self.report.exemplars += content.exemplars.len() as u64;
        for times in [&series.timestamps_ms, &series.histogram_timestamps_ms] {
            if let (Some(first), Some(last)) = (times.first(), times.last()) {
                let range = self.report.range.get_or_insert(TimeRange::new(*first, *last));
                *range = TimeRange::new(range.start_ms.min(*first), range.end_ms.max(*last));
            }
        }
    }
}

impl<'a> BulkLoad<'a> {
    fn open_parts(&self) -> Result<Open<'a>, StorageError> {
        let record = Record::new(self.tenant.clone()).encode();
        let offset = {
            let _gate = self.shared.gate.lock();
            self.shared.storage.wal().append(&record)?
        };
        let covers = Covers {
            tenant: self.tenant.clone(),
            level: 0,
            first_offset: offset,
            last_offset: offset,
        };
        let parts = self.shared.storage.parts();
        Ok(Open {
            builder: PartsBuilder::new(parts, covers, self.metadata.clone()),
            last: Labels::empty(),
        })
    }

    fn close_parts(&mut self) -> Result<(), StorageError> {
        if let Some(open) = self.open.take() {
            self.written.extend(open.builder.finish()?);
        }
        Ok(())
    }
}

/// Sorted by time, one sample of each.
fn content(added: BulkSeries) -> SeriesContent {
    let starts = |times_ms: &[i64], starts_ms: &[i64]| {
        let pairs = times_ms.iter().zip(starts_ms);
        let starts = pairs.map(|(timestamp_ms, start_ms)| Start {
            timestamp_ms: *timestamp_ms,
            start_ms: *start_ms,
        });
        starts.collect::<Vec<_>>()
    };
    let BulkSeries {
        series,
        start_timestamps,
        exemplars,
    } = added;
    let mut all = starts(&series.timestamps_ms, &start_timestamps.floats_ms);
    all.extend(starts(&series.histogram_timestamps_ms, &start_timestamps.histograms_ms));
    let mut run = Run { series, starts: all };
    run.normalise(TimeRange::ALL);
    SeriesContent { run, exemplars }
}
