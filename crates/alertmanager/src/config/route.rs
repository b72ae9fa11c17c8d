//! Routes as written, before they inherit.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize, Serializer};
use skopos_config::Position;
use skopos_config::strict::{Node, Problem, Result, Section, read_section, text};
use skopos_core::MatchOp;
use skopos_core::labels::is_legacy_label_name;

use super::fields::Context;
use super::{NamedIntervals, Receiver, Release, show};
use crate::matcher::{Matcher, Matchers};

/// A route as written. What is `None` or empty is inherited.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RouteSpec {
    /// Whom to notify; empty where inherited.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub receiver: String,
    /// By which labels alerts are grouped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_by: Option<GroupBy>,
    #[serde(rename = "match", skip_serializing_if = "BTreeMap::is_empty")]
    match_equal: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    match_re: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "show::matchers")]
    matchers: Vec<Matcher>,
    /// Inside any of these nothing is sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mute_time_intervals: Vec<String>,
    /// Outside all of these nothing is sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub active_time_intervals: Vec<String>,
    /// Whether siblings that follow are asked too.
    #[serde(rename = "continue")]
    pub continue_matching: bool,
    /// Labels, whose values are templates; merged with those of the parent.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The children.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<RouteSpec>,
    /// How long a new group waits.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "show::optional_duration")]
    pub group_wait: Option<Duration>,
    /// How long a group waits between notifications.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "show::optional_duration")]
    pub group_interval: Option<Duration>,
    /// After how long an unchanged group is notified again.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "show::optional_duration")]
    pub repeat_interval: Option<Duration>,
    #[serde(skip)]
    all_matchers: Matchers,
    /// Where it is written.
    #[serde(skip)]
    pub position: Position,
}

/// By which labels alerts are grouped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupBy {
    /// By these.
    Labels(Vec<String>),
    /// By all that an alert has (`...`).
    All,
}

/// The name that stands for all labels.
const ALL_LABELS: &str = "...";

impl Serialize for GroupBy {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Labels(labels) => labels.serialize(serializer),
            Self::All => [ALL_LABELS].serialize(serializer),
        }
    }
}

impl RouteSpec {
    /// All matchers, of `match`, `match_re` and `matchers`.
    pub fn all_matchers(&self) -> &Matchers {
        &self.all_matchers
    }

    /// Visits the route and all below it, parents first.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a RouteSpec)) {
        visit(self);
        for route in &self.routes {
            route.walk(visit);
        }
    }

    /// Asks for more than is written.
    pub(super) fn narrow(&mut self, matchers: &[Matcher]) {
        self.matchers.extend_from_slice(matchers);
        self.all_matchers = self.all_matchers.and(matchers);
    }

    pub(super) fn read(node: &Node, context: &Context<'_>) -> Result<Self> {
        if node.is_null() {
            return Err(Problem::at(node.at, "a route is missing here"));
        }
        read_section(node, "config.plain", |section| {
            let match_equal = read_equal_map(section, "match")?;
            let match_re = read_regex_map(section, "match_re")?;
            let matchers = read_matchers(section, "matchers", context)?;
            let non_zero = |key: &'static str| match section.duration(key)? {
                Some(Duration::ZERO) => Err(section.problem_at(key, format!("{key} cannot be zero"))),
                duration => Ok(duration),
            };
            Ok(Self {
                receiver: section.text_or_empty("receiver")?,
                group_by: read_group_by(section, context)?,
                mute_time_intervals: section.texts("mute_time_intervals")?,
                active_time_intervals: section.texts("active_time_intervals")?,
                continue_matching: section.flag_or("continue", false)?,
                labels: match context.release {
                    Release::V0_33 => BTreeMap::new(),
                    Release::V0_34 => read_labels(section, context)?,
                },
                routes: section.list("routes", |node| Self::read(node, context))?,
                group_wait: section.duration("group_wait")?,
                group_interval: non_zero("group_interval")?,
                repeat_interval: non_zero("repeat_interval")?,
                all_matchers: combined(section, &match_equal, &match_re, &matchers)?,
                match_equal,
                match_re,
                matchers,
                position: node.at,
            })
        })
    }

    /// What the root alone must be.
    pub(super) fn check_root(&self, section: &Section<'_>) -> Result<()> {
        let refuse = |message: &str| Err(section.problem_at("route", message));
        if self.receiver.is_empty() {
            return refuse("root route must specify a default receiver");
        }
        if !self.all_matchers.is_empty() {
            return refuse("root route must not have any matchers");
        }
        if !self.mute_time_intervals.is_empty() {
            return refuse("root route must not have any mute time intervals");
        }
        if !self.active_time_intervals.is_empty() {
            return refuse("root route must not have any active time intervals");
        }
        if self.continue_matching {
            return refuse("cannot have continue in root route");
        }
        Ok(())
    }

    /// That receivers and intervals are defined, children first.
    pub(super) fn check_names(&self, receivers: &[Receiver], intervals: &[NamedIntervals]) -> Result<()> {
        self.check_receivers(receivers)?;
        self.check_intervals(intervals)
    }

    fn check_receivers(&self, receivers: &[Receiver]) -> Result<()> {
        self.routes
            .iter()
            .try_for_each(|route| route.check_receivers(receivers))?;
        let is_defined = self.receiver.is_empty() || receivers.iter().any(|receiver| receiver.name == self.receiver);
        if is_defined {
            return Ok(());
        }
        Err(Problem::at(
            self.position,
            format!("undefined receiver {:?} used in route", self.receiver),
        )
        .help("add it to receivers"))
    }

    fn check_intervals(&self, intervals: &[NamedIntervals]) -> Result<()> {
        self.routes
            .iter()
            .try_for_each(|route| route.check_intervals(intervals))?;
        let mut names = self.active_time_intervals.iter().chain(&self.mute_time_intervals);
        match names.find(|name| intervals.iter().all(|known| known.name != **name)) {
            None => Ok(()),
            Some(name) => Err(
                Problem::at(self.position, format!("undefined time interval {name:?} used in route"))
                    .help("add it to time_intervals"),
            ),
        }
    }
}

