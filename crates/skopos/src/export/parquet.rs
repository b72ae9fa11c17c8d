//! Parquet: a row for each sample. Columns: `metric`, `labels` (a map, without the name), `timestamp`
//! (milliseconds, UTC), `value` (null for histograms), `histogram` (JSON, null for floats).

use std::io::Write;
use std::sync::Arc;

use anyhow::Context as _;
use arrow_array::builder::{Float64Builder, StringBuilder, TimestampMillisecondBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::{Exemplar, Series};
use skopos_core::sample::is_stale;
use skopos_storage::columns::{append_labels, label_map_builder, label_map_type};

use super::{Exported, Form, json};

/// Rows that are given to the writer at once, and rows of a group.
const BATCH_ROWS: usize = 16 * 1024;
const GROUP_ROWS: usize = 256 * 1024;

/// Writes rows.
pub(crate) struct ParquetRows {
    writer: ArrowWriter<Box<dyn Write + Send>>,
    schema: SchemaRef,
}

impl ParquetRows {
    pub(crate) fn new(out: Box<dyn Write + Send>) -> anyhow::Result<Self> {
        let schema: SchemaRef = Arc::new(Schema::new(vec![
            Field::new("metric", DataType::Utf8, false),
            Field::new("labels", label_map_type(), false),
            Field::new(
                "timestamp",
                DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
                false,
            ),
            Field::new("value", DataType::Float64, true),
            Field::new("histogram", DataType::Utf8, true),
        ]));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .build();
        let writer = ArrowWriter::try_new(out, Arc::clone(&schema), Some(properties));
        Ok(Self {
            writer: writer.context("failed to begin the Parquet file")?,
            schema,
        })
    }

    fn write(&mut self, series: &Series, rows: &[(i64, Option<f64>, Option<String>)]) -> anyhow::Result<()> {
        let own = series.labels.without(&[METRIC_NAME]);
        let (mut metrics, mut labels) = (StringBuilder::new(), label_map_builder());
        let mut times = TimestampMillisecondBuilder::new().with_timezone("UTC");
        let (mut values, mut histograms) = (Float64Builder::new(), StringBuilder::new());
        for (time_ms, value, histogram) in rows {
            metrics.append_value(series.labels.metric_name());
            append_labels(&mut labels, &own);
            times.append_value(*time_ms);
            values.append_option(*value);
            histograms.append_option(histogram.as_deref());
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(metrics.finish()),
            Arc::new(labels.finish()),
            Arc::new(times.finish()),
            Arc::new(values.finish()),
            Arc::new(histograms.finish()),
        ];
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns).context("failed to build rows")?;
        self.writer.write(&batch).context("failed to write")
    }
}

impl Form for ParquetRows {
    fn series(&mut self, series: &Series, exemplars: &[Exemplar], exported: &mut Exported) -> anyhow::Result<()> {
        exported.exemplars_left_out += exemplars.len() as u64;
        let floats = series.timestamps_ms.iter().zip(&series.values);
        let floats = floats.map(|(time_ms, value)| (*time_ms, Some(*value), None));
        let histograms = series.histogram_timestamps_ms.iter().zip(&series.histograms);
        // Of a staleness marker nothing but that counts, whatever it ends.
        let histograms = histograms.map(|(time_ms, histogram)| {
            if is_stale(histogram.sum) {
                (*time_ms, Some(histogram.sum), None)
            } else {
                (*time_ms, None, Some(json::histogram(histogram).to_string()))
            }
        });
        let mut rows = floats.chain(histograms).peekable();
        while rows.peek().is_some() {
            let some: Vec<_> = rows.by_ref().take(BATCH_ROWS).collect();
            self.write(series, &some)?;
            exported.samples += some.len() as u64;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> anyhow::Result<()> {
        let mut out = self.writer.into_inner().context("failed to end the Parquet file")?;
        out.flush().context("failed to write")
    }
}
