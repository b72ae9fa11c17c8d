//! Rows as Arrow columns.

use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, Int64Builder, StringBuilder, UInt8Builder, UInt32Builder};
use arrow_array::{ArrayRef, RecordBatch};
use skopos_core::{Labels, TimeRange};
use skopos_storage::columns::{LabelMapBuilder, append_labels, label_map_builder};

use super::super::{Codec, Kind, schema};

/// One row of a part.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) labels: Labels,
    pub(super) range: TimeRange,
    pub(super) count: u32,
    pub(super) kind: Kind,
    pub(super) codec: Codec,
    pub(super) times_at: u32,
    pub(super) shared_at: u32,
    pub(super) times: Option<Vec<u8>>,
    pub(super) shared: Option<Vec<u8>>,
    pub(super) samples: Vec<u8>,
}

/// Builders of the columns.
#[derive(Debug)]
pub(super) struct Columns {
    metric: StringBuilder,
    labels: LabelMapBuilder,
    kind: UInt8Builder,
    min_time: Int64Builder,
    max_time: Int64Builder,
    count: UInt32Builder,
    codec: UInt8Builder,
    times_row: UInt32Builder,
    shared_row: UInt32Builder,
    times: BinaryBuilder,
    shared: BinaryBuilder,
    samples: BinaryBuilder,
    rows: usize,
}

impl Default for Columns {
    fn default() -> Self {
        Self {
            metric: StringBuilder::new(),
            labels: label_map_builder(),
            kind: UInt8Builder::new(),
            min_time: Int64Builder::new(),
            max_time: Int64Builder::new(),
            count: UInt32Builder::new(),
            codec: UInt8Builder::new(),
            times_row: UInt32Builder::new(),
            shared_row: UInt32Builder::new(),
            times: BinaryBuilder::new(),
            shared: BinaryBuilder::new(),
            samples: BinaryBuilder::new(),
            rows: 0,
        }
    }
}

impl Columns {
    /// Rows so far.
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    pub(super) fn push(&mut self, row: &Row) {
        self.metric.append_value(row.labels.metric_name());
        append_labels(&mut self.labels, &row.labels);
        self.kind.append_value(row.kind as u8);
        self.min_time.append_value(row.range.start_ms);
        self.max_time.append_value(row.range.end_ms);
        self.count.append_value(row.count);
        self.codec.append_value(row.codec as u8);
        self.times_row.append_value(row.times_at);
        self.shared_row.append_value(row.shared_at);
        self.times.append_option(row.times.as_deref());
        self.shared.append_option(row.shared.as_deref());
        self.samples.append_value(&row.samples);
        self.rows += 1;
    }

    /// The rows as a batch; none are left.
    pub(super) fn take(&mut self) -> RecordBatch {
        self.rows = 0;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.metric.finish()),
            Arc::new(self.labels.finish()),
            Arc::new(self.kind.finish()),
            Arc::new(self.min_time.finish()),
            Arc::new(self.max_time.finish()),
            Arc::new(self.count.finish()),
            Arc::new(self.codec.finish()),
            Arc::new(self.times_row.finish()),
            Arc::new(self.shared_row.finish()),
            Arc::new(self.times.finish()),
            Arc::new(self.shared.finish()),
            Arc::new(self.samples.finish()),
        ];
        RecordBatch::try_new(schema(), columns).expect("the columns are those of the schema")
    }
}
