//! Windows without what was deleted: made anew of samples where those are kept, else without the
//! windows that held some of it.

use std::sync::Arc;

use skopos_core::metric::CleanReport;
use skopos_storage::{Aggregate, PartMeta, StorageError};

use super::{Day, resolution_of};
use crate::part::{Content, Covers, PartIndex, PartsBuilder, Rows, read_metadata};
use crate::store::Shared;

impl Shared {
    /// Cleans all windows that deletions concern, by whoever holds `flushing`. Samples must still be
    /// as they were.
    pub(crate) fn clean_windows(&self, report: &mut CleanReport) -> Result<(), StorageError> {
        for day in Day::of_parts(&self.storage.manifest().state().parts).into_values() {
            let concerned = day
                .windows
                .iter()
                .filter(|part| !self.tombstones.of_part(part).is_empty());
            let concerned: Vec<&Arc<PartMeta>> = concerned.collect();
            if concerned.is_empty() {
                continue;
            }
            if day.is_whole() && !day.raw.is_empty() {
                let lengths: Vec<i64> = concerned.iter().map(|part| resolution_of(part)).collect();
                report.parts += self.make_windows(&day, &lengths)?;
                continue;
            }
            for part in concerned {
                report.parts += self.rewrite_windows(part)?;
            }
        }
        Ok(())
    }

    /// Writes a part of windows anew; gives how many parts were written.
    fn rewrite_windows(&self, meta: &PartMeta) -> Result<u64, StorageError> {
        let (Some(aggregate), Some(reader)) = (&meta.spec.aggregate, self.storage.open_part(meta)?) else {
            return Ok(0);
        };
        let deletions_before = self.tombstones.next_offset();
        let tombstones = self.tombstones.of_part(meta);
        let covers = Covers {
            tenant: meta.spec.tenant.clone(),
            level: meta.spec.level.wrapping_add(1),
            first_offset: meta.spec.first_offset,
            last_offset: meta.spec.last_offset,
        };
        let aggregate = Aggregate {
            deletions_before,
            ..aggregate.clone()
        };
        let index = PartIndex::read(&reader)?;
        let mut builder = PartsBuilder::new(self.storage.parts(), covers, read_metadata(&reader))
            .of_windows(aggregate, meta.spec.max_time_ms)?;
        let mut rows = Rows::open(&reader, &index, (0..index.row_count() as u32).collect())?;
        for series in 0..index.len() as u32 {
            let labels = index.labels(series);
            let (mut floats, mut histograms) = (Vec::new(), Vec::new());
            for _ in index.rows_of(series) {
                match rows.next()? {
                    Some((_, Content::Windows(mut windows))) => floats.append(&mut windows),
                    Some((_, Content::HistogramWindows(mut windows))) => histograms.append(&mut windows),
                    _ => {}
                }
            }
            for tombstone in &tombstones {
                tombstone.apply_to_windows(&labels, &mut floats, &mut histograms);
            }
            builder.add_windows(&labels, floats, &histograms)?;
        }
        let written = builder.finish()?;
        let parts = written.len() as u64;
        self.storage
            .replace(written, std::slice::from_ref(&meta.path), "deletion")?;
        Ok(parts)
    }
}
