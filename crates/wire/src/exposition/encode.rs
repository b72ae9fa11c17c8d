//! The text format 0.0.4 on the way out: for `/metrics`, `/federate` and the host's metrics.

use skopos_core::labels::{METRIC_NAME, is_legacy_label_name, is_legacy_metric_name};
use skopos_core::metric::MetricType;

use crate::number::format_float;

/// Writes an exposition. The caller keeps the lines of a family together.
#[derive(Debug, Default)]
pub struct TextWriter {
    out: String,
}

impl TextWriter {
    /// The `Content-Type` of what is written.
    pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

    /// An empty exposition.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes the HELP and TYPE lines of a family.
    pub fn family(&mut self, metric: &str, metric_type: MetricType, help: &str) -> &mut Self {
        self.out.push_str("# HELP ");
        self.push_name(metric);
        self.out.push(' ');
        push_escaped(&mut self.out, help, false);
        self.out.push('\n');
        self.metric_type(metric, metric_type)
    }

    /// Writes the TYPE line of a family. Types that the text format lacks become `untyped`.
    pub fn metric_type(&mut self, metric: &str, metric_type: MetricType) -> &mut Self {
        let name = match metric_type {
            MetricType::Counter | MetricType::Gauge | MetricType::Histogram | MetricType::Summary => {
                metric_type.as_str()
            }
            MetricType::Info | MetricType::StateSet => "gauge",
            MetricType::Unknown | MetricType::GaugeHistogram => "untyped",
        };
        self.out.push_str("# TYPE ");
        self.push_name(metric);
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push('\n');
        self
    }

    /// Writes a sample line. A pair named `__name__` is left out.
    pub fn sample<'a>(
        &mut self,
        metric: &str,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        value: f64,
        timestamp_ms: Option<i64>,
    ) -> &mut Self {
        let is_legacy = is_legacy_metric_name(metric);
        let mut separator = '{';
        if is_legacy {
            self.out.push_str(metric);
        } else {
            self.out.push('{');
            self.push_name(metric);
            separator = ',';
        }
        for (name, text) in labels.into_iter().filter(|(name, _)| *name != METRIC_NAME) {
            self.out.push(separator);
            separator = ',';
            self.push_label(name, text);
        }
        if separator == ',' {
            self.out.push('}');
        }
        self.out.push(' ');
        self.push_number(value);
        if let Some(timestamp_ms) = timestamp_ms {
            self.out.push(' ');
            self.out.push_str(&timestamp_ms.to_string());
        }
        self.out.push('\n');
        self
    }

    /// What has been written.
    pub fn finish(self) -> String {
        self.out
    }

    fn push_label(&mut self, name: &str, text: &str) {
        if is_legacy_label_name(name) {
            self.out.push_str(name);
        } else {
            self.push_quoted(name);
        }
        self.out.push('=');
        self.push_quoted(text);
    }

    fn push_name(&mut self, name: &str) {
        if is_legacy_metric_name(name) {
            self.out.push_str(name);
        } else {
            self.push_quoted(name);
        }
    }

    fn push_quoted(&mut self, text: &str) {
        self.out.push('"');
        push_escaped(&mut self.out, text, true);
        self.out.push('"');
    }

    fn push_number(&mut self, value: f64) {
        self.out.push_str(&format_float(value));
    }
}

fn push_escaped(out: &mut String, text: &str, quotes: bool) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quotes => out.push_str("\\\""),
            c => out.push(c),
        }
    }
}
