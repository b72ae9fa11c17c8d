//! What a scenario does.

use std::collections::BTreeMap;

use serde::Deserialize;
use skopos_alertmanager::Matcher;
use skopos_alertmanager::alert::PostableAlert;
use skopos_alertmanager::machine::StoredMatcher;
use skopos_alertmanager::silence::PostableSilence;

use super::ms;

/// How long a silence lasts for which nothing is said, seconds.
const SILENCE_S: f64 = 3600.0;

/// One action; the key that is there says which.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Action {
    /// Clients post alerts to all members.
    PostAlerts {
        /// The alerts.
        post_alerts: Vec<AlertSpec>,
    },
    /// A silence is made.
    PostSilence {
        /// The silence.
        post_silence: SilenceSpec,
    },
    /// A silence is ended.
    DeleteSilence {
        /// Which.
        delete_silence: SilenceRef,
    },
    /// The configuration is read again.
    Reload(Reload),
    /// The process ends and starts again.
    Restart(Restart),
    /// The API shows these alerts.
    GetAlerts {
        /// What is expected.
        get_alerts: GetAlerts,
    },
}

/// An alert; times in seconds from the start.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AlertSpec {
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) annotations: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) starts: Option<f64>,
    #[serde(default)]
    pub(super) ends: Option<f64>,
    #[serde(default, rename = "generatorURL")]
    generator_url: String,
}

/// A silence; times in seconds from the start.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SilenceSpec {
    #[serde(rename = "ref", default)]
    pub(super) name: String,
    matchers: Vec<MatcherSpec>,
    #[serde(default)]
    starts: Option<f64>,
    #[serde(default)]
    ends: Option<f64>,
    #[serde(default, rename = "createdBy", alias = "created_by")]
    created_by: String,
    #[serde(default)]
    comment: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct MatcherSpec {
    name: String,
    value: String,
    #[serde(default)]
    is_regex: bool,
    #[serde(default = "yes")]
    is_equal: bool,
}

fn yes() -> bool {
    true
}

/// Names a silence.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum SilenceRef {
    /// By its name.
    Name(String),
    /// By an object that holds its name.
    Object {
        /// The name.
        #[serde(rename = "ref")]
        name: String,
    },
}

impl SilenceRef {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Name(name) | Self::Object { name } => name,
        }
    }
}

/// A reload.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Reload {
    /// Whether it happens; the key tells a reload from other actions.
    #[serde(rename = "reload")]
    pub(super) happens: bool,
    /// The new text of the file.
    #[serde(default)]
    pub(super) config: Option<String>,
    /// The expected HTTP status.
    #[serde(default = "ok")]
    pub(super) status: u16,
}

fn ok() -> u16 {
    200
}

/// A restart.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Restart {
    pub(super) restart: RestartBy,
}

/// How a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RestartBy {
    /// It is asked to.
    Term,
    /// It is killed.
    Kill,
}

/// What the API should show.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct GetAlerts {
    pub(super) expect: Vec<ShownAlert>,
}

/// An alert as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(untagged)]
pub(super) enum ShownAlert {
    /// Name and state.
    Pair(String, String),
    /// Name and state by their names.
    Object {
        /// The label `alertname`.
        alertname: String,
        /// The state.
        state: String,
    },
}

impl ShownAlert {
    pub(super) fn pair(&self) -> (String, String) {
        match self {
            Self::Pair(alertname, state) | Self::Object { alertname, state } => (alertname.clone(), state.clone()),
        }
    }
}

impl AlertSpec {
    pub(super) fn to_post(&self) -> PostableAlert {
        PostableAlert {
            labels: self.labels.clone().into_iter().collect(),
            annotations: self.annotations.clone().into_iter().collect(),
            starts_at_ms: self.starts.map(ms),
            ends_at_ms: self.ends.map(ms),
            generator_url: self.generator_url.clone(),
        }
    }
}

impl SilenceSpec {
    pub(super) fn to_post(&self, now_ms: i64) -> Result<PostableSilence, String> {
        let matchers: Result<Vec<Matcher>, _> = self.matchers.iter().map(MatcherSpec::to_matcher).collect();
        Ok(PostableSilence {
            id: None,
            matchers: matchers?,
            starts_at_ms: self.starts.map_or(now_ms, ms),
            ends_at_ms: self.ends.map_or(now_ms + ms(SILENCE_S), ms),
            created_by: self.created_by.clone(),
            comment: self.comment.clone(),
            annotations: Vec::new(),
        })
    }
}

impl MatcherSpec {
    fn to_matcher(&self) -> Result<Matcher, String> {
        let stored = StoredMatcher {
            name: self.name.clone(),
            value: self.value.clone(),
            is_regex: self.is_regex,
            is_equal: self.is_equal,
        };
        Matcher::try_from(stored).map_err(|error| error.to_string())
    }
}
