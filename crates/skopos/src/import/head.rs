//! What a Prometheus has in no block yet: checkpoint and write-ahead log, the log of samples that came
//! out of order, and chunks of the head.
//!
//! Deletions hide what they cover wherever it lies, as Prometheus does after a restart: a first pass
//! finds them, with the metadata. The second gathers samples. What lies before the end of the blocks is in
//! them, so it is left out, unless it came out of order.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use indicatif::ProgressBar;
use skopos_core::TimeRange;
use skopos_core::histogram::FloatHistogram;
use skopos_core::metric::{Exemplar, MetricMetadata, MetricType, Series};
use skopos_metrics::BulkLoad;
use skopos_prometheus_tsdb::{
    DataDir, HeadChunks, MetadataEntry, Record, TsdbError, WalPart, WalReader, decode_chunk, decode_record,
};
use skopos_storage::error_text;
use skopos_wire::histogram::checked;

use super::gather::{Gathered, SeriesNumber};
use super::report::{Report, SourceReport};
use super::selection::Selected;
use super::target::Target;

pub(super) fn import(
    dir: &DataDir,
    target: Option<&Target>,
    selected: &Selected,
    report: &mut Report,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    if dir.wal.is_empty() && dir.wbl.is_empty() && dir.head_chunks.is_empty() {
        return Ok(());
    }
    let name = source_name(dir, selected);
    if target.is_some_and(|target| target.has(&name)) {
        report.skip(described(), "it was imported before and has not changed since");
        return Ok(());
    }
    let mut replay = Replay::new(dir, selected, report);
    replay.first_pass(dir)?;
    let Some(target) = target.filter(|_| !replay.report.dry_run) else {
        let mut counted = Counted::default();
        replay.second_pass(dir, &mut Sink::Count(&mut counted), bar)?;
        foresee(&counted, report);
        return Ok(());
    };
    let mut bulk = target.bulk(replay.families());
    replay.second_pass(dir, &mut Sink::Write(&mut bulk), bar)?;
    let written = bulk.commit(vec![target.name(&name)])?;
    report.add_written("head", &written);
    Ok(())
}

fn described() -> SourceReport {
    SourceReport {
        name: "head".to_owned(),
        min_time_ms: None,
        max_time_ms: None,
        series: 0,
        samples: 0,
        skipped: None,
    }
}

fn foresee(counted: &Counted, report: &mut Report) {
    report.series += counted.series.len() as u64;
    report.samples += counted.samples;
    report.histograms += counted.histograms;
    report.exemplars += counted.exemplars;
    if let Some(range) = counted.range {
        report.widen(range);
    }
    report.parts.push(SourceReport {
        series: counted.series.len() as u64,
        samples: counted.samples,
        min_time_ms: counted.range.map(|range| range.start_ms),
        max_time_ms: counted.range.map(|range| range.end_ms),
        ..described()
    });
}

/// Names the head by its files: a head that grew is another one.
fn source_name(dir: &DataDir, selected: &Selected) -> String {
    let mut name = "prometheus-head".to_owned();
    for files in [&dir.wal, &dir.wbl, &dir.head_chunks] {
        let bytes: u64 = files.iter().map(|file| file.bytes).sum();
        let last = files.last().and_then(|file| file.path.file_name()).unwrap_or_default();
        let _infallible = write!(name, " {}-{}-{bytes}", files.len(), last.to_string_lossy());
    }
    name + selected.suffix()
}

/// Where samples go.
enum Sink<'a, 'b> {
    Write(&'a mut BulkLoad<'b>),
    Count(&'a mut Counted),
}

/// What a dry run found.
#[derive(Debug, Default)]
struct Counted {
    series: std::collections::HashSet<SeriesNumber>,
    samples: u64,
    histograms: u64,
    exemplars: u64,
    range: Option<TimeRange>,
}

impl Counted {
    fn sample(&mut self, number: SeriesNumber, timestamp_ms: i64) {
        self.series.insert(number);
        self.samples += 1;
        let range = self.range.get_or_insert(TimeRange::new(timestamp_ms, timestamp_ms));
        *range = TimeRange::new(range.start_ms.min(timestamp_ms), range.end_ms.max(timestamp_ms));
    }
}

/// Which samples of a file are left out for their time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Those of blocks are.
    InOrder,
    OutOfOrder,
}

/// A log that is gone through.
struct Replay<'a> {
    selected: &'a Selected,
    report: &'a mut Report,
    /// First time that is in no block.
    blocks_end_ms: i64,
    /// Series of the log; none where it is not wanted.
    numbers: HashMap<u64, Option<SeriesNumber>>,
    gathered: Gathered,
    deleted: HashMap<u64, Vec<TimeRange>>,
    metadata: HashMap<u64, MetadataEntry>,
}

