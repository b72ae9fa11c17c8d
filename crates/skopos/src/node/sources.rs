//! What a server is configured from: a Prometheus configuration file and packs, read as a whole.

pub(crate) mod alerting;
pub(super) mod kubernetes;
mod logql;
mod loki;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use skopos_config::{LokiConfig, Mode, PrometheusConfig};
use skopos_core::limits::LimitSet;
use skopos_dashboards::DashboardStore;
use skopos_promql::ParseOptions;
use skopos_rules::{RuleFile, parse_rule_file_with};

use crate::cli::serve::ServeArgs;
use crate::features::Features;
use alerting::{LoadedAlerting, OutsideSection, PackRules};
use kubernetes::KubernetesObjects;

/// Where to read from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    /// A `prometheus.yml`.
    pub(crate) config_file: Option<PathBuf>,
    /// Folders with any of `prometheus.yml`, the rule files it names, and `dashboards/`.
    pub(crate) packs: Vec<PathBuf>,
    /// Features by name, as rule files may use them.
    pub(crate) feature_names: Vec<String>,
    /// Rule files of Loki, as patterns; those of packs are found by their names.
    pub(crate) logql_files: Vec<String>,
    /// A Loki configuration whose limits hold, beside those of packs.
    pub(crate) loki_file: Option<PathBuf>,
    /// An `alertmanager.yml` beside those of packs.
    pub(crate) alertmanager_file: Option<PathBuf>,
    /// An `incidents.yml` beside those of packs.
    pub(crate) incidents_file: Option<PathBuf>,
    /// Objects of the Prometheus operator.
    pub(crate) kubernetes: KubernetesObjects,
    /// For what the configuration is meant.
    pub(crate) mode: Mode,
}

/// Everything that was read, checked.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The configuration file's settings, with the scrape jobs of the packs added.
    pub(crate) config: PrometheusConfig,
    /// All rule files.
    pub(crate) rules: Vec<RuleFile>,
    /// What tenants may send, keep and ask.
    pub(crate) limits: LimitSet,
    /// All dashboards.
    pub(crate) dashboards: Arc<DashboardStore>,
    /// Who is told of alerts.
    pub(crate) alerting: LoadedAlerting,
    /// Other Alertmanagers that alerts are sent to.
    pub(crate) alertmanagers: Vec<OutsideSection>,
    /// Folders of packs by name.
    pub(crate) packs: Vec<(String, PathBuf)>,
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
            logql_files: args.rules.logql_files.clone(),
            loki_file: args.loki_file.clone(),
            alertmanager_file: args.alerting.config_file.clone(),
            incidents_file: args.alerting.incidents_file.clone(),
            kubernetes: KubernetesObjects::of(&args.kubernetes),
            mode: args.remote.mode(),
        }
    }

    /// Reads everything, or says what is wrong where.
    pub(crate) fn load(&self) -> anyhow::Result<Loaded> {
        let mut configs = Vec::new();
        let mut alertmanagers = Vec::new();
        let mut pack_rules = Vec::new();
        for (pack, file) in self.config_files()? {
            let config = PrometheusConfig::load_for(&file, self.mode)?;
            alertmanagers.push((pack.clone(), OutsideSection::of(&config)));
            pack_rules.push((pack, Vec::new()));
            configs.push(config);
        }
        let unread = configs.iter().skip(1).flat_map(|config| {
            let sections = [
                ("remote_write", config.remote_write.is_empty()),
                ("remote_read", config.remote_read.is_empty()),
                ("tracing", config.tracing.is_none()),
            ];
            let named = sections.into_iter().filter(|(_, is_empty)| !is_empty);
            named.map(move |(section, _)| {
                format!(
                    "{}: {section} is read but not carried out, for this is not the first configuration file; \
                     move it to --config.file",
                    config.path.display()
                )
            })
        });
        let unread: Vec<String> = unread.collect();
        let (features, unknown) = Features::parse(&self.feature_names);
        let mut rules = Vec::new();
        let mut warnings: Vec<String> = unknown
            .iter()
            .map(|name| format!("--enable-feature={name}: there is no such feature; it is ignored"))
            .chain(unread)
            .collect();
        for (config, (_, own_rules)) in configs.iter().zip(&mut pack_rules) {
            warnings.extend(config.warnings.iter().cloned());
            for path in config.rule_file_paths()? {
                let file = read_rules(&path, features.syntax)?;
                own_rules.push(file.clone());
                rules.push(file);
            }
        }
        let alerting = self.load_alerting(&pack_rules)?;
        warnings.extend(alerting.warnings.iter().cloned());
        // Beside a pack's own alertmanager.yml its `alerting` section names what Skopos is itself.
        let routes_itself =
            |pack: &Option<PathBuf>| pack.as_ref().is_some_and(|pack| alerting.routed_packs.contains(pack));
        alertmanagers.retain(|(pack, _)| !routes_itself(pack));
        let objects = self.kubernetes.load(configs.first(), features.syntax)?;
        configs.extend(objects.config);
        rules.extend(objects.rules);
        warnings.extend(objects.warnings);
        for path in logql::files(&self.logql_files, &self.packs)? {
            rules.push(logql::read(&path)?);
        }
        let loki = loki::load(self.loki_file.as_deref(), &self.packs)?;
        warnings.extend(loki.iter().flat_map(|file| file.warnings.iter().cloned()));
        warnings.extend(rules.iter().flat_map(|file| file.warnings.iter().cloned()));
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
            limits: LokiConfig::merge(&loki)?,
            rules,
            dashboards: Arc::new(dashboards),
            alerting,
            alertmanagers: alertmanagers.into_iter().flat_map(|(_, sections)| sections).collect(),
            packs: self
                .packs
                .iter()
                .map(|pack| (alerting::name_of(pack), pack.clone()))
                .collect(),
            warnings,
        })
    }

    fn load_alerting(&self, rules: &[(Option<PathBuf>, Vec<RuleFile>)]) -> anyhow::Result<LoadedAlerting> {
        let packs: Vec<PackRules<'_>> = self
            .packs
            .iter()
            .map(|folder| {
                let own = rules.iter().find(|(pack, _)| pack.as_ref() == Some(folder));
                PackRules {
                    folder,
                    rules: own.map_or(&[], |(_, rules)| rules.as_slice()),
                }
            })
            .collect();
        let file = self.alertmanager_file.as_deref();
        alerting::load(file, self.incidents_file.as_deref(), &packs)
    }

    /// The configuration files, those of packs with their folders.
    fn config_files(&self) -> anyhow::Result<Vec<(Option<PathBuf>, PathBuf)>> {
        let mut files: Vec<_> = self.config_file.iter().map(|file| (None, file.clone())).collect();
        for pack in &self.packs {
            if !pack.is_dir() {
                bail!("--pack {}: there is no such folder", pack.display());
            }
            let file = pack.join("prometheus.yml");
            if file.is_file() {
                files.push((Some(pack.clone()), file));
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
        merged.otlp = merged.otlp.or(config.otlp);
    }
    Ok(merged)
}

fn read_rules(path: &Path, syntax: ParseOptions) -> anyhow::Result<RuleFile> {
    let text = std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
    Ok(parse_rule_file_with(&text, &path.display().to_string(), syntax)?)
}
