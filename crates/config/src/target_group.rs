//! Groups of targets that share labels: in `static_configs` and in the files of `file_sd_configs`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::error::{ConfigError, Problem, Result};
use crate::section::{Section, read_section, text};
use crate::yaml::{Node, Value, parse};

/// Targets and the labels that all of them get.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize)]
pub struct TargetGroup {
    /// Addresses, `host:port`.
    pub targets: Vec<String>,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// Reads the file of a file discovery, YAML or JSON: a list of target groups.
pub fn parse_target_groups(text: &str, path: &Path) -> std::result::Result<Vec<TargetGroup>, ConfigError> {
    let read = || {
        let node = parse(text)?;
        match &node.value {
            Value::Null => Ok(Vec::new()),
            Value::List(items) => items.iter().map(TargetGroup::read).collect(),
            _ => Err(Problem::at(
                node.at,
                format!("a list of target groups is expected, not {}", node.kind()),
            )
            .help("a group is: - targets: [\"host:port\"]\n      labels: {name: value}")),
        }
    };
    read().map_err(|problem| problem.in_file(path))
}

impl TargetGroup {
    pub(crate) fn read(node: &Node) -> Result<Self> {
        if node.is_null() {
            return Err(Problem::at(node.at, "empty or null section in static_configs").help("remove the empty item"));
        }
        read_section(node, "struct", |section| {
            Ok(Self {
                targets: section.list("targets", address)?,
                labels: labels(section)?,
            })
        })
    }
}

fn address(node: &Node) -> Result<String> {
    let address = text(node)?;
    if address.contains('/') {
        return Err(Problem::at(node.at, format!("{address:?} is not a valid hostname"))
            .help("write host:port; the path belongs in metrics_path and the scheme in scheme"));
    }
    Ok(address)
}

fn labels(section: &Section<'_>) -> Result<BTreeMap<String, String>> {
    let labels = section.text_map("labels")?;
    match labels.keys().find(|name| name.is_empty()) {
        Some(_) => Err(section.problem_at("labels", "a label name is empty")),
        None => Ok(labels),
    }
}
