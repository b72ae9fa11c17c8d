//! `skopos import prometheus`: block after block, then what is in no block yet.

use std::sync::Arc;

use indicatif::ProgressBar;
use skopos_core::TimeRange;
use skopos_core::metric::Series;
use skopos_metrics::BulkSeries;
use skopos_prometheus_tsdb::{Block, ChunkRef, ChunkSegments, DataDir, SeriesEntry, TsdbError, decode_chunk};
use skopos_storage::error_text;
use skopos_wire::histogram::checked;

use super::head;
use super::progress::bar;
use super::report::{Report, SourceReport};
use super::selection::{Selected, keep_times};
use super::target::{Target, note_retention, tenant};
use crate::cli::import::ImportPrometheusArgs;

pub(super) fn import(args: &ImportPrometheusArgs) -> anyhow::Result<Report> {
    let selected = Selected::of(&args.selection)?;
    let dir = DataDir::open(&args.source)?;
    let target = Target::open(&args.target)?;
    let mut report = Report::new(args.source.display().to_string(), args.target.dry_run);
    note_findings(&dir, &mut report);
    let head_bytes: u64 = [&dir.wal, &dir.wbl, &dir.head_chunks]
        .iter()
        .flat_map(|files| files.iter().map(|file| file.bytes))
        .sum();
    let bar = bar(head_bytes + dir.blocks.iter().map(size_bytes).sum::<u64>());
    for block in &dir.blocks {
        bar.set_message(block.meta().ulid.clone());
        let end = bar.position() + size_bytes(block);
        match why_not(block, target.as_ref(), &selected) {
            Some(why) => report.skip(described(block), why),
            None if report.dry_run => foresee(block, &mut report),
            None => {
                if let Some(target) = &target {
                    import_block(block, target, &selected, &mut report, &bar)?;
                }
            }
        }
        bar.set_position(end);
    }
    bar.set_message("head");
    head::import(&dir, target.as_ref(), &selected, &mut report, &bar)?;
    bar.finish_and_clear();
    report.settle(&tenant(&args.target)?);
    note_retention(&mut report);
    Ok(report)
}

fn note_findings(dir: &DataDir, report: &mut Report) {
    for (path, reason) in &dir.broken {
        report.note_damage(format!("block {} cannot be read: {reason}", path.display()));
    }
    if !dir.superseded.is_empty() {
        let note = format!(
            "{} blocks were compacted into others and are left out.",
            dir.superseded.len()
        );
        report.notes.push(note);
    }
    if dir.has_lock_file {
        report.notes.push(
            "There is a lock file: if a Prometheus still runs there, what it writes during the import may be missing; \
             import again afterwards."
                .to_owned(),
        );
    }
}

fn size_bytes(block: &Block) -> u64 {
    let index = std::fs::metadata(block.folder().join("index")).map_or(0, |metadata| metadata.len());
    let chunks = std::fs::read_dir(block.folder().join("chunks"));
    let chunks = chunks.into_iter().flatten().flatten();
    index
        + chunks
            .filter_map(|entry| entry.metadata().ok())
            .map(|metadata| metadata.len())
            .sum::<u64>()
}

/// The times of a block.
fn range(block: &Block) -> TimeRange {
    let meta = block.meta();
    TimeRange::new(meta.min_time_ms, meta.max_time_ms.saturating_sub(1))
}

fn described(block: &Block) -> SourceReport {
    let (meta, range) = (block.meta(), range(block));
    SourceReport {
        name: format!("block {}", meta.ulid),
        min_time_ms: Some(range.start_ms),
        max_time_ms: Some(range.end_ms),
        series: meta.stats.num_series,
        samples: meta.stats.num_samples,
        skipped: None,
    }
}

/// What the block says of itself, taken for what would be taken.
fn foresee(block: &Block, report: &mut Report) {
    let part = described(block);
    report.series += part.series;
    report.samples += part.samples;
    report.widen(range(block));
    report.parts.push(part);
}

fn source_name(ulid: &str, selected: &Selected) -> String {
    format!("prometheus-block {ulid}{}", selected.suffix())
}

fn why_not(block: &Block, target: Option<&Target>, selected: &Selected) -> Option<String> {
    if selected.within(range(block)).is_none() {
        return Some("it lies outside of --from and --to".to_owned());
    }
    let has = |ulid: &String| target.is_some_and(|target| target.has(&source_name(ulid, selected)));
    let meta = block.meta();
    if has(&meta.ulid) {
        return Some("it was imported before".to_owned());
    }
    let sources = &meta.compaction.sources;
    (!sources.is_empty() && sources.iter().all(has))
        .then(|| "the blocks it was made from were imported before".to_owned())
}

