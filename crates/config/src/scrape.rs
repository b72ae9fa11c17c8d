//! Scrape configurations: jobs.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::discovery::SdConfigs;
use crate::error::{Problem, Result};
use crate::global::{
    GlobalConfig, Limits, NameEscapingScheme, NameValidationScheme, NativeHistogramOptions, non_zero, read_escaping,
    read_validation,
};
use crate::http_client::HttpClientConfig;
use crate::relabel::{RelabelConfig, read_rules};
use crate::section::{Section, read_section};
use crate::yaml::Node;

/// A format that may be asked for when scraping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum ScrapeProtocol {
    /// OpenMetrics 0.0.1.
    #[serde(rename = "OpenMetricsText0.0.1")]
    OpenMetricsText0_0_1,
    /// OpenMetrics 1.0.0.
    #[serde(rename = "OpenMetricsText1.0.0")]
    OpenMetricsText1_0_0,
    /// Prometheus protobuf.
    PrometheusProto,
    /// Prometheus text 0.0.4.
    #[serde(rename = "PrometheusText0.0.4")]
    PrometheusText0_0_4,
    /// Prometheus text 1.0.0.
    #[serde(rename = "PrometheusText1.0.0")]
    PrometheusText1_0_0,
}

impl ScrapeProtocol {
    /// What is asked for unless configured.
    pub const DEFAULT: [Self; 4] = [
        Self::OpenMetricsText1_0_0,
        Self::OpenMetricsText0_0_1,
        Self::PrometheusText1_0_0,
        Self::PrometheusText0_0_4,
    ];
    /// What is asked for where native histograms are wanted.
    pub const DEFAULT_NATIVE: [Self; 5] = [
        Self::PrometheusProto,
        Self::OpenMetricsText1_0_0,
        Self::OpenMetricsText0_0_1,
        Self::PrometheusText1_0_0,
        Self::PrometheusText0_0_4,
    ];

    const ALL: [Self; 5] = [
        Self::OpenMetricsText0_0_1,
        Self::OpenMetricsText1_0_0,
        Self::PrometheusProto,
        Self::PrometheusText0_0_4,
        Self::PrometheusText1_0_0,
    ];

    /// The protocol's name in configurations.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenMetricsText0_0_1 => "OpenMetricsText0.0.1",
            Self::OpenMetricsText1_0_0 => "OpenMetricsText1.0.0",
            Self::PrometheusProto => "PrometheusProto",
            Self::PrometheusText0_0_4 => "PrometheusText0.0.4",
            Self::PrometheusText1_0_0 => "PrometheusText1.0.0",
        }
    }

    fn from_name(name: &str) -> std::result::Result<Self, String> {
        let known = Self::ALL.into_iter().find(|protocol| protocol.as_str() == name);
        known.ok_or_else(|| {
            format!(
                "unknown scrape protocol {name}, supported: [{}]",
                Self::ALL.map(Self::as_str).join(" ")
            )
        })
    }
}

impl fmt::Display for ScrapeProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A job, complete: what it leaves out is filled from `global` or by default.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are the switches that Prometheus has"
)]
pub struct ScrapeConfig {
    /// The job's name.
    pub job_name: String,
    /// Whether labels of the target win over ours.
    pub honor_labels: bool,
    /// Whether timestamps of the target count.
    pub honor_timestamps: bool,
    /// Whether series with timestamps get staleness markers.
    pub track_timestamps_staleness: bool,
    /// Query parameters.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Vec<String>>,
    /// Time between scrapes.
    #[serde(serialize_with = "crate::duration::serialize")]
    pub scrape_interval: Duration,
    /// How long a scrape may take.
    #[serde(serialize_with = "crate::duration::serialize")]
    pub scrape_timeout: Duration,
    /// Formats asked for, the best first.
    pub scrape_protocols: Vec<ScrapeProtocol>,
    /// The format of targets that do not say theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback_scrape_protocol: Option<ScrapeProtocol>,
    /// How histograms are scraped.
    #[serde(flatten)]
    pub native_histograms: NativeHistogramOptions,
    /// Where failed scrapes are logged.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scrape_failure_log_file: String,
    /// The path.
    pub metrics_path: String,
    /// `http` or `https`.
    pub scheme: String,
    /// Whether compressed answers are asked for.
    pub enable_compression: bool,
    /// Limits.
    #[serde(flatten)]
    pub limits: Limits,
    /// Most buckets of a native histogram; 0 is no limit.
    #[serde(skip_serializing_if = "is_zero")]
    pub native_histogram_bucket_limit: u64,
    /// Least growth from bucket to bucket of a native histogram.
    #[serde(skip_serializing_if = "is_zero_number")]
    pub native_histogram_min_bucket_factor: f64,
    /// Which names are valid.
    pub metric_name_validation_scheme: NameValidationScheme,
    /// How names are asked for.
    pub metric_name_escaping_scheme: NameEscapingScheme,
    /// How to connect.
    #[serde(flatten)]
    pub http_client: HttpClientConfig,
    /// Where targets come from.
    #[serde(flatten)]
    pub discovery: SdConfigs,
    /// Rules for targets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub relabel_configs: Vec<RelabelConfig>,
    /// Rules for series.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metric_relabel_configs: Vec<RelabelConfig>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero_number(number: &f64) -> bool {
    *number == 0.0
}