impl<'a> Replay<'a> {
    fn new(dir: &DataDir, selected: &'a Selected, report: &'a mut Report) -> Self {
        let in_order = dir.blocks.iter().filter(|block| !block.meta().is_from_out_of_order());
        Self {
            selected,
            report,
            blocks_end_ms: in_order.map(|block| block.meta().max_time_ms).max().unwrap_or(i64::MIN),
            numbers: HashMap::new(),
            gathered: Gathered::default(),
            deleted: HashMap::new(),
            metadata: HashMap::new(),
        }
    }

    /// Finds series, deletions and metadata; tells what is damaged.
    fn first_pass(&mut self, dir: &DataDir) -> anyhow::Result<()> {
        for file in &dir.wal {
            let mut reader = WalReader::open(&file.path)?;
            loop {
                let damage = match reader.next_record() {
                    Ok(None) => break,
                    Ok(Some(record)) => match decode_record(record.bytes) {
                        Ok(record) => {
                            self.note(record);
                            continue;
                        }
                        Err(problem) => format!("{} at byte {}: {problem}", file.path.display(), record.offset),
                    },
                    Err(error) => readable(error)?,
                };
                self.report.note_damage(damage);
            }
            if reader.torn_bytes() > 0 {
                let note = format!(
                    "{} ends in an unfinished record of {} bytes.",
                    file.path.display(),
                    reader.torn_bytes()
                );
                self.report.notes.push(note);
            }
        }
        Ok(())
    }

    fn note(&mut self, record: Record) {
        match record {
            Record::Series(series) => {
                for (reference, labels) in series {
                    let is_wanted = self.selected.takes(&labels);
                    let number = is_wanted.then(|| self.gathered.number(labels));
                    self.numbers.insert(reference, number);
                }
            }
            Record::Tombstones(stones) => {
                for stone in stones {
                    self.deleted.entry(stone.series).or_default().push(stone.range);
                }
            }
            Record::Metadata(entries) => {
                self.metadata
                    .extend(entries.into_iter().map(|entry| (entry.series, entry)));
            }
            _ => {}
        }
    }

    /// Metadata by family.
    fn families(&self) -> Vec<MetricMetadata> {
        let mut families = std::collections::BTreeMap::new();
        for (reference, entry) in &self.metadata {
            let number = self.numbers.get(reference).copied().flatten();
            let Some(labels) = number.and_then(|number| self.gathered.labels(number)) else {
                continue;
            };
            let metric = family(labels.metric_name(), entry.metric_type).to_owned();
            families.insert(
                metric.clone(),
                MetricMetadata {
                    metric,
                    metric_type: entry.metric_type,
                    help: entry.help.clone(),
                    unit: entry.unit.clone(),
                },
            );
        }
        families.into_values().collect()
    }

    fn second_pass(&mut self, dir: &DataDir, sink: &mut Sink<'_, '_>, bar: &ProgressBar) -> anyhow::Result<()> {
        let logs = dir.wal.iter().map(|file| (file, Order::InOrder));
        for (file, order) in logs.chain(dir.wbl.iter().map(|file| (file, Order::OutOfOrder))) {
            self.log(file, order, sink)?;
            bar.inc(file.bytes);
        }
        for file in &dir.head_chunks {
            self.chunks(file, sink)?;
            bar.inc(file.bytes);
        }
        self.flush(sink)
    }

    fn log(&mut self, file: &WalPart, order: Order, sink: &mut Sink<'_, '_>) -> anyhow::Result<()> {
        let mut reader = WalReader::open(&file.path)?;
        loop {
            let record = match reader.next_record() {
                Ok(Some(record)) => decode_record(record.bytes)
                    .map_err(|problem| format!("{} at byte {}: {problem}", file.path.display(), record.offset)),
                Ok(None) => return Ok(()),
                Err(error) => Err(readable(error)?),
            };
            match record {
                Ok(record) => self.apply(record, order, sink),
                // The first pass told what is damaged of the log itself.
                Err(damage) if order == Order::OutOfOrder => self.report.note_damage(damage),
                Err(_) => {}
            }
            if self.gathered.is_full() {
                self.flush(sink)?;
            }
        }
    }

    fn apply(&mut self, record: Record, order: Order, sink: &mut Sink<'_, '_>) {
        match record {
            Record::Samples(samples) => {
                for sample in samples {
                    if let Some(number) = self.place(sample.series, sample.timestamp_ms, order) {
                        self.float(number, sample.timestamp_ms, sample.value, sample.start_ms, sink);
                    }
                }
            }
            Record::Histograms(histograms) => {
                for sample in histograms {
                    if let Some(number) = self.place(sample.series, sample.timestamp_ms, order) {
                        self.histogram(number, sample.timestamp_ms, sample.histogram, sample.start_ms, sink);
                    }
                }
            }
            Record::Exemplars(exemplars) => {
                for sample in exemplars {
                    if let Some(number) = self.place(sample.series, sample.exemplar.timestamp_ms, order) {
                        self.exemplar(number, sample.exemplar, sink);
                    }
                }
            }
            Record::Unknown(number) => {
                self.report
                    .note_damage(format!("records of type {number} are not known, of a later Prometheus"));
            }
            Record::Series(_)
            | Record::Tombstones(_)
            | Record::Metadata(_)
            | Record::MmapMarkers(_)
            | Record::MinValidTime(_) => {}
        }
    }

