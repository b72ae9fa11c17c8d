//! What Skopos reads of a Loki configuration: `limits_config`, and `overrides` of the file that `runtime_config` names.
//! The other sections say how Loki runs and stores, and are left to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use skopos_core::TenantId;
use skopos_core::limits::{LimitSet, Limits};

use crate::error::{ConfigError, Problem, Result};
use crate::section::Section;
use crate::yaml::{Node, parse};

const BYTES_PER_MB: f64 = (1 << 20) as f64;

/// The limits that a Loki configuration sets.
#[derive(Debug, Clone, PartialEq)]
pub struct LokiConfig {
    /// The file.
    pub path: PathBuf,
    /// `limits_config`.
    pub limits: LokiLimits,
    /// `overrides` by tenant.
    pub overrides: BTreeMap<TenantId, LokiLimits>,
    /// Keys of these sections that have no effect, with their places.
    pub warnings: Vec<String>,
}

/// Limits as far as they are written, by Loki's name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LokiLimits {
    set: BTreeMap<&'static str, Limit>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Limit {
    Number(u64),
    Time(Duration),
}

/// How the value of a limit is written.
#[derive(Debug, Clone, Copy)]
enum Form {
    Count,
    Size,
    Megabytes,
    Duration,
}

/// The limits that Skopos has. `max_streams_per_user` is Loki's for each of its ingesters: here there is one.
const FORMS: [(&str, Form); 11] = [
    ("ingestion_rate_mb", Form::Megabytes),
    ("ingestion_burst_size_mb", Form::Megabytes),
    ("max_label_name_length", Form::Count),
    ("max_label_value_length", Form::Count),
    ("max_label_names_per_series", Form::Count),
    ("max_line_size", Form::Size),
    ("max_streams_per_user", Form::Count),
    ("max_global_streams_per_user", Form::Count),
    ("max_entries_limit_per_query", Form::Count),
    ("max_query_length", Form::Duration),
    ("retention_period", Form::Duration),
];

/// A key that changes nothing where one process takes everything.
const ONE_PROCESS: [&str; 1] = ["ingestion_rate_strategy"];

impl LokiConfig {
    /// Reads a file and the overrides that it names, looked up from its folder.
    pub fn load(path: &Path) -> std::result::Result<Self, ConfigError> {
        let mut warnings = Vec::new();
        let (limits, runtime_file) = with_file(path, |node| {
            let root = Section::new(node, "loki.Config")?;
            let limits = root.get("limits_config").map(|node| read(node, path, &mut warnings));
            let runtime = root.get("runtime_config").map(runtime_file).transpose()?;
            Ok((limits.transpose()?.unwrap_or_default(), runtime.flatten()))
        })?;
        let mut overrides = BTreeMap::new();
        if let Some(file) = runtime_file {
            let path = path.parent().unwrap_or(Path::new("")).join(file);
            overrides = with_file(&path, |node| {
                let root = Section::new(node, "runtimeConfigValues")?;
                let tenants = root
                    .get("overrides")
                    .map(|node| Section::new(node, "map[string]Limits"));
                let tenants = tenants.transpose()?;
                let pairs = tenants.iter().flat_map(Section::pairs);
                pairs
                    .map(|entry| {
                        let tenant = TenantId::new(&entry.key).map_err(|error| {
                            Problem::at(entry.key_at, error.to_string()).help("overrides are by tenant")
                        })?;
                        Ok((tenant, read(&entry.node, &path, &mut warnings)?))
                    })
                    .collect()
            })?;
        }
        Ok(Self {
            path: path.to_path_buf(),
            limits,
            overrides,
            warnings,
        })
    }

    /// One set of limits out of several files. Two that differ in what both set cannot both be in force.
    pub fn merge(files: &[Self]) -> std::result::Result<LimitSet, ConfigError> {
        let mut everyone = LokiLimits::default();
        let mut tenants: BTreeMap<TenantId, LokiLimits> = BTreeMap::new();
        for file in files {
            let conflict = |limit: &str| {
                let message = format!("{limit} is set to another value by another file too");
                let help = "one server has one limit for everyone: make them equal, or set it for tenants, as \
                            overrides in the file that runtime_config names";
                Problem::new(message).help(help).in_file(&file.path)
            };
            everyone.add(&file.limits).map_err(conflict)?;
            for (tenant, limits) in &file.overrides {
                tenants
                    .entry(tenant.clone())
                    .or_default()
                    .add(limits)
                    .map_err(conflict)?;
            }
        }
        let everyone = everyone.over(Limits::default());
        Ok(LimitSet {
            everyone,
            tenants: tenants
                .into_iter()
                .map(|(tenant, limits)| (tenant, limits.over(everyone)))
                .collect(),
        })
    }
}

impl LokiLimits {
    /// Adds what another file sets, or names the limit that both set to different values.
    fn add(&mut self, other: &Self) -> std::result::Result<(), &'static str> {
        for (name, limit) in &other.set {
            if self.set.insert(name, *limit).is_some_and(|known| known != *limit) {
                return Err(name);
            }
        }
        Ok(())
    }

    /// These limits, the rest as in `base`.
    fn over(&self, base: Limits) -> Limits {
        let number = |name: &str, base: u64| match self.set.get(name) {
            Some(Limit::Number(number)) => *number,
            _ => base,
        };
        let count = |name: &str, base: usize| usize::try_from(number(name, base as u64)).unwrap_or(usize::MAX);
        let time = |name: &str| match self.set.get(name) {
            Some(Limit::Time(time)) => Some(*time),
            _ => None,
        };
        let streams = count("max_streams_per_user", base.max_global_streams_per_user);
        Limits {
            ingestion_rate: number("ingestion_rate_mb", base.ingestion_rate),
            ingestion_burst_size: number("ingestion_burst_size_mb", base.ingestion_burst_size),
            max_label_name_length: count("max_label_name_length", base.max_label_name_length),
            max_label_value_length: count("max_label_value_length", base.max_label_value_length),
            max_label_names_per_series: count("max_label_names_per_series", base.max_label_names_per_series),
            max_line_size: count("max_line_size", base.max_line_size),
            max_global_streams_per_user: count("max_global_streams_per_user", streams),
            max_entries_limit_per_query: count("max_entries_limit_per_query", base.max_entries_limit_per_query),
            max_query_length: time("max_query_length").unwrap_or(base.max_query_length),
            retention_period: time("retention_period").or(base.retention_period),
        }
    }
}

