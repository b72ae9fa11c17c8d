//! What a record promised that did not reach the log.

use super::Head;
use crate::record::Record;

/// No epoch of the log: the first one is 1.
const NEVER: u32 = 0;

impl Head {
    /// Takes back what [`Head::plan`] noted as being in the log: the series that the record defines
    /// and the metadata that it carries go into the next one.
    pub(crate) fn undo(&mut self, record: &Record) {
        for (reference, _) in &record.definitions {
            if let Some(series) = self.table.get_mut(*reference) {
                series.defined_epoch = NEVER;
            }
        }
        if !record.metadata.is_empty() {
            self.metadata_epoch = NEVER;
        }
    }
}
