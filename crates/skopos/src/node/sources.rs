//! What a server is configured from: a Prometheus configuration file and packs, read as a whole.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use skopos_config::PrometheusConfig;
use skopos_dashboards::DashboardStore;
use skopos_promql::ParseOptions;
use skopos_rules::{RuleFile, parse_rule_file_with};

use crate::cli::serve::ServeArgs;
use crate::features::Features;

/// Where to read from.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    /// A `prometheus.yml`.
    pub(crate) config_file: Option<PathBuf>,
    /// Folders with any of `prometheus.yml`, the rule files it names, and `dashboards/`.
    pub(crate) packs: Vec<PathBuf>,
    /// Features by name, as rule files may use them.
    pub(crate) feature_names: Vec<String>,
}

/// Everything that was read, checked.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The configuration file's settings, with the scrape jobs of the packs added.
    pub(crate) config: PrometheusConfig,
    /// All rule files.
    pub(crate) rules: Vec<RuleFile>,
    /// All dashboards.
    pub(crate) dashboards: Arc<DashboardStore>,
    /// What is not fatal.
    pub(crate) warnings: Vec<String>,
}

impl Loaded {
    /// Number of rules in all files.
    pub(crate) fn rule_count(&self) -> usize {
        self.rules.iter().map(RuleFile::rule_count).sum()
    }
}

impl Sources {
    /// What the flags name.
    pub(crate) fn of(args: &ServeArgs) -> Self {
        Self {
            config_file: args.config_file.clone(),
            packs: args.packs.clone(),
            feature_names: args.feature_names.clone(),
        }
    }

    /// Reads everything, or says what is wrong where.
    pub(crate) fn load(&self) -> anyhow::Result<Loaded> {
        let mut configs = Vec::new();
        for file in self.config_files()? {
            configs.push(PrometheusConfig::load(&file)?);
        }
        let (features, unknown) = Features::parse(&self.feature_names);
        let mut rules = Vec::new();
        let mut warnings: Vec<String> = unknown
            .iter()
            .map(|name| format!("--enable-feature={name}: there is no such feature; it is ignored"))
            .collect();
        for config in &configs {
            warnings.extend(config.warnings.iter().cloned());
            for path in config.rule_file_paths()? {
                rules.push(read_rules(&path, features.syntax)?);
            }
        }
        let (dashboards, problems) = DashboardStore::load(&self.dashboard_folders());
        warnings.extend(problems.iter().map(ToString::to_string));
        let found = dashboards.list();
        warnings.extend(
            found
                .iter()
                .flat_map(|found| found.warnings.iter().map(|text| format!("{}: {text}", found.file))),
        );
        Ok(Loaded {
            config: merge(configs)?,
            rules,
            dashboards: Arc::new(dashboards),
            warnings,
        })
    }

    fn config_files(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut files: Vec<PathBuf> = self.config_file.iter().cloned().collect();
        for pack in &self.packs {
            if !pack.is_dir() {
                bail!("--pack {}: there is no such folder", pack.display());
            }
            let file = pack.join("prometheus.yml");
            if file.is_file() {
                files.push(file);
            }
        }
        Ok(files)
    }

    /// Dashboards lie in `dashboards/` of each pack and are shown under the pack's name.
    fn dashboard_folders(&self) -> Vec<(String, PathBuf)> {
        let name = |pack: &Path| pack.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.packs
            .iter()
            .map(|pack| (name(pack), pack.join("dashboards")))
            .collect()
    }
}

/// The first configuration with the scrape jobs of the others. Each job carries the intervals of
/// its own file; a name that occurs twice is an error.
fn merge(configs: Vec<PrometheusConfig>) -> anyhow::Result<PrometheusConfig> {
    let mut configs = configs.into_iter();
    let Some(mut merged) = configs.next() else {
        return PrometheusConfig::parse("", Path::new("prometheus.yml")).context("the empty configuration is valid");
    };
    for config in configs {
        for job in config.scrape_configs {
            if merged.scrape_configs.iter().any(|other| other.job_name == job.job_name) {
                bail!(
                    "{}: job_name {:?} is used by another file too; rename one of them",
                    config.path.display(),
                    job.job_name
                );
            }
            merged.scrape_configs.push(job);
        }
    }
    Ok(merged)
}

fn read_rules(path: &Path, syntax: ParseOptions) -> anyhow::Result<RuleFile> {
    let text = std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
    Ok(parse_rule_file_with(&text, &path.display().to_string(), syntax)?)
}