/// A job without a name: what `global` and the job leave out.
impl Default for ScrapeConfig {
    fn default() -> Self {
        let global = GlobalConfig::default();
        Self {
            job_name: String::new(),
            honor_labels: false,
            honor_timestamps: true,
            track_timestamps_staleness: false,
            params: BTreeMap::new(),
            scrape_interval: global.scrape_interval,
            scrape_timeout: global.scrape_timeout,
            scrape_protocols: global.scrape_protocols,
            fallback_scrape_protocol: None,
            native_histograms: global.native_histograms,
            scrape_failure_log_file: String::new(),
            metrics_path: "/metrics".to_owned(),
            scheme: "http".to_owned(),
            enable_compression: true,
            limits: global.limits,
            native_histogram_bucket_limit: 0,
            native_histogram_min_bucket_factor: 0.0,
            metric_name_validation_scheme: NameValidationScheme::Utf8,
            metric_name_escaping_scheme: NameEscapingScheme::AllowUtf8,
            http_client: HttpClientConfig::default(),
            discovery: SdConfigs::default(),
            relabel_configs: Vec::new(),
            metric_relabel_configs: Vec::new(),
        }
    }
}

impl ScrapeConfig {
    /// Reads one job from YAML text under the default `global` section, as tests and tools have it.
    pub fn parse(yaml: &str) -> std::result::Result<Self, crate::ConfigError> {
        let read = || Self::read(&crate::yaml::parse(yaml)?, &GlobalConfig::default());
        read().map_err(|problem| problem.in_file("scrape_config"))
    }

    pub(crate) fn read(node: &Node, global: &GlobalConfig) -> Result<Self> {
        if node.is_null() {
            return Err(Problem::at(node.at, "empty or null scrape config section").help("remove the empty item"));
        }
        read_section(node, "config.plain", |section| Self::fields(section, global))
    }

    fn fields(section: &Section<'_>, global: &GlobalConfig) -> Result<Self> {
        let job_name = section.text_or_empty("job_name")?;
        let of_job = format!(" for scrape config with job name {job_name:?}");
        let (scrape_interval, scrape_timeout) = timing(section, global, &of_job)?;
        let native_histograms = NativeHistogramOptions::read(section, global.native_histograms)?;
        let validation = read_validation(section)?.unwrap_or(global.metric_name_validation_scheme);
        let config = Self {
            honor_labels: section.flag_or("honor_labels", false)?,
            honor_timestamps: section.flag_or("honor_timestamps", true)?,
            track_timestamps_staleness: section.flag_or("track_timestamps_staleness", false)?,
            params: section.lists_map("params")?,
            scrape_interval,
            scrape_timeout,
            scrape_protocols: protocols(section, native_histograms, global)
                .map_err(|problem| problem.suffixed(&of_job))?,
            fallback_scrape_protocol: fallback(section, &of_job)?,
            native_histograms,
            scrape_failure_log_file: section
                .text("scrape_failure_log_file")?
                .unwrap_or_else(|| global.scrape_failure_log_file.clone()),
            metrics_path: section.text("metrics_path")?.unwrap_or_else(|| "/metrics".to_owned()),
            scheme: scheme(section)?,
            enable_compression: section.flag_or("enable_compression", true)?,
            limits: Limits::read(section, global.limits)?,
            native_histogram_bucket_limit: section.count_or("native_histogram_bucket_limit", 0)?,
            native_histogram_min_bucket_factor: section.number("native_histogram_min_bucket_factor")?.unwrap_or(0.0),
            metric_name_validation_scheme: validation,
            metric_name_escaping_scheme: escaping(section, validation, global)?,
            http_client: HttpClientConfig::read(section)?,
            discovery: SdConfigs::read(section)?,
            relabel_configs: read_rules(
                section,
                "relabel_configs",
                validation,
                "empty or null target relabeling rule in scrape config",
            )?,
            metric_relabel_configs: read_rules(
                section,
                "metric_relabel_configs",
                validation,
                "empty or null metric relabeling rule in scrape config",
            )?,
            job_name,
        };
        if config.job_name.is_empty() {
            return Err(section
                .problem("job_name is empty")
                .help("give the job a name: job_name: my-service"));
        }
        Ok(config)
    }
}

