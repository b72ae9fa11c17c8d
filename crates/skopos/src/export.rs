//! `skopos export`: samples of a data directory as OpenMetrics, JSON lines or Parquet, metric after
//! metric, so that memory holds one metric at most; of a large one, one series.

mod json;
mod jsonl;
mod openmetrics;
mod parquet;

use std::fs::File;
use std::io::{BufWriter, Write};

use anyhow::{Context as _, bail};
use skopos_core::metric::{Exemplar, MetricSource as _, ResolutionLimit, Selection, Series};
use skopos_core::{Labels, Matcher, QueryBudget, TenantId, labels};
use skopos_metrics::{MetricStore, MetricStoreOptions, TenantMetrics};
use skopos_storage::DataDirLock;

use crate::banner::print_error_line;
use crate::cli::export::{ExportArgs, ExportFormat};
use crate::import::Selected;

/// Samples of a metric that are read at once; of a metric with more, one series at a time.
const MAX_SAMPLES: u64 = 4_000_000;

/// What was written and what the format has no place for.
#[derive(Debug, Default)]
pub(crate) struct Exported {
    pub(crate) series: u64,
    pub(crate) samples: u64,
    pub(crate) histograms_left_out: u64,
    pub(crate) markers_left_out: u64,
    pub(crate) exemplars_left_out: u64,
}

/// A form of output. Series come sorted by labels.
pub(crate) trait Form {
    fn series(&mut self, series: &Series, exemplars: &[Exemplar], exported: &mut Exported) -> anyhow::Result<()>;
    fn finish(self: Box<Self>) -> anyhow::Result<()>;
}

pub(crate) fn run(args: &ExportArgs) -> anyhow::Result<()> {
    let path = &args.storage_path;
    if !path.is_dir() {
        bail!("--storage.path {}: there is no such folder", path.display());
    }
    let selected = Selected::of(&args.selection)?;
    let _lock = DataDirLock::acquire(path).context(
        "nothing can be exported while a server runs on the data directory\nexport a snapshot of it, see --help",
    )?;
    let store = MetricStore::open(MetricStoreOptions::new(path))?;
    let tenant = args
        .tenant
        .as_deref()
        .map_or_else(|| Ok(TenantId::default()), TenantId::new)?;
    let source = store.tenant(&tenant);
    let mut form = form(args, &source)?;
    let mut exported = Exported::default();
    let names = source.label_values(labels::METRIC_NAME, &[], selected.range)?;
    for name in names {
        export_metric(&name, &source, &selected, form.as_mut(), &mut exported)?;
    }
    form.finish()?;
    tell(&exported);
    Ok(())
}

fn form(args: &ExportArgs, source: &TenantMetrics) -> anyhow::Result<Box<dyn Form>> {
    let out: Box<dyn Write + Send> = match &args.output {
        Some(path) => {
            let file = File::create(path).with_context(|| format!("failed to create {}", path.display()))?;
            Box::new(BufWriter::new(file))
        }
        None => Box::new(BufWriter::new(std::io::stdout())),
    };
    Ok(match args.format {
        ExportFormat::Openmetrics => Box::new(openmetrics::OpenMetrics::new(out, source.metadata(None)?)),
        ExportFormat::Jsonl => Box::new(jsonl::JsonLines::new(out)),
        ExportFormat::Parquet => Box::new(parquet::ParquetRows::new(out)?),
    })
}

fn export_metric(
    name: &str,
    source: &TenantMetrics,
    selected: &Selected,
    form: &mut dyn Form,
    exported: &mut Exported,
) -> anyhow::Result<()> {
    let matchers = [Matcher::equal(labels::METRIC_NAME, name)];
    let selection = Selection {
        matchers: &matchers,
        range: selected.range,
        step_ms: 0,
        resolution: ResolutionLimit::KEPT,
    };
    if source
        .estimate(&selection)?
        .samples
        .is_some_and(|samples| samples <= MAX_SAMPLES)
    {
        return write(source, &selection, |labels| selected.takes(labels), form, exported);
    }
    for wanted in source.series(&matchers, selected.range)? {
        if !selected.takes(&wanted) {
            continue;
        }
        let matchers: Vec<Matcher> = wanted.iter().map(|(name, value)| Matcher::equal(name, value)).collect();
        let selection = Selection {
            matchers: &matchers,
            ..selection
        };
        write(source, &selection, |labels| *labels == wanted, form, exported)?;
    }
    Ok(())
}

/// Writes the series of a selection that pass.
fn write(
    source: &TenantMetrics,
    selection: &Selection<'_>,
    passes: impl Fn(&Labels) -> bool,
    form: &mut dyn Form,
    exported: &mut Exported,
) -> anyhow::Result<()> {
    let mut exemplars = source
        .exemplars(selection.matchers, selection.range)?
        .into_iter()
        .peekable();
    for series in source.select(selection, &QueryBudget::unbounded())? {
        while exemplars.next_if(|(labels, _)| *labels < series.labels).is_some() {}
        let of_series = exemplars.next_if(|(labels, _)| *labels == series.labels);
        if passes(&series.labels) {
            let of_series = of_series.map(|(_, exemplars)| exemplars).unwrap_or_default();
            exported.series += 1;
            form.series(&series, &of_series, exported)?;
        }
    }
    Ok(())
}

fn tell(exported: &Exported) {
    print_error_line(&format!(
        "exported {} samples of {} series",
        exported.samples, exported.series
    ));
    let left_out = [
        (
            exported.histograms_left_out,
            "native histograms: --format jsonl and parquet keep them",
        ),
        (
            exported.markers_left_out,
            "staleness markers: --format parquet keeps them",
        ),
        (
            exported.exemplars_left_out,
            "exemplars: --format openmetrics keeps them",
        ),
    ];
    for (count, what) in left_out.iter().filter(|(count, _)| *count > 0) {
        print_error_line(&format!("left out {count} {what}"));
    }
}
