//! Objects of the Prometheus operator, of files and of a cluster that is followed: monitors become scrape
//! jobs, rules become rule files.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use parking_lot::Mutex;
use serde_json::Value;
use skopos_config::PrometheusConfig;
use skopos_discovery::monitors::{ClusterAccess, documents, scrape_jobs};
use skopos_promql::ParseOptions;
use skopos_rules::{RuleFile, parse_rule_file_with};

use crate::cli::kubernetes::KubernetesArgs;

/// Where objects come from, and those of the cluster as of now.
#[derive(Debug, Clone, Default)]
pub(crate) struct KubernetesObjects {
    files: Vec<String>,
    access: ClusterAccess,
    followed: Option<Arc<Mutex<Vec<Value>>>>,
}

/// What objects were read as.
#[derive(Debug, Default)]
pub(super) struct LoadedObjects {
    pub(super) config: Option<PrometheusConfig>,
    pub(super) rules: Vec<RuleFile>,
    pub(super) warnings: Vec<String>,
}

impl KubernetesObjects {
    /// What the flags name.
    pub(super) fn of(args: &KubernetesArgs) -> Self {
        Self {
            files: args.files.clone(),
            access: ClusterAccess {
                api_server: args.api_server.clone(),
                kubeconfig_file: args.kubeconfig_file.clone(),
            },
            followed: args.follow.then(Arc::default),
        }
    }

    /// The cluster to follow, if any.
    pub(in crate::node) fn followed_cluster(&self) -> Option<&ClusterAccess> {
        self.followed.as_ref().map(|_| &self.access)
    }

    /// Takes over what a cluster holds.
    pub(in crate::node) fn set_followed(&self, objects: Vec<Value>) {
        if let Some(followed) = &self.followed {
            *followed.lock() = objects;
        }
    }

    /// Reads all objects. Those of files must be good; those of a cluster are others' work, so that one
    /// which is not is left out with a warning. Intervals are those of the main configuration file.
    pub(super) fn load(&self, main: Option<&PrometheusConfig>, syntax: ParseOptions) -> anyhow::Result<LoadedObjects> {
        let mut config = PrometheusConfig::parse("", Path::new("--kubernetes.objects"))
            .context("the empty configuration is valid")?;
        if let Some(main) = main {
            config.global = main.global.clone();
        }
        let mut loaded = LoadedObjects::default();
        let mut objects = Vec::new();
        for pattern in &self.files {
            let paths = skopos_config::glob_files(Path::new("."), pattern);
            let paths = paths
                .map_err(|problem| problem.in_file(pattern))
                .context("--kubernetes.objects")?;
            anyhow::ensure!(
                !paths.is_empty(),
                "--kubernetes.objects {pattern}: there is no such file"
            );
            for path in paths {
                let text =
                    std::fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
                let found = documents(&text).map_err(|reason| anyhow::anyhow!("{}: {reason}", path.display()))?;
                if found.iter().any(is_rule) {
                    loaded
                        .rules
                        .push(parse_rule_file_with(&text, &path.display().to_string(), syntax)?);
                }
                objects.extend(found);
            }
        }
        let jobs = scrape_jobs(&objects, &self.access, &config.global);
        if let Some(error) = jobs.errors.first() {
            bail!("--kubernetes.objects: {error}");
        }
        loaded.warnings.extend(jobs.warnings);
        let mut configs = jobs.configs;
        if let Some(followed) = &self.followed {
            let objects = followed.lock().clone();
            let jobs = scrape_jobs(&objects, &self.access, &config.global);
            configs.extend(jobs.configs);
            loaded.warnings.extend(jobs.warnings);
            loaded.warnings.extend(jobs.errors.iter().map(ToString::to_string));
            loaded.take_rules(&objects, syntax);
        }
        if !configs.is_empty() {
            config.scrape_configs = configs;
            loaded.config = Some(config);
        }
        Ok(loaded)
    }
}

impl LoadedObjects {
    fn take_rules(&mut self, objects: &[Value], syntax: ParseOptions) {
        for object in objects.iter().filter(|object| is_rule(object)) {
            let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
            let name = format!("PrometheusRule {}/{}", text("namespace"), text("name"));
            match parse_rule_file_with(&object.to_string(), &name, syntax) {
                Ok(file) => self.rules.push(file),
                Err(error) => self.warnings.push(format!("{name} is left out: {error}")),
            }
        }
    }
}

fn is_rule(object: &Value) -> bool {
    object["kind"] == "PrometheusRule"
}