fn read_group_by(section: &Section<'_>, context: &Context<'_>) -> Result<Option<GroupBy>> {
    if section.get("group_by").is_none() {
        return Ok(None);
    }
    let names = section.texts("group_by")?;
    let mut labels: Vec<String> = Vec::new();
    let mut is_repeated = None;
    for name in names.iter().filter(|name| *name != ALL_LABELS) {
        if !context.is_label_name(name) {
            section.refuse(section.problem_at("group_by", format!("invalid label name {name:?} in group_by list")));
        }
        if labels.contains(name) {
            is_repeated.get_or_insert(name);
        }
        labels.push(name.clone());
    }
    let is_all = labels.len() < names.len();
    if is_all && !labels.is_empty() {
        section.refuse(section.problem_at(
            "group_by",
            "cannot have wildcard group_by (`...`) and other labels at the same time",
        ));
    }
    if let Some(name) = is_repeated {
        section.refuse(section.problem_at("group_by", format!("duplicated label {name:?} in group_by")));
    }
    Ok(Some(if is_all { GroupBy::All } else { GroupBy::Labels(labels) }))
}

fn read_labels(section: &Section<'_>, context: &Context<'_>) -> Result<BTreeMap<String, String>> {
    let labels = section.text_map("labels")?;
    match labels.keys().find(|name| !context.is_label_name(name)) {
        None => Ok(labels),
        Some(name) => Err(section.problem_at("labels", format!("invalid label name {name:?} in labels"))),
    }
}

/// `match` and its like: labels and the values that they must have.
pub(super) fn read_equal_map(section: &Section<'_>, key: &'static str) -> Result<BTreeMap<String, String>> {
    let map = section.text_map(key)?;
    match map.keys().find(|name| !is_legacy_label_name(name)) {
        None => Ok(map),
        Some(name) => Err(invalid_name(section, key, name)),
    }
}

fn invalid_name(section: &Section<'_>, key: &'static str, name: &str) -> Problem {
    section
        .problem_at(key, format!("invalid label name {name:?}"))
        .help("other names than [a-zA-Z_][a-zA-Z0-9_]* are allowed under matchers only")
}

/// `match_re` and its like: labels and the patterns that they must match.
pub(super) fn read_regex_map(section: &Section<'_>, key: &'static str) -> Result<BTreeMap<String, String>> {
    let Some(node) = section.get(key) else {
        return Ok(BTreeMap::new());
    };
    let mut map = BTreeMap::new();
    for entry in Section::new(node, "config.plain")?.pairs() {
        if !is_legacy_label_name(&entry.key) {
            return Err(invalid_name(section, key, &entry.key));
        }
        if entry.node.is_null() {
            return Err(
                Problem::at(entry.node.at, format!("invalid regexp value for {:?}", entry.key))
                    .help("give it a pattern; \"\" matches alerts without the label"),
            );
        }
        let pattern = text(&entry.node)?;
        Matcher::new(MatchOp::Regex, &entry.key, &pattern)
            .map_err(|error| Problem::at(entry.node.at, error.to_string()))?;
        map.insert(entry.key.clone(), pattern);
    }
    Ok(map)
}

/// `matchers` and its like: texts, each of which may hold several matchers.
pub(super) fn read_matchers(section: &Section<'_>, key: &'static str, context: &Context<'_>) -> Result<Vec<Matcher>> {
    let mut matchers = Vec::new();
    for node in section.items(key)? {
        let input = text(node)?;
        let (parsed, warning) = context.mode.parse(&input).map_err(|error| {
            Problem::at(node.at, error.to_string()).help("write matchers as name=\"value\", or with !=, =~, !~")
        })?;
        matchers.extend(parsed);
        if let Some(warning) = warning {
            context.warn(node.at, warning.to_string());
        }
    }
    matchers.sort();
    Ok(matchers)
}

/// All matchers of a side. A pattern of `match_re` stands in group keys with its anchors.
pub(super) fn combined(
    section: &Section<'_>,
    equal: &BTreeMap<String, String>,
    regex: &BTreeMap<String, String>,
    matchers: &[Matcher],
) -> Result<Matchers> {
    let mut all = matchers.to_vec();
    all.extend(equal.iter().map(|(name, value)| Matcher::equal(name, value)));
    for (name, pattern) in regex {
        let anchored = format!("^(?:{pattern})$");
        let matcher = Matcher::new(MatchOp::Regex, name, anchored);
        all.push(matcher.map_err(|error| section.problem(error.to_string()))?);
    }
    Ok(Matchers::new(all))
}
