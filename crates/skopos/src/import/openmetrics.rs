//! `skopos import openmetrics`: a file of samples with times, line by line in memory that does not grow.
//!
//! The parser wants a whole exposition, so the text is given to it in pieces that end with a line; the
//! types that were announced go along, for they say how `le` and `quantile` are written.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};

use anyhow::{Context as _, bail};
use skopos_core::Labels;
use skopos_core::metric::{Exemplar, MetricMetadata};
use skopos_metrics::BulkLoad;
use skopos_wire::exposition::{Entry, Format, LabelPairs, MetadataText, Parser, Sample};

use super::gather::Gathered;
use super::progress::bar;
use super::report::{Report, SourceReport};
use super::selection::Selected;
use super::target::{Target, note_retention, tenant};
use crate::cli::import::ImportOpenmetricsArgs;

/// Longest piece that is parsed at once, if no line is longer.
const PIECE_BYTES: usize = 4 * 1024 * 1024;
/// Longest line.
const MAX_LINE_BYTES: u64 = 16 * 1024 * 1024;
/// Ends an exposition.
const END: &str = "# EOF\n";

pub(super) fn import(args: &ImportOpenmetricsArgs) -> anyhow::Result<Report> {
    let selected = Selected::of(&args.selection)?;
    let is_stdin = args.file.as_os_str() == "-";
    let name = if is_stdin {
        "stdin".to_owned()
    } else {
        args.file.display().to_string()
    };
    let bytes = std::fs::metadata(&args.file).map_or(0, |metadata| metadata.len());
    let source: Box<dyn BufRead> = if is_stdin {
        Box::new(BufReader::new(std::io::stdin().lock()))
    } else {
        let file = File::open(&args.file).with_context(|| format!("failed to open {name}"))?;
        Box::new(BufReader::with_capacity(1 << 20, file))
    };
    let target = Target::open(&args.target)?;
    let mut report = Report::new(name.clone(), args.target.dry_run);
    let bar = bar(bytes);
    let mut import = Import {
        name: &name,
        selected: &selected,
        gathered: Gathered::default(),
        families: BTreeMap::new(),
        counted: Counted::default(),
    };
    let mut bulk = match &target {
        Some(target) if !report.dry_run => Some(target.bulk(Vec::new())),
        _ => None,
    };
    let mut pieces = Pieces::new(source);
    while let Some(piece) = pieces.next(&name)? {
        bar.inc(piece.len() as u64);
        import.piece(&piece, pieces.first_line, &mut report)?;
        if import.gathered.is_full() {
            import.write(bulk.as_mut())?;
        }
    }
    import.write(bulk.as_mut())?;
    bar.finish_and_clear();
    if let Some(bulk) = bulk {
        let written = bulk.commit(Vec::new())?;
        report.add_written(&name, &written);
        let doubles = import.counted.samples.saturating_sub(written.floats);
        report.drop_samples("duplicate", doubles);
    } else {
        foresee(&import.counted, &name, &mut report);
    }
    report.settle(&tenant(&args.target)?);
    note_retention(&mut report);
    Ok(report)
}

fn foresee(counted: &Counted, name: &str, report: &mut Report) {
    report.samples = counted.samples;
    report.exemplars = counted.exemplars;
    report.series = counted.series;
    if let (Some(min), Some(max)) = (counted.min_time_ms, counted.max_time_ms) {
        report.widen(skopos_core::TimeRange::new(min, max));
    }
    report.parts.push(SourceReport {
        name: name.to_owned(),
        min_time_ms: counted.min_time_ms,
        max_time_ms: counted.max_time_ms,
        series: counted.series,
        samples: counted.samples,
        skipped: None,
    });
}

/// What was taken so far.
#[derive(Debug, Default)]
struct Counted {
    series: u64,
    samples: u64,
    exemplars: u64,
    min_time_ms: Option<i64>,
    max_time_ms: Option<i64>,
}

/// Pieces of a text that end where lines end, each a whole exposition.
struct Pieces {
    source: Box<dyn BufRead>,
    /// The TYPE line that still holds, as it was written.
    type_line: String,
    next_line: usize,
    /// Line of the text that is the first of the piece.
    first_line: i64,
    is_ended: bool,
}

impl Pieces {
    fn new(source: Box<dyn BufRead>) -> Self {
        Self {
            source,
            type_line: String::new(),
            next_line: 1,
            first_line: 1,
            is_ended: false,
        }
    }

