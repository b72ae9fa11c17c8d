//! OpenMetrics text. Of what is known of families, TYPE, HELP and UNIT are written where all samples of
//! the family have its name, so that no two families are mixed: not for histograms and summaries.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Context as _;
use skopos_core::Labels;
use skopos_core::labels::{METRIC_NAME, is_legacy_label_name, is_legacy_metric_name};
use skopos_core::metric::{Exemplar, MetricMetadata, MetricType, Series};
use skopos_core::sample::is_stale;
use skopos_wire::number::format_float;

use super::{Exported, Form};

/// Writes text.
pub(crate) struct OpenMetrics {
    out: Box<dyn Write + Send>,
    metadata: BTreeMap<String, MetricMetadata>,
    /// The metric of the last series.
    metric: String,
}

impl OpenMetrics {
    pub(crate) fn new(out: Box<dyn Write + Send>, metadata: Vec<MetricMetadata>) -> Self {
        Self {
            out,
            metadata: metadata
                .into_iter()
                .map(|entry| (entry.metric.clone(), entry))
                .collect(),
            metric: String::new(),
        }
    }

    fn family(&mut self, metric: &str) -> std::io::Result<()> {
        let stem = metric.strip_suffix("_total").unwrap_or(metric);
        let Some(known) = self.metadata.get(metric).or_else(|| self.metadata.get(stem)) else {
            return Ok(());
        };
        let family = match known.metric_type {
            MetricType::Counter if stem != metric => stem,
            MetricType::Gauge | MetricType::Unknown if known.metric == metric => metric,
            _ => return Ok(()),
        };
        let mut name = String::new();
        push_name(&mut name, family);
        writeln!(self.out, "# TYPE {name} {}", known.metric_type)?;
        if !known.unit.is_empty() && family.ends_with(&format!("_{}", known.unit)) {
            writeln!(self.out, "# UNIT {name} {}", known.unit)?;
        }
        if !known.help.is_empty() {
            let mut help = String::new();
            push_escaped(&mut help, &known.help);
            writeln!(self.out, "# HELP {name} {help}")?;
        }
        Ok(())
    }
}

impl Form for OpenMetrics {
    fn series(&mut self, series: &Series, exemplars: &[Exemplar], exported: &mut Exported) -> anyhow::Result<()> {
        exported.histograms_left_out += series.histograms.len() as u64;
        if series.values.is_empty() {
            exported.exemplars_left_out += exemplars.len() as u64;
            return Ok(());
        }
        let metric = series.labels.metric_name();
        if metric != self.metric {
            metric.clone_into(&mut self.metric);
            let metric = self.metric.clone();
            self.family(&metric).context("failed to write")?;
        }
        let mut text = String::new();
        push_series(&mut text, &series.labels);
        let mut exemplars = exemplars.iter().peekable();
        for (time_ms, value) in series.timestamps_ms.iter().zip(&series.values) {
            if is_stale(*value) {
                exported.markers_left_out += 1;
                continue;
            }
            write!(self.out, "{text} {} {}", format_float(*value), seconds(*time_ms)).context("failed to write")?;
            // A line has room for one: the first that no line before had.
            if let Some(exemplar) = exemplars.next_if(|exemplar| exemplar.timestamp_ms <= *time_ms) {
                let mut pairs = String::new();
                push_pairs(&mut pairs, None, &exemplar.labels);
                let at = seconds(exemplar.timestamp_ms);
                write!(self.out, " # {pairs} {} {at}", format_float(exemplar.value)).context("failed to write")?;
            }
            self.out.write_all(b"\n").context("failed to write")?;
            exported.samples += 1;
        }
        exported.exemplars_left_out += exemplars.count() as u64;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<()> {
        self.out.write_all(b"# EOF\n").context("failed to write")?;
        self.out.flush().context("failed to write")
    }
}

/// Seconds with three digits, exact.
fn seconds(time_ms: i64) -> String {
    let sign = if time_ms < 0 { "-" } else { "" };
    let ms = time_ms.unsigned_abs();
    match ms % 1000 {
        0 => format!("{sign}{}", ms / 1000),
        rest => format!("{sign}{}.{rest:03}", ms / 1000),
    }
}

fn push_series(out: &mut String, labels: &Labels) {
    let metric = labels.metric_name();
    if is_legacy_metric_name(metric) {
        out.push_str(metric);
        if labels.len() > 1 {
            push_pairs(out, None, labels);
        }
    } else {
        push_pairs(out, Some(metric), labels);
    }
}

/// Pairs in braces, a name that needs quotes before them.
fn push_pairs(out: &mut String, name: Option<&str>, labels: &Labels) {
    out.push('{');
    let mut separator = "";
    if let Some(name) = name {
        push_quoted(out, name);
        separator = ",";
    }
    for (label, value) in labels.iter().filter(|(label, _)| *label != METRIC_NAME) {
        out.push_str(separator);
        separator = ",";
        if is_legacy_label_name(label) {
            out.push_str(label);
        } else {
            push_quoted(out, label);
        }
        out.push('=');
        push_quoted(out, value);
    }
    out.push('}');
}

fn push_name(out: &mut String, name: &str) {
    if is_legacy_metric_name(name) {
        out.push_str(name);
    } else {
        push_quoted(out, name);
    }
}

fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    push_escaped(out, text);
    out.push('"');
}

fn push_escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' => out.push_str("\\\""),
            c => out.push(c),
        }
    }
}
