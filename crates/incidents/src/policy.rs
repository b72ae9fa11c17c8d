//! `incidents.yml`: the time to recover that is aimed at, who is told when nobody acknowledges, and
//! the heartbeats by which an outside check notices that alerting itself is dead.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use skopos_alertmanager::{Matcher, Matchers, ParserMode};
use skopos_core::Labels;

/// The target where none is set: 15 minutes.
const DEFAULT_TARGET_MS: i64 = 15 * 60 * 1000;
/// The pause between heartbeats where none is set.
const DEFAULT_HEARTBEAT_MS: i64 = 60 * 1000;

/// The alerts that fire always where no file names others: the customary one.
const DEFAULT_ALWAYS_FIRING: [&str; 1] = ["Watchdog"];

/// What a file of incidents says.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// The time to recover that is aimed at, in milliseconds; `None` where no file sets it.
    pub target_ms: Option<i64>,
    /// Escalations; the first that matches applies.
    pub escalations: Vec<EscalationPolicy>,
    /// Heartbeats.
    pub heartbeats: Vec<Heartbeat>,
    /// Names of alerts that fire always, to show that alerting lives, and so open no incident; `None`
    /// where no file sets them. Alerts of heartbeats are among them unnamed.
    pub always_firing: Option<Vec<String>>,
}

/// Who is told, and when, while nobody acknowledges.
#[derive(Debug, Clone)]
pub struct EscalationPolicy {
    /// Its name.
    pub name: String,
    /// Which alerts it is for.
    pub matchers: Matchers,
    /// The steps, by time.
    pub steps: Vec<Step>,
}

/// A step of an escalation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// How long after the start.
    pub after_ms: i64,
    /// A receiver of the alertmanager's configuration.
    pub receiver: String,
}

/// A heartbeat: a request to an outside check, sent while an always-firing alert fires.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    /// Its name.
    pub name: String,
    /// The alert that must fire for it to be sent.
    pub alertname: String,
    /// Labels that the alert must have besides, where several systems have one of the name.
    pub matchers: Matchers,
    /// Where it goes.
    pub url: HeartbeatUrl,
    /// The pause between two, in milliseconds.
    pub interval_ms: i64,
}

/// Where a heartbeat goes. The address is a secret: who knows it can fake being alive.
#[derive(Clone, PartialEq, Eq)]
pub enum HeartbeatUrl {
    /// The address itself.
    Url(String),
    /// A file that holds it.
    File(PathBuf),
}

