//! Reads records of the log, of both versions.

use std::sync::Arc;

use skopos_core::metric::{Exemplar, MetricMetadata, MetricType};
use skopos_core::{Labels, TenantId, TimeRange};
use skopos_storage::codec::Reader;
use skopos_storage::{Offset, StorageError};

use super::{Deletion, FloatSample, Record, SeriesRef, StartSample, VERSION};
use crate::codec::read_histogram;
use crate::tombstones::matcher_of;

const FIRST_VERSION: u64 = 1;
/// Kinds of samples in version 1.
const FLOAT: u64 = 0;
const HISTOGRAM: u64 = 1;

/// Reads what [`Record::encode`] wrote, now or in an older version; `None` for other bytes.
pub(crate) fn decode(bytes: &[u8]) -> Option<Record> {
    let mut input = Reader::new(bytes);
    let version = input.u64()?;
    if version != VERSION && version != FIRST_VERSION {
        return None;
    }
    let mut record = Record::new(TenantId::new(input.text()?).ok()?);
    for _ in 0..input.length()? {
        let reference = reference(&mut input)?;
        record
            .definitions
            .push((reference, Labels::from_encoded(input.text()?)?));
    }
    if version == FIRST_VERSION {
        decode_mixed_samples(&mut input, &mut record)?;
    } else {
        decode_floats(&mut input, &mut record)?;
        decode_histograms(&mut input, &mut record)?;
        decode_starts(&mut input, &mut record)?;
    }
    decode_exemplars(&mut input, &mut record)?;
    decode_metadata(&mut input, &mut record)?;
    if version == VERSION {
        decode_deletions(&mut input, &mut record)?;
    }
    input.is_empty().then_some(record)
}

/// Refuses a record of a later version, which would else count as damage and be flushed away.
pub(crate) fn check_version(offset: Offset, bytes: &[u8]) -> Result<(), StorageError> {
    match Reader::new(bytes).u64() {
        Some(found) if found > VERSION => Err(StorageError::LaterVersion {
            what: format!("record {offset} of the write-ahead log of metrics"),
            found,
            known: VERSION,
        }),
        _ => Ok(()),
    }
}

fn decode_floats(input: &mut Reader<'_>, record: &mut Record) -> Option<()> {
    let count = input.length()?;
    record.floats.reserve_exact(count);
    let (mut reference, mut timestamp_ms) = (0i64, 0i64);
    for _ in 0..count {
        reference = reference.wrapping_add(input.i64()?);
        timestamp_ms = timestamp_ms.wrapping_add(input.i64()?);
        record.floats.push(FloatSample {
            reference: SeriesRef::try_from(reference).ok()?,
            timestamp_ms,
            value: 0.0,
        });
    }
    for sample in &mut record.floats {
        sample.value = input.f64()?;
    }
    Some(())
}

fn decode_histograms(input: &mut Reader<'_>, record: &mut Record) -> Option<()> {
    for _ in 0..input.length()? {
        let (reference, timestamp_ms) = (reference(input)?, input.i64()?);
        record
            .histograms
            .push((reference, timestamp_ms, Arc::new(read_histogram(input)?)));
    }
    Some(())
}

fn decode_starts(input: &mut Reader<'_>, record: &mut Record) -> Option<()> {
    for _ in 0..input.length()? {
        record.starts.push(StartSample {
            reference: reference(input)?,
            timestamp_ms: input.i64()?,
            start_ms: input.i64()?,
        });
    }
    Some(())
}

/// Version 1: floats and histograms in one list.
fn decode_mixed_samples(input: &mut Reader<'_>, record: &mut Record) -> Option<()> {
    let mut timestamp_ms = 0i64;
    for _ in 0..input.length()? {
        let reference = reference(input)?;
        timestamp_ms = timestamp_ms.wrapping_add(input.i64()?);
        match input.u64()? {
            FLOAT => record.floats.push(FloatSample {
                reference,
                timestamp_ms,
                value: input.f64()?,
            }),
            HISTOGRAM => record
                .histograms
                .push((reference, timestamp_ms, Arc::new(read_histogram(input)?))),
            _ => return None,
        }
    }
    Some(())
}

fn decode_exemplars(input: &mut Reader<'_>, record: &mut Record) -> Option<()> {
    for _ in 0..input.length()? {
        let reference = reference(input)?;
        let exemplar = Exemplar {
            labels: Labels::from_encoded(input.text()?)?,
            timestamp_ms: input.i64()?,
            value: input.f64()?,
        };
        record.exemplars.push((reference, exemplar));
    }
    Some(())
}

fn decode_metadata(input: &mut Reader<'_>, record: &mut Record) -> Option<()> {
    for _ in 0..input.length()? {
        record.metadata.push(MetricMetadata {
            metric: input.text()?.to_owned(),
            metric_type: metric_type(input.u64()?)?,
            help: input.text()?.to_owned(),
            unit: input.text()?.to_owned(),
        });
    }
    Some(())
}

fn decode_deletions(input: &mut Reader<'_>, record: &mut Record) -> Option<()> {
    for _ in 0..input.length()? {
        let range = TimeRange::new(input.i64()?, input.i64()?);
        let mut matchers = Vec::new();
        for _ in 0..input.length()? {
            let mut text = || input.text().map(str::to_owned);
            matchers.push(matcher_of((text()?, text()?, text()?))?);
        }
        record.deletions.push(Deletion { matchers, range });
    }
    Some(())
}

fn reference(input: &mut Reader<'_>) -> Option<SeriesRef> {
    SeriesRef::try_from(input.u64()?).ok()
}

/// The type of a code; the code is its place in the enum.
pub(crate) fn metric_type(code: u64) -> Option<MetricType> {
    let types = [
        MetricType::Unknown,
        MetricType::Counter,
        MetricType::Gauge,
        MetricType::Histogram,
        MetricType::GaugeHistogram,
        MetricType::Summary,
        MetricType::Info,
        MetricType::StateSet,
    ];
    types.into_iter().find(|candidate| *candidate as u64 == code)
}
