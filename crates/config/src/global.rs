//! The `global` section, and the settings that scrape configurations inherit from it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::error::Result;
use crate::scrape::{ScrapeProtocol, read_protocols};
use crate::section::Section;

/// Which characters names may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NameValidationScheme {
    /// Any UTF-8.
    #[default]
    Utf8,
    /// `[a-zA-Z_:][a-zA-Z0-9_:]*`.
    Legacy,
}

/// How names beyond the classic character set are asked for when scraping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NameEscapingScheme {
    /// Unescaped.
    #[default]
    #[serde(rename = "allow-utf-8")]
    AllowUtf8,
    /// Other characters become `_`.
    Underscores,
    /// Dots become `_dot_`.
    Dots,
    /// `U__` and code points.
    Values,
}

impl NameEscapingScheme {
    /// The scheme as written in the `Accept` header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }
}

/// Limits of a scrape; 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
pub struct Limits {
    /// Largest body after decompression, in bytes.
    #[serde(serialize_with = "crate::size::serialize", skip_serializing_if = "is_zero_size")]
    pub body_size_limit: i64,
    /// Most samples after relabelling.
    #[serde(skip_serializing_if = "is_zero")]
    pub sample_limit: u64,
    /// Most targets of a job.
    #[serde(skip_serializing_if = "is_zero")]
    pub target_limit: u64,
    /// Most labels of a series.
    #[serde(skip_serializing_if = "is_zero")]
    pub label_limit: u64,
    /// Longest label name.
    #[serde(skip_serializing_if = "is_zero")]
    pub label_name_length_limit: u64,
    /// Longest label value.
    #[serde(skip_serializing_if = "is_zero")]
    pub label_value_length_limit: u64,
    /// Most dropped targets of a job that are kept to be shown.
    #[serde(skip_serializing_if = "is_zero")]
    pub keep_dropped_targets: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero_size(number: &i64) -> bool {
    *number == 0
}

impl Limits {
    /// Reads limits; what is absent or 0 is inherited.
    pub(crate) fn read(section: &Section<'_>, inherited: Self) -> Result<Self> {
        let or_inherited = |key, inherited| -> Result<u64> {
            Ok(section.count(key)?.filter(|limit| *limit != 0).unwrap_or(inherited))
        };
        let body_size_limit = section.size("body_size_limit")?.filter(|limit| *limit != 0);
        Ok(Self {
            body_size_limit: body_size_limit.unwrap_or(inherited.body_size_limit),
            sample_limit: or_inherited("sample_limit", inherited.sample_limit)?,
            target_limit: or_inherited("target_limit", inherited.target_limit)?,
            label_limit: or_inherited("label_limit", inherited.label_limit)?,
            label_name_length_limit: or_inherited("label_name_length_limit", inherited.label_name_length_limit)?,
            label_value_length_limit: or_inherited("label_value_length_limit", inherited.label_value_length_limit)?,
            keep_dropped_targets: or_inherited("keep_dropped_targets", inherited.keep_dropped_targets)?,
        })
    }
}

/// How histograms are scraped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are the switches that Prometheus has"
)]
pub struct NativeHistogramOptions {
    /// Ask for and take native histograms.
    pub scrape_native_histograms: bool,
    /// Take the classic buckets of a native histogram too.
    pub always_scrape_classic_histograms: bool,
    /// Turn classic histograms into native ones with custom buckets.
    pub convert_classic_histograms_to_nhcb: bool,
    /// Write `scrape_timeout_seconds`, `scrape_sample_limit` and `scrape_body_size_bytes` too.
    pub extra_scrape_metrics: bool,
}

impl NativeHistogramOptions {
    pub(crate) fn read(section: &Section<'_>, inherited: Self) -> Result<Self> {
        Ok(Self {
            scrape_native_histograms: section
                .flag_or("scrape_native_histograms", inherited.scrape_native_histograms)?,
            always_scrape_classic_histograms: section.flag_or(
                "always_scrape_classic_histograms",
                inherited.always_scrape_classic_histograms,
            )?,
            convert_classic_histograms_to_nhcb: section.flag_or(
                "convert_classic_histograms_to_nhcb",
                inherited.convert_classic_histograms_to_nhcb,
            )?,
            extra_scrape_metrics: section.flag_or("extra_scrape_metrics", inherited.extra_scrape_metrics)?,
        })
    }
}

/// The `global` section.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GlobalConfig {
    /// Time between scrapes.
    #[serde(serialize_with = "crate::duration::serialize")]
    pub scrape_interval: Duration,
    /// How long a scrape may take.
    #[serde(serialize_with = "crate::duration::serialize")]
    pub scrape_timeout: Duration,
    /// Formats asked for, the best first; empty for the default.
    pub scrape_protocols: Vec<ScrapeProtocol>,
    /// Time between evaluations of a rule group.
    #[serde(serialize_with = "crate::duration::serialize")]
    pub evaluation_interval: Duration,
    /// How far back rules are evaluated.
    #[serde(serialize_with = "crate::duration::serialize")]
    pub rule_query_offset: Duration,
    /// Where queries are logged.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub query_log_file: String,
    /// Where failed scrapes are logged.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scrape_failure_log_file: String,
    /// Labels added to what leaves this server.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub external_labels: BTreeMap<String, String>,
    /// Limits of scrapes.
    #[serde(flatten)]
    pub limits: Limits,
    /// Which names are valid.
    pub metric_name_validation_scheme: NameValidationScheme,
    /// How names are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_name_escaping_scheme: Option<NameEscapingScheme>,
    /// How histograms are scraped.
    #[serde(flatten)]
    pub native_histograms: NativeHistogramOptions,
}