impl std::fmt::Debug for HeartbeatUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Url(_) => f.write_str("Url(<secret>)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

/// An `incidents.yml` cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {reason}")]
pub struct PolicyError {
    /// The file.
    pub file: String,
    /// What is wrong, where, and how to mend it.
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPolicy {
    recovery_target: Option<String>,
    #[serde(default)]
    escalations: Vec<RawEscalation>,
    #[serde(default)]
    heartbeats: Vec<RawHeartbeat>,
    always_firing: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEscalation {
    name: String,
    #[serde(default)]
    matchers: Vec<String>,
    steps: Vec<RawStep>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    after: String,
    receiver: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHeartbeat {
    name: String,
    alert: String,
    url: Option<String>,
    url_file: Option<PathBuf>,
    interval: Option<String>,
}

impl Heartbeat {
    /// Whether an alert is the one that must fire.
    pub fn is_alert(&self, labels: &Labels) -> bool {
        labels.get("alertname") == self.alertname && self.matchers.matches(labels)
    }
}

impl Policy {
    /// Reads the text of a file; relative paths in it start at the file's folder.
    pub fn parse(text: &str, file: &Path) -> Result<Self, PolicyError> {
        let fail = |reason: String| PolicyError {
            file: file.display().to_string(),
            reason,
        };
        let raw: RawPolicy = serde_saphyr::from_str(text).map_err(|error| fail(error.to_string()))?;
        let target_ms = raw
            .recovery_target
            .as_deref()
            .map(|text| millis("recovery_target", text));
        let escalations = raw.escalations.into_iter().map(escalation);
        let folder = file.parent().unwrap_or(Path::new(""));
        let heartbeats = raw.heartbeats.into_iter().map(|raw| heartbeat(raw, folder));
        Ok(Self {
            target_ms: target_ms.transpose().map_err(&fail)?,
            escalations: escalations.collect::<Result<_, _>>().map_err(&fail)?,
            heartbeats: heartbeats.collect::<Result<_, _>>().map_err(&fail)?,
            always_firing: raw.always_firing,
        })
    }

    /// The policy of one of several systems in one process: it is for alerts with `labels` alone, its
    /// receivers are those with `prefix` before their names, and so are the names of its parts.
    #[must_use]
    pub fn within(mut self, prefix: &str, labels: &BTreeMap<String, String>) -> Self {
        let own: Vec<Matcher> = labels.iter().map(|(name, value)| Matcher::equal(name, value)).collect();
        for escalation in &mut self.escalations {
            escalation.name.insert_str(0, prefix);
            escalation.matchers = escalation.matchers.and(&own);
            for step in &mut escalation.steps {
                step.receiver.insert_str(0, prefix);
            }
        }
        for heartbeat in &mut self.heartbeats {
            heartbeat.name.insert_str(0, prefix);
            heartbeat.matchers = heartbeat.matchers.and(&own);
        }
        self
    }

    /// Adds what another file says; the shorter target counts.
    pub fn merge(&mut self, other: Self) {
        self.target_ms = match (self.target_ms, other.target_ms) {
            (Some(ours), Some(theirs)) => Some(ours.min(theirs)),
            (ours, theirs) => ours.or(theirs),
        };
        self.escalations.extend(other.escalations);
        self.heartbeats.extend(other.heartbeats);
        if let Some(names) = other.always_firing {
            self.always_firing.get_or_insert_default().extend(names);
        }
    }

    /// Whether alerts of that name fire always, to show that alerting lives: no incident.
    pub fn fires_always(&self, alertname: &str) -> bool {
        let is_named = match &self.always_firing {
            Some(names) => names.iter().any(|name| name == alertname),
            None => DEFAULT_ALWAYS_FIRING.contains(&alertname),
        };
        is_named || self.heartbeats.iter().any(|heartbeat| heartbeat.alertname == alertname)
    }

    /// The time to recover that is aimed at, in milliseconds.
    pub fn target_ms(&self) -> i64 {
        self.target_ms.unwrap_or(DEFAULT_TARGET_MS)
    }

    /// The escalation for an alert.
    pub fn escalation_for(&self, labels: &Labels) -> Option<&EscalationPolicy> {
        self.escalations.iter().find(|policy| policy.matchers.matches(labels))
    }
}

fn escalation(raw: RawEscalation) -> Result<EscalationPolicy, String> {
    let place = format!("escalation {:?}", raw.name);
    let mut matchers = Vec::new();
    for text in &raw.matchers {
        let parsed = ParserMode::Fallback.parse(text);
        let (parsed, _) = parsed.map_err(|error| format!("{place}: {error}"))?;
        matchers.extend(parsed);
    }
    let mut steps = Vec::new();
    for step in raw.steps {
        steps.push(Step {
            after_ms: millis(&format!("{place}: after"), &step.after)?,
            receiver: step.receiver,
        });
    }
    if steps.is_empty() {
        return Err(format!(
            "{place}: it has no steps; list at least one {{after, receiver}}"
        ));
    }
    steps.sort_by_key(|step| step.after_ms);
    Ok(EscalationPolicy {
        name: raw.name,
        matchers: Matchers::new(matchers),
        steps,
    })
}

fn heartbeat(raw: RawHeartbeat, folder: &Path) -> Result<Heartbeat, String> {
    let place = format!("heartbeat {:?}", raw.name);
    let url = match (raw.url, raw.url_file) {
        (Some(url), None) => HeartbeatUrl::Url(url),
        (None, Some(path)) => HeartbeatUrl::File(folder.join(path)),
        (None, None) => return Err(format!("{place}: url or url_file is missing")),
        (Some(_), Some(_)) => return Err(format!("{place}: url and url_file exclude each other; keep one")),
    };
    let interval = raw.interval.as_deref();
    let interval_ms = interval.map_or(Ok(DEFAULT_HEARTBEAT_MS), |text| {
        millis(&format!("{place}: interval"), text)
    })?;
    if interval_ms == 0 {
        return Err(format!("{place}: interval must be longer than 0"));
    }
    Ok(Heartbeat {
        name: raw.name,
        alertname: raw.alert,
        matchers: Matchers::default(),
        url,
        interval_ms,
    })
}

fn millis(place: &str, text: &str) -> Result<i64, String> {
    let duration = skopos_config::parse_duration(text).map_err(|error| format!("{place}: {error}"))?;
    Ok(duration.as_millis() as i64)
}