fn import_block(
    block: &Block,
    target: &Target,
    selected: &Selected,
    report: &mut Report,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    let opened = || Ok((block.index()?, block.segments()?, block.tombstones()?));
    let (mut index, mut segments, tombstones) = match opened() {
        Ok(opened) => opened,
        Err(error) => return skip_damaged(block, &error, report),
    };
    let range = selected.within(range(block)).unwrap_or(range(block));
    let mut bulk = target.bulk(Vec::new());
    loop {
        let entry = match index.next_series() {
            Ok(Some(entry)) => entry,
            Ok(None) => break,
            // Nothing of the block is live yet: it is taken whole or not at all.
            Err(error) => return skip_damaged(block, &error, report),
        };
        if !selected.takes(&entry.labels) {
            continue;
        }
        let mut series = read_series(&entry, &mut segments, range, report, bar)?;
        if let Some(deleted) = tombstones.get(&entry.reference) {
            let gone = keep_times(&mut series, |time| !deleted.iter().any(|range| range.contains(time)));
            report.drop_samples("deleted", gone);
        }
        check_histograms(&mut series, report);
        series.labels = entry.labels;
        bulk.add(BulkSeries {
            series,
            ..BulkSeries::default()
        })?;
    }
    let meta = block.meta();
    let names = std::iter::once(&meta.ulid).chain(&meta.compaction.sources);
    let names = names.map(|ulid| target.name(&source_name(ulid, selected)));
    let written = bulk.commit(names.collect())?;
    report.add_written(&format!("block {}", meta.ulid), &written);
    Ok(())
}

fn skip_damaged(block: &Block, error: &TsdbError, report: &mut Report) -> anyhow::Result<()> {
    if !error.is_corrupt()
        && !matches!(error, TsdbError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    {
        anyhow::bail!("{}", error_text(error));
    }
    report.note_damage(error_text(error));
    report.skip(described(block), "it is damaged");
    Ok(())
}

/// The samples of the chunks that touch the range, cut to it. A chunk that cannot be read is told.
fn read_series(
    entry: &SeriesEntry,
    segments: &mut ChunkSegments,
    range: TimeRange,
    report: &mut Report,
    bar: &ProgressBar,
) -> anyhow::Result<Series> {
    let mut series = Series::default();
    for chunk in entry.chunks.iter().filter(|chunk| chunk.range.overlaps(&range)) {
        match read_chunk(chunk, segments, &mut series) {
            Ok(bytes) => bar.inc(bytes),
            Err(error) if error.is_corrupt() => {
                report.note_damage(format!("{} of {}", error_text(&error), entry.labels));
            }
            Err(error) => anyhow::bail!("{}", error_text(&error)),
        }
    }
    let gone = keep_times(&mut series, |time| range.contains(time));
    report.drop_samples("selection", gone);
    Ok(series)
}

/// Appends the samples of a chunk, all or none.
fn read_chunk(chunk: &ChunkRef, segments: &mut ChunkSegments, series: &mut Series) -> Result<u64, TsdbError> {
    let (floats, histograms) = (series.values.len(), series.histograms.len());
    let (encoding, data) = segments.read(chunk)?;
    let bytes = data.len() as u64;
    if let Err(problem) = decode_chunk(encoding, data, series) {
        series.timestamps_ms.truncate(floats);
        series.values.truncate(floats);
        series.histogram_timestamps_ms.truncate(histograms);
        series.histograms.truncate(histograms);
        return Err(segments.corrupt(chunk, problem.to_string()));
    }
    Ok(bytes)
}

/// Leaves out native histograms that contradict themselves, as the other doors do.
fn check_histograms(series: &mut Series, report: &mut Report) {
    let mut refused = 0;
    let times = std::mem::take(&mut series.histogram_timestamps_ms);
    let histograms = std::mem::take(&mut series.histograms);
    for (time_ms, histogram) in times.into_iter().zip(histograms) {
        match checked(Arc::unwrap_or_clone(histogram)) {
            Ok(histogram) => {
                series.histogram_timestamps_ms.push(time_ms);
                series.histograms.push(Arc::new(histogram));
            }
            Err(_) => refused += 1,
        }
    }
    report.drop_samples("invalid_histogram", refused);
}