    fn chunks(&mut self, file: &WalPart, sink: &mut Sink<'_, '_>) -> anyhow::Result<()> {
        let mut chunks = match HeadChunks::open(&file.path) {
            Ok(chunks) => chunks,
            Err(error) => {
                self.report.note_damage(readable(error)?);
                return Ok(());
            }
        };
        loop {
            let chunk = match chunks.next_chunk() {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.report.note_damage(readable(error)?);
                    return Ok(());
                }
            };
            let mut series = Series::default();
            if let Err(problem) = decode_chunk(chunk.encoding, &chunk.data, &mut series) {
                self.report
                    .note_damage(error_text(&chunks.corrupt(&chunk, problem.to_string())));
                continue;
            }
            let order = if chunk.is_out_of_order {
                Order::OutOfOrder
            } else {
                Order::InOrder
            };
            for (timestamp_ms, value) in series.timestamps_ms.into_iter().zip(series.values) {
                if let Some(number) = self.place(chunk.series, timestamp_ms, order) {
                    self.float(number, timestamp_ms, value, 0, sink);
                }
            }
            for (timestamp_ms, histogram) in series.histogram_timestamps_ms.into_iter().zip(series.histograms) {
                if let Some(number) = self.place(chunk.series, timestamp_ms, order) {
                    self.histogram(number, timestamp_ms, Arc::unwrap_or_clone(histogram), 0, sink);
                }
            }
            if self.gathered.is_full() {
                self.flush(sink)?;
            }
        }
    }

    /// The series of a sample that is wanted; others are counted.
    fn place(&mut self, series: u64, timestamp_ms: i64, order: Order) -> Option<SeriesNumber> {
        let why_not = match self.numbers.get(&series) {
            None => "unknown_series",
            Some(None) => return None,
            Some(Some(_)) if !self.selected.range.contains(timestamp_ms) => "selection",
            Some(Some(_)) if order == Order::InOrder && timestamp_ms < self.blocks_end_ms => "in_blocks",
            Some(Some(number)) => {
                let deleted = self.deleted.get(&series);
                if deleted.is_none_or(|ranges| !ranges.iter().any(|range| range.contains(timestamp_ms))) {
                    return Some(*number);
                }
                "deleted"
            }
        };
        self.report.drop_samples(why_not, 1);
        None
    }

    fn float(&mut self, number: SeriesNumber, timestamp_ms: i64, value: f64, start_ms: i64, sink: &mut Sink<'_, '_>) {
        match sink {
            Sink::Count(counted) => counted.sample(number, timestamp_ms),
            Sink::Write(_) => self.gathered.float(number, timestamp_ms, value, start_ms),
        }
    }

    fn histogram(
        &mut self,
        number: SeriesNumber,
        timestamp_ms: i64,
        histogram: FloatHistogram,
        start_ms: i64,
        sink: &mut Sink<'_, '_>,
    ) {
        match (checked(histogram), sink) {
            (Err(_), _) => self.report.drop_samples("invalid_histogram", 1),
            (Ok(_), Sink::Count(counted)) => {
                counted.sample(number, timestamp_ms);
                counted.histograms += 1;
            }
            (Ok(histogram), Sink::Write(_)) => {
                self.gathered
                    .histogram(number, timestamp_ms, Arc::new(histogram), start_ms);
            }
        }
    }

    fn exemplar(&mut self, number: SeriesNumber, exemplar: Exemplar, sink: &mut Sink<'_, '_>) {
        match sink {
            Sink::Count(counted) => counted.exemplars += 1,
            Sink::Write(_) => self.gathered.exemplar(number, exemplar),
        }
    }

    fn flush(&mut self, sink: &mut Sink<'_, '_>) -> anyhow::Result<()> {
        match sink {
            Sink::Count(_) => Ok(()),
            Sink::Write(bulk) => self.gathered.write(bulk),
        }
    }
}

/// The text of damage; other errors end the import.
fn readable(error: TsdbError) -> anyhow::Result<String> {
    if error.is_corrupt() {
        return Ok(error_text(&error));
    }
    Err(error.into())
}

/// The family of a series: its name without what a type adds.
fn family(name: &str, metric_type: MetricType) -> &str {
    let suffixes: &[&str] = match metric_type {
        MetricType::Histogram | MetricType::GaugeHistogram => &["_bucket", "_count", "_sum"],
        MetricType::Summary => &["_count", "_sum"],
        _ => &[],
    };
    suffixes
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(name)
}
