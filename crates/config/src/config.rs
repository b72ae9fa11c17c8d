//! A whole `prometheus.yml`: reading, the files it names, and writing it back.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::alerting::AlertingConfig;
use crate::error::{ConfigError, Problem, Result};
use crate::expand::{Lookup, expand_document};
use crate::global::GlobalConfig;
use crate::otlp::OtlpConfig;
use crate::remote::{RemoteReadConfig, RemoteWriteConfig};
use crate::scrape::ScrapeConfig;
use crate::section::{Section, read_section, text};
use crate::storage::StorageConfig;
use crate::tracing::TracingConfig;
use crate::yaml::{Node, parse};

/// For what the configuration is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// A server: everything is allowed.
    #[default]
    Server,
    /// An agent, which stores and evaluates nothing.
    Agent,
}

/// How a configuration is read.
pub struct LoadOptions<'a> {
    /// For what it is meant.
    pub mode: Mode,
    /// Looks up environment variables.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
}

impl std::fmt::Debug for LoadOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoadOptions")
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

impl Default for LoadOptions<'_> {
    fn default() -> Self {
        Self {
            mode: Mode::Server,
            environment: &|name| std::env::var(name).ok(),
        }
    }
}

/// A whole configuration.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct PrometheusConfig {
    /// Defaults of the other sections.
    pub global: GlobalConfig,
    /// Settings of the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<RuntimeConfig>,
    /// Where alerts are sent.
    #[serde(skip_serializing_if = "AlertingConfig::is_default")]
    pub alerting: AlertingConfig,
    /// Patterns of rule files, relative to the configuration's folder.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rule_files: Vec<String>,
    /// Patterns of files with further scrape configurations, relative to the configuration's folder.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scrape_config_files: Vec<String>,
    /// The jobs, those of further files included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scrape_configs: Vec<ScrapeConfig>,
    /// What is kept.
    #[serde(skip_serializing_if = "StorageConfig::is_default")]
    pub storage: StorageConfig,
    /// Where our own spans are sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracing: Option<TracingConfig>,
    /// Where samples are sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remote_write: Vec<RemoteWriteConfig>,
    /// From where samples are read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remote_read: Vec<RemoteReadConfig>,
    /// How OTLP metrics become series.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp: Option<OtlpConfig>,
    /// The file that was read.
    #[serde(skip)]
    pub path: PathBuf,
    /// What is allowed but looks wrong.
    #[serde(skip)]
    pub warnings: Vec<String>,
}

/// The `runtime` section: settings of Go's garbage collector. They are checked and shown; this
/// process has no garbage collector to pass them to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuntimeConfig {
    /// Go's GOGC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gogc: Option<i64>,
}

impl PrometheusConfig {
    /// Reads the configuration at `path`.
    pub fn load(path: &Path) -> std::result::Result<Self, ConfigError> {
        Self::load_for(path, Mode::Server)
    }

