//! Heads to parts: cut the log, write what no part has series by series, commit.

use std::sync::Arc;

use parking_lot::RwLock;
use skopos_core::{TenantId, TimeRange};
use skopos_storage::{Offset, PartMeta, StorageError};

use crate::head::{Head, Unflushed};
use crate::options::Keep;
use crate::part::{Covers, PartsBuilder, SeriesContent};
use crate::store::{FlushReport, Gate, Shared};

/// What a flush takes of one tenant.
struct Taken {
    tenant: TenantId,
    head: Arc<RwLock<Head>>,
    unflushed: Unflushed,
}

impl Shared {
    pub(crate) fn flush(&self) -> Result<FlushReport, StorageError> {
        let _one_at_a_time = self.flushing.lock();
        self.flush_held()
    }

    /// As `flush`, by whoever holds `flushing`.
    pub(crate) fn flush_held(&self) -> Result<FlushReport, StorageError> {
        let first_offset = self.storage.covered();
        let (covered, all) = self.cut()?;
        if covered == first_offset {
            return Ok(FlushReport::default());
        }
        let mut written: Vec<PartMeta> = Vec::new();
        if self.options.keep == Keep::Parts {
            for taken in all {
                let parts = self.write(taken, first_offset, covered.previous());
                written.extend(parts.inspect_err(|_| self.storage.discard_unlisted(&written))?);
            }
        }
        let report = FlushReport {
            parts: written.len() as u64,
            bytes: written.iter().map(|part| part.bytes).sum(),
        };
        self.storage
            .commit(written.clone(), covered)
            .inspect_err(|_| self.storage.discard_unlisted(&written))?;
        for head in self.heads.read().values() {
            head.write().note_flushed();
        }
        Ok(report)
    }

    /// Ends an epoch of the log, and notes what the heads hold that no part has.
    fn cut(&self) -> Result<(Offset, Vec<Taken>), StorageError> {
        let mut gate = self.gate.lock();
        let covered = self.cut_log(&mut gate)?;
        let heads = self.heads.read();
        let all = heads.iter().map(|(tenant, head)| Taken {
            tenant: tenant.clone(),
            unflushed: head.write().take_unflushed(),
            head: Arc::clone(head),
        });
        Ok((covered, all.collect()))
    }

    /// Lets all series be defined anew in the log from its end on.
    pub(crate) fn begin_epoch(&self) -> Result<Offset, StorageError> {
        self.cut_log(&mut self.gate.lock())
    }

    fn cut_log(&self, gate: &mut Gate) -> Result<Offset, StorageError> {
        let end = self.storage.cut()?;
        gate.epoch = gate.epoch.wrapping_add(1);
        let first = self.storage.wal().first_offset();
        self.epochs.begin(first, end, self.options.clock.now_ms())?;
        Ok(end)
    }

    /// Writes the parts of a tenant, reading one series after the other from its head.
    fn write(&self, taken: Taken, first: Offset, last: Offset) -> Result<Vec<PartMeta>, StorageError> {
        let covers = Covers {
            tenant: taken.tenant,
            level: 0,
            first_offset: first,
            last_offset: last,
        };
        let mut builder = PartsBuilder::new(self.storage.parts(), covers, taken.unflushed.metadata);
        for mut series in taken.unflushed.series {
            let mut content = SeriesContent {
                run: taken.head.read().read_pending(&series),
                exemplars: std::mem::take(&mut series.exemplars),
            };
            content.run.normalise(TimeRange::ALL);
            builder.add(&series.labels, &content)?;
        }
        builder.finish()
    }
}
