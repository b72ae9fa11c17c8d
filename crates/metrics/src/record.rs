//! Log records: one per append, whole or not at all.
//!
//! A record holds the tenant, the series that it names for the first time since the log was last
//! cut (reference and labels), and then samples, start timestamps, exemplars, metadata, and
//! deletions. References are only valid within a log: a later definition of the same reference
//! replaces the earlier one. Version 2 is written, version 1 is read too.

mod decode;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use skopos_core::histogram::FloatHistogram;
use skopos_core::metric::{Exemplar, MetricMetadata};
use skopos_core::{Labels, Matcher, TenantId, TimeRange};
use skopos_storage::codec::Writer;

use crate::codec::write_histogram;
use crate::tombstones::matcher_parts;

pub(crate) use decode::{check_version, decode, metric_type};

const VERSION: u64 = 2;

/// A number that stands for a series in the log.
pub(crate) type SeriesRef = u32;

/// A float sample of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FloatSample {
    pub(crate) reference: SeriesRef,
    pub(crate) timestamp_ms: i64,
    pub(crate) value: f64,
}

/// From a sample of a series on: when the counting behind it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StartSample {
    pub(crate) reference: SeriesRef,
    pub(crate) timestamp_ms: i64,
    pub(crate) start_ms: i64,
}

/// What a record deletes: samples that came before it, of series that meet all matchers.
#[derive(Debug, Clone)]
pub(crate) struct Deletion {
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) range: TimeRange,
}

/// What one append writes.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) tenant: TenantId,
    pub(crate) definitions: Vec<(SeriesRef, Labels)>,
    pub(crate) floats: Vec<FloatSample>,
    pub(crate) histograms: Vec<(SeriesRef, i64, Arc<FloatHistogram>)>,
    pub(crate) starts: Vec<StartSample>,
    pub(crate) exemplars: Vec<(SeriesRef, Exemplar)>,
    pub(crate) metadata: Vec<MetricMetadata>,
    pub(crate) deletions: Vec<Deletion>,
}

impl Record {
    /// An empty record of a tenant.
    pub(crate) fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            definitions: Vec::new(),
            floats: Vec::new(),
            histograms: Vec::new(),
            starts: Vec::new(),
            exemplars: Vec::new(),
            metadata: Vec::new(),
            deletions: Vec::new(),
        }
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.floats.is_empty()
            && self.histograms.is_empty()
            && self.starts.is_empty()
            && self.exemplars.is_empty()
            && self.metadata.is_empty()
            && self.deletions.is_empty()
    }

    /// Samples of both kinds.
    pub(crate) fn len(&self) -> usize {
        self.floats.len() + self.histograms.len()
    }

    /// The record as bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(64 + self.floats.len() * 12);
        out.u64(VERSION);
        out.text(self.tenant.as_str());
        out.u64(self.definitions.len() as u64);
        for (reference, labels) in &self.definitions {
            out.u64(u64::from(*reference));
            out.text(labels.encoded());
        }
        self.encode_floats(&mut out);
        self.encode_histograms(&mut out);
        self.encode_starts(&mut out);
        self.encode_exemplars(&mut out);
        out.u64(self.metadata.len() as u64);
        for metadata in &self.metadata {
            out.text(&metadata.metric);
            out.u64(metadata.metric_type as u64);
            out.text(&metadata.help);
            out.text(&metadata.unit);
        }
        self.encode_deletions(&mut out);
        out.into_bytes()
    }

    /// References and times as differences to the sample before: a target's series are numbered
    /// in a row and share a time. Values stand together at the end, eight bytes each.
    fn encode_floats(&self, out: &mut Writer) {
        out.u64(self.floats.len() as u64);
        let (mut reference, mut timestamp_ms) = (0i64, 0i64);
        for sample in &self.floats {
            out.i64(i64::from(sample.reference) - reference);
            reference = i64::from(sample.reference);
            out.i64(sample.timestamp_ms.wrapping_sub(timestamp_ms));
            timestamp_ms = sample.timestamp_ms;
        }
        for sample in &self.floats {
            out.f64(sample.value);
        }
    }

    fn encode_histograms(&self, out: &mut Writer) {
        out.u64(self.histograms.len() as u64);
        for (reference, timestamp_ms, histogram) in &self.histograms {
            out.u64(u64::from(*reference));
            out.i64(*timestamp_ms);
            write_histogram(out, histogram);
        }
    }

    fn encode_starts(&self, out: &mut Writer) {
        out.u64(self.starts.len() as u64);
        for start in &self.starts {
            out.u64(u64::from(start.reference));
            out.i64(start.timestamp_ms);
            out.i64(start.start_ms);
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

    fn encode_deletions(&self, out: &mut Writer) {
        out.u64(self.deletions.len() as u64);
        for deletion in &self.deletions {
            out.i64(deletion.range.start_ms);
            out.i64(deletion.range.end_ms);
            out.u64(deletion.matchers.len() as u64);
            for matcher in &deletion.matchers {
                let (name, operator, value) = matcher_parts(matcher);
                for text in [&name, &operator, &value] {
                    out.text(text);
                }
            }
        }
    }
}
