//! `alertmanager.yml`: read strictly, with defaults, inheritance from `global`, places and advice.
//!
//! ```text
//!   text ─▶ tree with places ─▶ strict reader (global first) ─▶ Config ─▶ to_yaml (secrets hidden)
//! ```
//!
//! What is accepted and refused, and the words of the refusal, follow Alertmanager's `config/` and
//! `notify/*/` packages. Nothing here reads the files that a configuration names.

mod fields;
mod free_form;
mod global;
mod inhibit;
mod merge;
mod named_intervals;
pub mod receiver;
mod route;
mod show;
mod tracing;
mod warning;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use skopos_config::strict::{Node, Problem, Result, Section, parse, read_section};
pub use skopos_config::{ConfigError, Position};

pub use self::global::GlobalConfig;
pub use self::inhibit::InhibitRuleSpec;
pub use self::merge::Part;
pub use self::named_intervals::NamedIntervals;
pub use self::receiver::{Integration, IntegrationKind, Receiver};
pub use self::route::{GroupBy, RouteSpec};
pub use self::tracing::{TracingClient, TracingConfig};
pub use self::warning::Warning;

use self::fields::Context;
use crate::matcher::ParserMode;

/// How a configuration is read.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// The file that the text comes from: named in errors, and relative template paths start at
    /// its folder.
    pub path: PathBuf,
    /// Which parser reads matchers.
    pub parser_mode: ParserMode,
    /// Whose fields are known.
    pub release: Release,
    /// How long the notification log is kept (`--data.retention`); a longer `repeat_interval` is
    /// warned of.
    pub retention: Duration,
    /// The IANA name of the zone that the location `Local` means.
    pub local_time_zone: String,
}

/// A release of Alertmanager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Release {
    /// 0.33, which knows no labels of routes and no external id of SigV4.
    V0_33,
    /// 0.34.
    #[default]
    V0_34,
}

impl LoadOptions {
    /// Options for a file, all others at their default.
    pub fn for_path(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            ..Self::default()
        }
    }
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            path: PathBuf::from("alertmanager.yml"),
            parser_mode: ParserMode::default(),
            release: Release::default(),
            retention: Duration::from_hours(120),
            local_time_zone: "UTC".to_owned(),
        }
    }
}

/// A whole configuration.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Config {
    /// What receivers inherit.
    pub global: GlobalConfig,
    /// The root of the routing tree as written; see [`crate::RouteTree`].
    pub route: RouteSpec,
    /// What holds back what.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inhibit_rules: Vec<InhibitRuleSpec>,
    /// The receivers in their order.
    pub receivers: Vec<Receiver>,
    /// Patterns of template files; relative ones are joined to the configuration's folder.
    pub templates: Vec<String>,
    /// Intervals that routes name, those of the deprecated `mute_time_intervals` included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub time_intervals: Vec<NamedIntervals>,
    /// Where Alertmanager's own spans are sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracing: Option<TracingConfig>,
    /// The file that was read.
    #[serde(skip)]
    pub path: PathBuf,
    /// What is allowed but looks wrong, in the order of the file.
    #[serde(skip)]
    pub warnings: Vec<Warning>,
}

impl Config {
    /// Reads a configuration. The error says file, line, column and advice.
    pub fn parse(text: &str, options: &LoadOptions) -> std::result::Result<Self, ConfigError> {
        read_document(text, options).map_err(|problem| problem.in_file(&options.path))
    }

    /// The configuration as YAML, complete with what is inherited, secrets hidden: `config.original`
    /// of the API. Reading it gives the same configuration, but for the secrets.
    pub fn to_yaml(&self) -> String {
        serde_saphyr::to_string(self).expect("the model is plain data that YAML can hold")
    }

    /// The receiver of that name.
    pub fn receiver(&self, name: &str) -> Option<&Receiver> {
        self.receivers.iter().find(|receiver| receiver.name == name)
    }

    /// The intervals of that name.
    pub fn intervals(&self, name: &str) -> Option<&NamedIntervals> {
        self.time_intervals.iter().find(|intervals| intervals.name == name)
    }

    /// The folder at which relative paths of certificates and credentials in `http_config` start.
    /// Other `_file` paths start at the working directory, as in Alertmanager.
    pub fn folder(&self) -> &Path {
        folder_of(&self.path)
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn read_document(text: &str, options: &LoadOptions) -> Result<Config> {
    let document = parse(text)?;
    if document.is_null() {
        return Err(Problem::new("no route provided in config").help("add a route with a receiver, and that receiver"));
    }
    read_section(&document, "config.plain", |section| read_config(section, options))
}

fn read_config(section: &Section<'_>, options: &LoadOptions) -> Result<Config> {
    let global = section
        .section("global", "config.plain", GlobalConfig::read)?
        .unwrap_or_default();
    let context = Context {
        mode: options.parser_mode,
        release: options.release,
        global: &global,
        warnings: std::cell::RefCell::default(),
    };
    let receivers = section.list("receivers", |node| Receiver::read(node, &context))?;
    let inhibit_rules = section.list("inhibit_rules", |node| InhibitRuleSpec::read(node, &context))?;
    let templates = section.list("templates", |node| read_template(node, &options.path))?;
    let time_intervals = named_intervals::read(section, &options.local_time_zone)?;
    let tracing = section.section("tracing", "tracing.plain", TracingConfig::read)?;
    let route = match section.get("route") {
        Some(node) => Some(RouteSpec::read(node, &context)?),
        None => None,
    };
    // A key that is unknown is the likelier cause of what is missing.
    section.finish()?;
    let Some(route) = route else {
        return Err(section
            .problem("no routes provided")
            .help("add a route with a receiver"));
    };
    refuse_repeated_receivers(&receivers)?;
    route.check_root(section)?;
    route.check_names(&receivers, &time_intervals)?;
    let mut warnings = context.warnings.into_inner();
    warning::collect(&route, &receivers, options.retention, &mut warnings);
    Ok(Config {
        global,
        route,
        inhibit_rules,
        receivers,
        templates,
        time_intervals,
        tracing,
        path: options.path.clone(),
        warnings,
    })
}

/// A pattern of template files, joined to the configuration's folder.
fn read_template(node: &Node, path: &Path) -> Result<String> {
    let pattern = skopos_config::strict::text(node)?;
    if !is_pattern(&pattern) {
        return Err(Problem::at(node.at, format!("syntax error in pattern {pattern:?}"))
            .help("close each [ with a ] and put something after each backslash"));
    }
    let folder = folder_of(path);
    if pattern.is_empty() || Path::new(&pattern).is_absolute() || folder == Path::new(".") {
        return Ok(pattern);
    }
    Ok(folder.join(pattern).to_string_lossy().into_owned())
}

/// Whether Go's `filepath.Match` takes the pattern.
fn is_pattern(pattern: &str) -> bool {
    let mut chars = pattern.chars();
    let mut in_class = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.next().is_none() => return false,
            '[' => in_class = true,
            ']' => in_class = false,
            _ => {}
        }
    }
    !in_class
}

fn refuse_repeated_receivers(receivers: &[Receiver]) -> Result<()> {
    let mut names = BTreeSet::new();
    match receivers.iter().find(|receiver| !names.insert(&receiver.name)) {
        None => Ok(()),
        Some(receiver) => Err(Problem::at(
            receiver.position,
            format!("notification config name {:?} is not unique", receiver.name),
        )
        .help("join both receivers, or give each its own name")),
    }
}

#[cfg(test)]
mod tests;