/// Default time between scrapes and between evaluations.
pub(crate) const DEFAULT_INTERVAL: Duration = Duration::from_mins(1);
/// Default time that a scrape may take.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

impl Default for GlobalConfig {
    fn default() -> Self {
        Self {
            scrape_interval: DEFAULT_INTERVAL,
            scrape_timeout: DEFAULT_TIMEOUT,
            scrape_protocols: ScrapeProtocol::DEFAULT.to_vec(),
            evaluation_interval: DEFAULT_INTERVAL,
            rule_query_offset: Duration::ZERO,
            query_log_file: String::new(),
            scrape_failure_log_file: String::new(),
            external_labels: BTreeMap::new(),
            limits: Limits::default(),
            metric_name_validation_scheme: NameValidationScheme::Utf8,
            metric_name_escaping_scheme: None,
            native_histograms: NativeHistogramOptions::default(),
        }
    }
}

impl GlobalConfig {
    pub(crate) fn read(section: &Section<'_>) -> Result<Self> {
        let native_histograms = NativeHistogramOptions::read(section, NativeHistogramOptions::default())?;
        let scrape_interval = non_zero(section.duration("scrape_interval")?).unwrap_or(DEFAULT_INTERVAL);
        let timeout = non_zero(section.duration("scrape_timeout")?);
        if timeout.is_some_and(|timeout| timeout > scrape_interval) {
            return Err(section.problem_at("scrape_timeout", "global scrape timeout greater than scrape interval"));
        }
        Ok(Self {
            scrape_interval,
            scrape_timeout: timeout.unwrap_or(DEFAULT_TIMEOUT.min(scrape_interval)),
            scrape_protocols: global_protocols(section, native_histograms)?,
            evaluation_interval: non_zero(section.duration("evaluation_interval")?).unwrap_or(DEFAULT_INTERVAL),
            rule_query_offset: section.duration_or("rule_query_offset", Duration::ZERO)?,
            query_log_file: section.text_or_empty("query_log_file")?,
            scrape_failure_log_file: section.text_or_empty("scrape_failure_log_file")?,
            external_labels: external_labels(section)?,
            limits: Limits::read(section, Limits::default())?,
            metric_name_validation_scheme: read_validation(section)?.unwrap_or_default(),
            metric_name_escaping_scheme: read_escaping(section)?,
            native_histograms,
        })
    }
}

/// Native histograms come by protobuf only, so wanting them puts it first.
fn global_protocols(section: &Section<'_>, options: NativeHistogramOptions) -> Result<Vec<ScrapeProtocol>> {
    let default = if options.scrape_native_histograms {
        ScrapeProtocol::DEFAULT_NATIVE.to_vec()
    } else {
        ScrapeProtocol::DEFAULT.to_vec()
    };
    Ok(read_protocols(section)?.unwrap_or(default))
}

fn external_labels(section: &Section<'_>) -> Result<BTreeMap<String, String>> {
    let labels = section.text_map("external_labels")?;
    if let Some(name) = labels.keys().find(|name| name.is_empty()) {
        return Err(section.problem_at("external_labels", format!("{name:?} is not a valid label name")));
    }
    Ok(labels)
}

pub(crate) fn read_validation(section: &Section<'_>) -> Result<Option<NameValidationScheme>> {
    section.choice(
        "metric_name_validation_scheme",
        &[
            ("utf8", NameValidationScheme::Utf8),
            ("legacy", NameValidationScheme::Legacy),
        ],
        |text| {
            format!(
                "unknown global name validation method specified, must be either '', 'legacy' or 'utf8', got {text}"
            )
        },
    )
}

pub(crate) fn read_escaping(section: &Section<'_>) -> Result<Option<NameEscapingScheme>> {
    section.choice(
        "metric_name_escaping_scheme",
        &[
            ("allow-utf-8", NameEscapingScheme::AllowUtf8),
            ("underscores", NameEscapingScheme::Underscores),
            ("dots", NameEscapingScheme::Dots),
            ("values", NameEscapingScheme::Values),
        ],
        |text| format!("unknown global name escaping method specified, must be one of 'allow-utf-8', 'underscores', 'dots', or 'values', got {text:?}"),
    )
}

/// A zero duration means that nothing is set.
pub(crate) fn non_zero(duration: Option<Duration>) -> Option<Duration> {
    duration.filter(|duration| !duration.is_zero())
}