fn timing(section: &Section<'_>, global: &GlobalConfig, of_job: &str) -> Result<(Duration, Duration)> {
    let interval = non_zero(section.duration("scrape_interval")?).unwrap_or(global.scrape_interval);
    let timeout = non_zero(section.duration("scrape_timeout")?);
    if timeout.is_some_and(|timeout| timeout > interval) {
        let message = format!("scrape timeout greater than scrape interval{of_job}");
        return Err(section
            .problem_at("scrape_timeout", message)
            .help("a scrape must end before the next one begins: lower scrape_timeout or raise scrape_interval"));
    }
    Ok((interval, timeout.unwrap_or(global.scrape_timeout.min(interval))))
}

fn protocols(
    section: &Section<'_>,
    options: NativeHistogramOptions,
    global: &GlobalConfig,
) -> Result<Vec<ScrapeProtocol>> {
    if let Some(protocols) = read_protocols(section)? {
        return Ok(protocols);
    }
    let changed = options.scrape_native_histograms != global.native_histograms.scrape_native_histograms;
    let inherits_default =
        global.scrape_protocols == ScrapeProtocol::DEFAULT || global.scrape_protocols == ScrapeProtocol::DEFAULT_NATIVE;
    Ok(match (changed && inherits_default, options.scrape_native_histograms) {
        (true, true) => ScrapeProtocol::DEFAULT_NATIVE.to_vec(),
        (true, false) => ScrapeProtocol::DEFAULT.to_vec(),
        (false, _) => global.scrape_protocols.clone(),
    })
}

/// Reads `scrape_protocols`; `None` where it is absent.
pub(crate) fn read_protocols(section: &Section<'_>) -> Result<Option<Vec<ScrapeProtocol>>> {
    let names = section.texts("scrape_protocols")?;
    if section.get("scrape_protocols").is_none() {
        return Ok(None);
    }
    if names.is_empty() {
        return Err(section
            .problem_at("scrape_protocols", "scrape_protocols cannot be empty")
            .help("leave the key out for the default"));
    }
    let mut protocols = Vec::with_capacity(names.len());
    for name in &names {
        let protocol = ScrapeProtocol::from_name(name);
        let protocol = protocol
            .map_err(|message| section.problem_at("scrape_protocols", format!("scrape_protocols: {message}")))?;
        if protocols.contains(&protocol) {
            let message = format!("duplicated protocol in scrape_protocols, got [{}]", names.join(" "));
            return Err(section.problem_at("scrape_protocols", message));
        }
        protocols.push(protocol);
    }
    Ok(Some(protocols))
}

fn fallback(section: &Section<'_>, of_job: &str) -> Result<Option<ScrapeProtocol>> {
    let Some(name) = section.text("fallback_scrape_protocol")? else {
        return Ok(None);
    };
    let protocol = ScrapeProtocol::from_name(&name);
    let invalid = |message| {
        section.problem_at(
            "fallback_scrape_protocol",
            format!("invalid fallback_scrape_protocol{of_job}: {message}"),
        )
    };
    protocol.map(Some).map_err(invalid)
}

fn scheme(section: &Section<'_>) -> Result<String> {
    let scheme = section.text("scheme")?.unwrap_or_else(|| "http".to_owned());
    if matches!(scheme.as_str(), "http" | "https") {
        return Ok(scheme);
    }
    Err(section
        .problem_at("scheme", format!("unsupported scheme {scheme:?}"))
        .help("use http or https"))
}

fn escaping(
    section: &Section<'_>,
    validation: NameValidationScheme,
    global: &GlobalConfig,
) -> Result<NameEscapingScheme> {
    let chosen = read_escaping(section)?.or(global.metric_name_escaping_scheme);
    match (chosen, validation) {
        (Some(NameEscapingScheme::AllowUtf8), NameValidationScheme::Legacy) => Err(section.problem_at(
            "metric_name_escaping_scheme",
            "utf8 metric names requested but validation scheme is not set to UTF8",
        )),
        (Some(scheme), _) => Ok(scheme),
        (None, NameValidationScheme::Utf8) => Ok(NameEscapingScheme::AllowUtf8),
        (None, NameValidationScheme::Legacy) => Ok(NameEscapingScheme::Underscores),
    }
}
