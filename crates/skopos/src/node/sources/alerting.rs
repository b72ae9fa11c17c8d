//! Who is told of alerts: the configurations of Alertmanager and of incidents, of files and packs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use skopos_alertmanager::config::Part;
use skopos_alertmanager::{Config, LoadOptions};
use skopos_config::{AlertmanagerConfig, PrometheusConfig, RelabelConfig};
use skopos_incidents::Policy;
use skopos_rules::{RuleFile, RuleKind};

/// Name of the part that `--alertmanager.config.file` makes beside packs.
const MAIN: &str = "main";
const FILE: &str = "alertmanager.yml";
const INCIDENTS_FILE: &str = "incidents.yml";

/// Where alerts go.
#[derive(Debug)]
pub(crate) struct LoadedAlerting {
    /// All configurations under one root.
    pub(crate) config: Config,
    /// What they were made of.
    pub(crate) parts: Vec<LoadedPart>,
    /// Escalations, heartbeats, and the time that is aimed at.
    pub(crate) policy: Policy,
    /// Packs that bring an Alertmanager configuration of their own.
    pub(crate) routed_packs: Vec<PathBuf>,
    /// What is odd but allowed.
    pub(crate) warnings: Vec<String>,
}

/// One of the configurations.
#[derive(Debug, Clone)]
pub(crate) struct LoadedPart {
    /// What stands before the names of its receivers, with the slash; empty if it is the only one.
    pub(crate) prefix: String,
    /// The configuration.
    pub(crate) config: Config,
}

/// An item of `alertmanagers`: other Alertmanagers that alerts are sent to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OutsideSection {
    /// The item.
    pub(crate) config: AlertmanagerConfig,
    /// Rules of its file for all alerts that leave.
    pub(crate) alert_relabel_configs: Vec<RelabelConfig>,
    /// Where relative file names start.
    pub(crate) folder: PathBuf,
}

impl OutsideSection {
    /// All items of a file.
    pub(crate) fn of(config: &PrometheusConfig) -> Vec<Self> {
        let folder = config.path.parent().unwrap_or(Path::new("."));
        let sections = config.alerting.alertmanagers.iter().map(|section| Self {
            config: section.clone(),
            alert_relabel_configs: config.alerting.alert_relabel_configs.clone(),
            folder: folder.to_owned(),
        });
        sections.collect()
    }
}

/// What was read of a pack.
#[derive(Debug)]
pub(super) struct PackRules<'a> {
    pub(super) folder: &'a Path,
    pub(super) rules: &'a [RuleFile],
}

/// Reads everything that says who is told.
pub(super) fn load(
    file: Option<&Path>,
    incidents: Option<&Path>,
    packs: &[PackRules<'_>],
) -> anyhow::Result<LoadedAlerting> {
    let mut parts = Vec::new();
    let mut routed_packs = Vec::new();
    let mut policies = Vec::new();
    for pack in packs {
        let path = pack.folder.join(FILE);
        let labels = common_labels(pack.rules);
        let is_routed = path.is_file();
        let policy = read_policy_of(pack.folder)?;
        policies.extend(policy.map(|policy| PackPolicy {
            part: if is_routed {
                name_of(pack.folder)
            } else {
                MAIN.to_owned()
            },
            labels: labels.clone(),
            policy,
        }));
        if is_routed {
            parts.push(Part {
                name: name_of(pack.folder),
                labels,
                config: read(&path)?,
            });
            routed_packs.push(pack.folder.to_owned());
        }
    }
    if let Some(path) = file {
        parts.push(Part {
            name: MAIN.to_owned(),
            labels: BTreeMap::new(),
            config: read(path)?,
        });
    }
    distinguish(&parts)?;
    let is_single = parts.len() == 1;
    let loaded = parts.iter().map(|part| LoadedPart {
        prefix: if is_single {
            String::new()
        } else {
            prefix_of(&part.name)
        },
        config: part.config.clone(),
    });
    let loaded: Vec<LoadedPart> = loaded.collect();
    let mut policy = Policy::default();
    for pack in policies {
        policy.merge(if is_single {
            pack.policy
        } else {
            pack.policy.within(&prefix_of(&pack.part), &pack.labels)
        });
    }
    if let Some(path) = incidents {
        policy.merge(read_policy(path)?);
    }
    let config = match loaded.as_slice() {
        [] => Config::silent(),
        [only] => only.config.clone(),
        _ => Config::merge(parts),
    };
    check_receivers(&policy, &config)?;
    let warnings = config.warnings.iter().map(ToString::to_string).collect();
    Ok(LoadedAlerting {
        config,
        parts: loaded,
        policy,
        routed_packs,
        warnings,
    })
}

/// What the `incidents.yml` of a pack says.
struct PackPolicy {
    /// The configuration that has its receivers.
    part: String,
    labels: BTreeMap<String, String>,
    policy: Policy,
}

/// What stands before the names of a configuration's receivers where there are several.
fn prefix_of(part: &str) -> String {
    format!("{part}/")
}

fn read_policy_of(folder: &Path) -> anyhow::Result<Option<Policy>> {
    let path = folder.join(INCIDENTS_FILE);
    path.is_file().then(|| read_policy(&path)).transpose()
}

/// Reads an Alertmanager configuration.
pub(crate) fn read(path: &Path) -> anyhow::Result<Config> {
    let text = std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
    Ok(Config::parse(&text, &LoadOptions::for_path(path))?)
}

fn read_policy(path: &Path) -> anyhow::Result<Policy> {
    let text = std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
    Ok(Policy::parse(&text, path)?)
}

/// The folder's name.
pub(crate) fn name_of(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The labels that all alerts of these rules bear with the same value.
fn common_labels(files: &[RuleFile]) -> BTreeMap<String, String> {
    let rules = files
        .iter()
        .flat_map(|file| &file.groups)
        .flat_map(|group| &group.rules);
    let mut alerts = rules.filter(|rule| rule.kind == RuleKind::Alerting);
    let Some(first) = alerts.next() else {
        return BTreeMap::new();
    };
    let mut common = first.labels.clone();
    common.retain(|_, value| !value.contains("{{"));
    for rule in alerts {
        common.retain(|name, value| rule.labels.get(name) == Some(value));
    }
    common
}

/// Alerts of each part must be told from those of the others.
fn distinguish(parts: &[Part]) -> anyhow::Result<()> {
    for (position, part) in parts.iter().enumerate() {
        let same = parts[..position].iter().find(|other| other.labels == part.labels);
        if let Some(other) = same {
            bail!(
                "{} and {} both route alerts, and nothing tells whose alert it is; give all alerts of each a \
                 label of its own, such as system: {}",
                other.config.path.display(),
                part.config.path.display(),
                part.name
            );
        }
    }
    Ok(())
}

fn check_receivers(policy: &Policy, config: &Config) -> anyhow::Result<()> {
    for escalation in &policy.escalations {
        for step in &escalation.steps {
            if config.receiver(&step.receiver).is_none() {
                let known: Vec<&str> = config.receivers.iter().map(|receiver| receiver.name.as_str()).collect();
                bail!(
                    "escalation {:?} names the receiver {:?}, which does not exist; there are: {}",
                    escalation.name,
                    step.receiver,
                    known.join(", ")
                );
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