    fn next(&mut self, name: &str) -> anyhow::Result<Option<String>> {
        if self.is_ended {
            return self.end(name);
        }
        let mut piece = self.type_line.clone();
        self.first_line = self.next_line as i64 - i64::from(!piece.is_empty());
        while piece.len() < PIECE_BYTES {
            let start = piece.len();
            let mut line = Vec::new();
            let mut bounded = (&mut self.source).take(MAX_LINE_BYTES);
            bounded
                .read_until(b'\n', &mut line)
                .with_context(|| format!("failed to read {name}"))?;
            let at = self.next_line;
            if line.is_empty() {
                bail!(
                    "{name}:{at}: data does not end with # EOF\nthe file may be cut; add a last line `# EOF` if it is whole"
                );
            }
            if line.len() as u64 >= MAX_LINE_BYTES {
                bail!("{name}:{at}: the line is longer than {MAX_LINE_BYTES} bytes");
            }
            let line = String::from_utf8(line).with_context(|| format!("{name}:{at}: the line is not UTF-8"))?;
            piece.push_str(&line);
            self.next_line += 1;
            if line.trim_end_matches('\n') == "# EOF" {
                self.is_ended = true;
                return Ok(Some(piece));
            }
            if piece[start..].starts_with("# TYPE ") {
                self.type_line = line;
            }
        }
        piece.push_str(END);
        Ok(Some(piece))
    }

    /// Nothing may follow.
    fn end(&mut self, name: &str) -> anyhow::Result<Option<String>> {
        let mut byte = [0];
        let more = self
            .source
            .read(&mut byte)
            .with_context(|| format!("failed to read {name}"))?;
        if more > 0 {
            bail!("{name}:{}: unexpected data after # EOF", self.next_line);
        }
        Ok(None)
    }
}

struct Import<'a> {
    name: &'a str,
    selected: &'a Selected,
    gathered: Gathered,
    families: BTreeMap<String, MetricMetadata>,
    counted: Counted,
}

impl Import<'_> {
    fn piece(&mut self, piece: &str, first_line: i64, report: &mut Report) -> anyhow::Result<()> {
        let mut parser = Parser::new(piece.as_bytes(), Format::OpenMetrics);
        let line = |line: usize| line as i64 + first_line - 1;
        while let Some(entry) = parser.next() {
            let entry =
                entry.map_err(|error| anyhow::anyhow!("{}:{}: {}", self.name, line(error.line), error.reason))?;
            match entry {
                Entry::Metadata(text) => self.metadata(&text),
                Entry::Sample(sample) => {
                    let added = self.sample(&sample, report);
                    added.with_context(|| format!("{}:{}", self.name, line(parser.line())))?;
                }
            }
        }
        Ok(())
    }

    fn metadata(&mut self, text: &MetadataText<'_>) {
        let (MetadataText::Help { metric, .. } | MetadataText::Type { metric, .. } | MetadataText::Unit { metric, .. }) =
            text;
        let family = self
            .families
            .entry(metric.to_string())
            .or_insert_with(|| MetricMetadata {
                metric: metric.to_string(),
                metric_type: skopos_core::metric::MetricType::Unknown,
                help: String::new(),
                unit: String::new(),
            });
        match text {
            MetadataText::Help { help, .. } => family.help = help.to_string(),
            MetadataText::Type { metric_type, .. } => family.metric_type = *metric_type,
            MetadataText::Unit { unit, .. } => family.unit = unit.to_string(),
        }
    }

    fn sample(&mut self, sample: &Sample<'_>, report: &mut Report) -> anyhow::Result<()> {
        let labels = labels(&sample.labels().map_err(|error| anyhow::anyhow!("{error}"))?);
        let Some(timestamp_ms) = sample.timestamp_ms else {
            bail!("the sample of {labels} has no timestamp: each needs one, in seconds after the value");
        };
        if !self.selected.takes(&labels) || !self.selected.range.contains(timestamp_ms) {
            report.drop_samples("selection", 1);
            return Ok(());
        }
        let number = self.gathered.number(labels);
        self.counted.series = self.counted.series.max(u64::from(number) + 1);
        self.counted.samples += 1;
        self.counted.min_time_ms = Some(
            self.counted
                .min_time_ms
                .map_or(timestamp_ms, |min| min.min(timestamp_ms)),
        );
        self.counted.max_time_ms = Some(
            self.counted
                .max_time_ms
                .map_or(timestamp_ms, |max| max.max(timestamp_ms)),
        );
        let exemplar = match &sample.exemplar {
            None => None,
            Some(text) => Some(Exemplar {
                labels: self::labels(&text.labels().map_err(|error| anyhow::anyhow!("{error}"))?),
                timestamp_ms: text.timestamp_ms.unwrap_or(timestamp_ms),
                value: text.value,
            }),
        };
        if !report.dry_run {
            self.gathered.float(number, timestamp_ms, sample.value, 0);
        }
        if let Some(exemplar) = exemplar {
            self.counted.exemplars += 1;
            if !report.dry_run {
                self.gathered.exemplar(number, exemplar);
            }
        }
        Ok(())
    }

    fn write(&mut self, bulk: Option<&mut BulkLoad<'_>>) -> anyhow::Result<()> {
        let Some(bulk) = bulk else {
            return Ok(());
        };
        bulk.add_metadata(std::mem::take(&mut self.families).into_values().collect());
        self.gathered.write(bulk)
    }
}

fn labels(pairs: &LabelPairs<'_>) -> Labels {
    Labels::from_pairs(pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref())))
}