    /// Reads the configuration at `path` for a mode.
    pub fn load_for(path: &Path, mode: Mode) -> std::result::Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        let options = LoadOptions {
            mode,
            ..LoadOptions::default()
        };
        Self::parse_with(&text, path, &options)
    }

    /// Reads a configuration from `text`. Relative names in it start at the folder of `path`.
    pub fn parse(text: &str, path: &Path) -> std::result::Result<Self, ConfigError> {
        Self::parse_with(text, path, &LoadOptions::default())
    }

    /// Reads a configuration from `text` for a mode and with an environment.
    pub fn parse_with(text: &str, path: &Path, options: &LoadOptions<'_>) -> std::result::Result<Self, ConfigError> {
        read_document(text, path, options).map_err(|problem| problem.in_file(path))
    }

    /// The configuration as YAML, complete with defaults, secrets hidden
    /// (`/api/v1/status/config`).
    pub fn to_yaml(&self) -> String {
        serde_saphyr::to_string(self).expect("the model is plain data that YAML can hold")
    }

    /// The rule files that the patterns match, sorted by pattern and name.
    pub fn rule_file_paths(&self) -> std::result::Result<Vec<PathBuf>, ConfigError> {
        let mut paths = Vec::new();
        for pattern in &self.rule_files {
            paths.extend(glob_files(&self.folder(), pattern).map_err(|problem| problem.in_file(&self.path))?);
        }
        Ok(paths)
    }

    /// The file that PromQL queries are logged to, if there is one.
    pub fn query_log_path(&self) -> Option<PathBuf> {
        let file = &self.global.query_log_file;
        (!file.is_empty()).then(|| self.folder().join(file))
    }

    /// The folder at which relative names start.
    pub fn folder(&self) -> PathBuf {
        folder_of(&self.path)
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> ConfigError {
    Problem::new(format!("couldn't load configuration: {error}"))
        .help("check the path given with --config.file")
        .in_file(path)
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn read_document(text: &str, path: &Path, options: &LoadOptions<'_>) -> Result<PrometheusConfig> {
    let mut document = parse(text)?;
    let warnings = expand_document(&mut document, options.environment);
    let mut config = read_section(&document, "config.plain", |section| fields(section, options.mode))?;
    path.clone_into(&mut config.path);
    config.warnings = warnings;
    add_file_scrape_configs(&mut config, options.environment)?;
    refuse_repeated_jobs(&document, &config)?;
    warn_of_unsupported(&mut config);
    Ok(config)
}

fn fields(section: &Section<'_>, mode: Mode) -> Result<PrometheusConfig> {
    if mode == Mode::Agent {
        refuse_in_agent_mode(section)?;
    }
    let global = section
        .section("global", "config.plain", GlobalConfig::read)?
        .unwrap_or_default();
    let scheme = global.metric_name_validation_scheme;
    let otlp = section.section("otlp", "config.plain", |section| OtlpConfig::read(section, scheme))?;
    let config = PrometheusConfig {
        runtime: section.section("runtime", "config.RuntimeConfig", |section| {
            Ok(RuntimeConfig {
                gogc: section.integer("gogc")?,
            })
        })?,
        alerting: section
            .section("alerting", "config.plain", |section| {
                AlertingConfig::read(section, scheme)
            })?
            .unwrap_or_default(),
        rule_files: patterns(section, "rule_files", "rule")?,
        scrape_config_files: patterns(section, "scrape_config_files", "scrape config")?,
        scrape_configs: section.list("scrape_configs", |node| ScrapeConfig::read(node, &global))?,
        storage: section
            .section("storage", "config.plain", StorageConfig::read)?
            .unwrap_or_default(),
        tracing: section.section("tracing", "config.plain", TracingConfig::read)?,
        remote_write: section.list("remote_write", |node| RemoteWriteConfig::read(node, scheme))?,
        remote_read: section.list("remote_read", RemoteReadConfig::read)?,
        otlp,
        global,
        ..PrometheusConfig::default()
    };
    refuse_repeated(
        section,
        "remote_write",
        "write",
        config.remote_write.iter().map(|remote| &remote.name),
    )?;
    refuse_repeated(
        section,
        "remote_read",
        "read",
        config.remote_read.iter().map(|remote| &remote.name),
    )?;
    Ok(config)
}

fn refuse_in_agent_mode(section: &Section<'_>) -> Result<()> {
    for key in ["alerting", "rule_files", "remote_read"] {
        if section.get(key).is_some() {
            return Err(section.problem_at(key, format!("field {key} is not allowed in agent mode")));
        }
    }
    Ok(())
}

fn refuse_repeated<'a>(
    section: &Section<'_>,
    key: &str,
    what: &str,
    names: impl Iterator<Item = &'a String>,
) -> Result<()> {
    let mut seen = BTreeSet::new();
    for name in names.filter(|name| !name.is_empty()) {
        if !seen.insert(name) {
            let message = format!("found multiple remote {what} configs with job name {name:?}");
            return Err(section.problem_at(key, message).help("give each its own name"));
        }
    }
    Ok(())
}

/// Patterns may hold `*` in their last part only.
fn patterns(section: &Section<'_>, key: &'static str, what: &str) -> Result<Vec<String>> {
    section.list(key, |node| {
        let pattern = text(node)?;
        let is_valid = pattern.find('*').is_none_or(|star| !pattern[star + 1..].contains('/'));
        if is_valid {
            return Ok(pattern);
        }
        Err(Problem::at(node.at, format!("invalid {what} file path {pattern:?}")).help("use * in the file's name only"))
    })
}

/// Files that a pattern matches, sorted. A pattern without `*` names a file that must be there
/// when it is read, so it is given as it is.
pub fn glob_files(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>> {
    let full = folder.join(pattern);
    if !pattern.contains(['*', '?', '[']) {
        return Ok(vec![full]);
    }
    let matches = glob::glob(&full.to_string_lossy());
    let matches = matches.map_err(|error| Problem::new(format!("pattern {pattern:?} is not valid: {error}")))?;
    matches
        .map(|path| path.map_err(|error| Problem::new(format!("cannot list files of pattern {pattern:?}: {error}"))))
        .collect()
}

fn add_file_scrape_configs(config: &mut PrometheusConfig, environment: Lookup<'_>) -> Result<()> {
    for pattern in config.scrape_config_files.clone() {
        for path in glob_files(&config.folder(), &pattern)? {
            let in_file = |problem: Problem| Problem {
                path: Some(path.clone()),
                ..problem
            };
            let text = std::fs::read_to_string(&path)
                .map_err(|error| in_file(Problem::new(format!("cannot read the scrape config file: {error}"))))?;
            let mut document = parse(&text).map_err(in_file)?;
            config.warnings.extend(expand_document(&mut document, environment));
            let jobs = read_section(&document, "config.ScrapeConfigs", |section| {
                section.list("scrape_configs", |node| ScrapeConfig::read(node, &config.global))
            });
            config.scrape_configs.extend(jobs.map_err(in_file)?);
        }
    }
    Ok(())
}

fn refuse_repeated_jobs(document: &Node, config: &PrometheusConfig) -> Result<()> {
    let mut seen = BTreeSet::new();
    for job in &config.scrape_configs {
        if !seen.insert(&job.job_name) {
            let message = format!("found multiple scrape configs with job name {:?}", job.job_name);
            return Err(Problem::new(message)
                .or_at(document.at)
                .help("give each job its own name"));
        }
    }
    Ok(())
}

/// Says what is only checked and not carried out: discovery that gives no targets, settings that change nothing here.
fn warn_of_unsupported(config: &mut PrometheusConfig) {
    config.warnings.extend(config.storage.without_effect());
    for job in &config.scrape_configs {
        for key in job.discovery.unsupported() {
            config.warnings.push(format!(
                "job {:?}: {key} is read but not carried out; its targets are not scraped",
                job.job_name
            ));
        }
    }
    for (position, section) in config.alerting.alertmanagers.iter().enumerate() {
        for key in section.discovery.unsupported() {
            config.warnings.push(format!(
                "alerting: {key} of item {} of alertmanagers is read but not carried out; alerts are not sent to \
                 Alertmanagers that it would find",
                position + 1
            ));
        }
    }
}
