//! The labels that a scraped sample is stored under (`mutateSampleLabels` in Prometheus).

use skopos_config::{Limits, NameValidationScheme, ScrapeConfig};
use skopos_core::labels::{METRIC_NAME, is_legacy_label_name, is_legacy_metric_name};
use skopos_core::matcher::MatcherError;
use skopos_core::{Labels, LabelsBuilder};
use skopos_relabel::{Relabeler, Verdict};
use skopos_wire::exposition::LabelPairs;

use super::IngestError;

/// Most characters of a metric's name in a message.
const SHOWN_CHARS: usize = 50;

/// Settings of a job that concern labels.
#[derive(Debug)]
pub(crate) struct LabelRules {
    honor_labels: bool,
    metric_relabeler: Relabeler,
    limits: Limits,
    scheme: NameValidationScheme,
}

impl LabelRules {
    pub(crate) fn new(config: &ScrapeConfig) -> Result<Self, MatcherError> {
        Ok(Self {
            honor_labels: config.honor_labels,
            metric_relabeler: Relabeler::new(&config.metric_relabel_configs)?,
            limits: config.limits,
            scheme: config.metric_name_validation_scheme,
        })
    }

    pub(super) fn plain(scheme: NameValidationScheme) -> Self {
        Self {
            honor_labels: false,
            metric_relabeler: Relabeler::default(),
            limits: Limits::default(),
            scheme,
        }
    }

    /// The labels of a sample of a target; `None` if rules drop it.
    pub(super) fn of_sample(&self, pairs: &LabelPairs<'_>, target: &Labels) -> Result<Option<Labels>, IngestError> {
        let mut labels = LabelsBuilder::new();
        for (name, value) in pairs {
            labels.set(name, value);
        }
        if self.honor_labels {
            honour(&mut labels, pairs, target);
        } else {
            prefer_target(&mut labels, target);
        }
        if self.metric_relabeler.apply(&mut labels) == Verdict::Drop {
            return Ok(None);
        }
        let labels = labels.build();
        self.check_names(&labels)?;
        self.check_limits(&labels)?;
        Ok(Some(labels))
    }

    fn check_names(&self, labels: &Labels) -> Result<(), IngestError> {
        let name = labels.metric_name();
        let is_valid = match self.scheme {
            NameValidationScheme::Utf8 => !name.is_empty(),
            NameValidationScheme::Legacy => {
                is_legacy_metric_name(name) && labels.iter().all(|(name, _)| is_legacy_label_name(name))
            }
        };
        if is_valid {
            return Ok(());
        }
        Err(IngestError::Parse(format!(
            "invalid metric name or label names: {labels}"
        )))
    }

    fn check_limits(&self, labels: &Labels) -> Result<(), IngestError> {
        let exceeded = |what: &str, detail: String| {
            let metric: String = labels.metric_name().chars().take(SHOWN_CHARS).collect();
            Err(IngestError::LabelLimit(format!(
                "{what} exceeded (metric: {metric}, {detail})"
            )))
        };
        let limits = &self.limits;
        let count = labels.len() as u64;
        if limits.label_limit != 0 && count > limits.label_limit {
            return exceeded(
                "label_limit",
                format!("number of labels: {count}, limit: {}", limits.label_limit),
            );
        }
        for (name, value) in labels {
            let shown: String = name.chars().take(SHOWN_CHARS).collect();
            let (name_length, value_length) = (name.len() as u64, value.len() as u64);
            if limits.label_name_length_limit != 0 && name_length > limits.label_name_length_limit {
                let limit = limits.label_name_length_limit;
                return exceeded(
                    "label_name_length_limit",
                    format!("label name: {shown}, length: {name_length}, limit: {limit}"),
                );
            }
            if limits.label_value_length_limit != 0 && value_length > limits.label_value_length_limit {
                let limit = limits.label_value_length_limit;
                return exceeded(
                    "label_value_length_limit",
                    format!("label name: {shown}, length: {value_length}, limit: {limit}"),
                );
            }
        }
        Ok(())
    }
}

/// Labels of the sample win, even empty ones.
fn honour(labels: &mut LabelsBuilder, pairs: &LabelPairs<'_>, target: &Labels) {
    for (name, value) in target {
        if pairs.iter().all(|(exposed, _)| exposed != name) {
            labels.set(name, value);
        }
    }
}

/// Labels of the target win; what the sample had moves to `exported_…`. Also used for the
/// scraper's own series.
pub(super) fn prefer_target(labels: &mut LabelsBuilder, target: &Labels) {
    let mut moved = Vec::new();
    for (name, value) in target {
        let exposed = labels.get(name);
        if !exposed.is_empty() {
            moved.push((name, exposed.to_owned()));
        }
        labels.set(name, value);
    }
    // Shorter names first, so that a name that is itself a prefixed one gives way.
    moved.sort_by_key(|(name, _)| name.len());
    for (name, value) in moved {
        let mut renamed = format!("exported_{name}");
        while !labels.get(&renamed).is_empty() {
            renamed.insert_str(0, "exported_");
        }
        labels.set(&renamed, &value);
    }
}

/// The labels of one of the scraper's own series.
pub(super) fn report_labels(metric: &str, target: &Labels) -> Labels {
    let mut labels = LabelsBuilder::new();
    labels.set(METRIC_NAME, metric);
    prefer_target(&mut labels, target);
    labels.set(METRIC_NAME, metric);
    labels.build()
}