fn with_file<T>(path: &Path, read: impl FnOnce(&Node) -> Result<T>) -> std::result::Result<T, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Problem::new(format!("failed to read the file: {error}")).in_file(path))?;
    parse(&text)
        .and_then(|node| read(&node))
        .map_err(|problem| problem.in_file(path))
}

fn runtime_file(node: &Node) -> Result<Option<String>> {
    Section::new(node, "runtimeconfig.Config")?.text("file")
}

fn read(node: &Node, path: &Path, warnings: &mut Vec<String>) -> Result<LokiLimits> {
    let section = Section::new(node, "validation.Limits")?;
    let mut set = BTreeMap::new();
    for (name, form) in FORMS {
        if let Some(limit) = form.read(&section, name)? {
            set.insert(name, limit);
        }
    }
    let is_known = |key: &str| FORMS.iter().any(|(name, _)| *name == key) || ONE_PROCESS.contains(&key);
    for entry in section.pairs().iter().filter(|entry| !is_known(&entry.key)) {
        warnings.push(format!(
            "{}:{}:{}: {} has no effect: Skopos has no such limit",
            path.display(),
            entry.key_at.line,
            entry.key_at.column,
            entry.key
        ));
    }
    Ok(LokiLimits { set })
}

impl Form {
    fn read(self, section: &Section<'_>, name: &'static str) -> Result<Option<Limit>> {
        Ok(match self {
            Self::Count => section.count(name)?.map(Limit::Number),
            Self::Duration => section.duration(name)?.map(Limit::Time),
            Self::Size => match section.count(name) {
                Ok(bytes) => bytes.map(Limit::Number),
                Err(_) => section
                    .size(name)?
                    .map(|bytes| Limit::Number(bytes.max(0).unsigned_abs())),
            },
            Self::Megabytes => {
                let Some(megabytes) = section.number(name)? else {
                    return Ok(None);
                };
                let bytes = megabytes * BYTES_PER_MB;
                if !(bytes >= 1.0 && bytes < u64::MAX as f64) {
                    let message = format!("{name} must be above 0 and below 2^44, not {megabytes}");
                    return Err(section.problem_at(name, message).help("leave it out for no limit"));
                }
                Some(Limit::Number(bytes as u64))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, overrides: &str) -> std::result::Result<LokiConfig, ConfigError> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("overrides.yaml"), overrides).expect("writes");
        let file = folder.path().join("loki.yaml");
        std::fs::write(&file, text).expect("writes");
        LokiConfig::load(&file)
    }

    #[test]
    fn limits_of_everyone_and_of_tenants() {
        let config = load(
            "auth_enabled: true\nlimits_config:\n  ingestion_rate_mb: 0.5\n  ingestion_rate_strategy: global\n  max_line_size: 1KB\n  max_streams_per_user: 7\n  retention_period: 744h\nruntime_config:\n  file: overrides.yaml\n",
            "overrides:\n  acme:\n    max_line_size: 9\n    max_query_length: 1h\n",
        );
        let config = config.expect("loads");
        assert_eq!(config.warnings, Vec::<String>::new());
        let set = LokiConfig::merge(&[config]).expect("merges");
        let acme = TenantId::new("acme").expect("an id");
        assert_eq!(
            set.everyone,
            Limits {
                ingestion_rate: 1 << 19,
                max_line_size: 1024,
                max_global_streams_per_user: 7,
                retention_period: Some(Duration::from_hours(744)),
                ..Limits::default()
            }
        );
        assert_eq!(
            set.tenants[&acme],
            Limits {
                max_line_size: 9,
                max_query_length: Duration::from_hours(1),
                ..set.everyone
            }
        );
    }

    #[test]
    fn what_has_no_effect_is_said_and_what_is_wrong_is_refused_with_its_place() {
        let config = load("limits_config:\n  max_chunks_per_query: 5\n", "").expect("loads");
        assert!(
            config.warnings[0].contains("loki.yaml:2:3: max_chunks_per_query"),
            "{:?}",
            config.warnings
        );
        for (text, said) in [
            ("limits_config:\n  ingestion_rate_mb: 0\n", ":2:"),
            ("limits_config:\n  max_line_size: wide\n", ":2:"),
            ("limits_config: 5\n", "a mapping is expected"),
            (
                "runtime_config:\n  file: nowhere.yaml\n",
                "nowhere.yaml: failed to read",
            ),
        ] {
            let refused = load(text, "").expect_err("refused").to_string();
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }

    #[test]
    fn two_files_agree_or_are_refused() {
        let one = load("limits_config: {max_line_size: 1KB}\n", "").expect("loads");
        let same = load("limits_config: {max_line_size: 1024}\n", "").expect("loads");
        let other = load("limits_config: {max_line_size: 2KB}\n", "").expect("loads");
        assert!(LokiConfig::merge(&[one.clone(), same]).is_ok());
        let refused = LokiConfig::merge(&[one, other]).expect_err("refused").to_string();
        assert!(refused.contains("max_line_size"), "{refused}");
    }
}
