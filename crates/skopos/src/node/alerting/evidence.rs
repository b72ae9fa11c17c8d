//! What decided alerts, kept in SQLite so that it outlives a restart.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use skopos_alertmanager::alert::fingerprint;
use skopos_core::metric::MetricValue;
use skopos_core::{Clock as _, SystemClock};
use skopos_rules::{Evaluation, Evidence, LineEvidence, RuleSample, Transition, TransitionKind};
use skopos_state::{Change, Kind, StateError, StateStore};

use super::Alerting;
use super::feed::with_external;
use super::history::pairs;

/// Most alerts whose evidence is kept; the oldest give way.
const MAX_KEPT: usize = 20_000;

/// Evidence as it is stored and as the API gives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredEvidence {
    pub(super) fingerprint: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) rule: StoredRule,
    pub(super) config_version: String,
    pub(super) first_bad_ms: i64,
    pub(super) pending_ms: i64,
    pub(super) fired_ms: i64,
    /// When it ended, if it did.
    #[serde(default)]
    pub(super) ended_ms: Option<i64>,
    /// Why it ended: `conditionOver`, `limitExceeded` or `ruleRemoved`.
    #[serde(default)]
    pub(super) end_reason: Option<String>,
    pub(super) result: Vec<StoredSample>,
    pub(super) selectors: Vec<StoredSelector>,
}

/// The rule that fired.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredRule {
    pub(super) name: String,
    pub(super) group: String,
    pub(super) file: String,
    pub(super) line: u64,
    pub(super) expr: String,
    /// `for` in milliseconds.
    #[serde(rename = "for")]
    pub(super) for_ms: i64,
}

/// A sample of the expression's result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredSample {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) value: String,
}

/// What a selector of the expression read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredSelector {
    pub(super) selector: String,
    pub(super) series: Vec<StoredSeries>,
    /// Of LogQL: the newest lines, oldest first.
    #[serde(default)]
    pub(super) lines: Vec<StoredLine>,
}

/// A log line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredLine {
    /// Unix nanoseconds, as text: beyond what a number of JSON holds exactly.
    pub(super) timestamp_ns: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) line: String,
}

/// The newest samples of a series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredSeries {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) samples: Vec<(i64, String)>,
}

impl StoredEvidence {
    fn new(key: u64, labels: BTreeMap<String, String>, evidence: &Evidence) -> Self {
        let rule = &evidence.rule;
        let sample = |sample: &RuleSample| StoredSample {
            labels: pairs(sample.labels.iter()),
            value: value_text(&sample.value),
        };
        let selectors = evidence.selectors.iter().map(|selector| StoredSelector {
            selector: selector.selector.clone(),
            series: selector
                .series
                .iter()
                .map(|series| StoredSeries {
                    labels: pairs(series.labels.iter()),
                    samples: series
                        .samples
                        .iter()
                        .filter(|(_, value)| !is_marker(value))
                        .map(|(at_ms, value)| (*at_ms, value_text(value)))
                        .collect(),
                })
                .collect(),
            lines: selector.lines.iter().map(StoredLine::of).collect(),
        });
        Self {
            fingerprint: format!("{key:016x}"),
            labels,
            rule: StoredRule {
                name: rule.name.clone(),
                group: rule.group.clone(),
                file: rule.file.clone(),
                line: rule.line,
                expr: rule.expr.clone(),
                for_ms: rule.for_ms,
            },
            config_version: evidence.config_version.to_string(),
            first_bad_ms: evidence.first_bad_ms,
            pending_ms: evidence.pending_ms,
            fired_ms: evidence.fired_ms,
            ended_ms: None,
            end_reason: None,
            result: evidence.result.iter().map(sample).collect(),
            selectors: selectors.collect(),
        }
    }

    /// A label of the alert; empty where it has none of the name.
    pub(super) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

impl StoredLine {
    fn of(line: &LineEvidence) -> Self {
        Self {
            timestamp_ns: line.timestamp_ns.to_string(),
            labels: pairs(line.labels.iter()),
            line: line.line.clone(),
        }
    }
}

fn is_marker(value: &MetricValue) -> bool {
    matches!(value, MetricValue::Float(value) if skopos_core::sample::is_stale(*value))
}

fn value_text(value: &MetricValue) -> String {
    match value {
        MetricValue::Float(value) => skopos_template::format_float(*value, 'f', None),
        MetricValue::Histogram(histogram) => {
            format!("histogram of {} observations, sum {}", histogram.count, histogram.sum)
        }
    }
}

/// All that was kept.
pub(super) async fn restore(state: &StateStore) -> Result<HashMap<String, StoredEvidence>, StateError> {
    let mut kept = HashMap::new();
    for document in state.documents(Kind::Evidence).await? {
        match serde_json::from_str(&document.body) {
            Ok(evidence) => drop(kept.insert(document.key, evidence)),
            Err(error) => tracing::error!("the evidence of alert {} cannot be read: {error}", document.key),
        }
    }
    Ok(kept)
}

impl Alerting {
    /// Keeps what decided the alerts that fire from now on, and how they ended.
    pub(super) async fn keep_evidence(&self, evaluation: &Evaluation, external: &[(String, String)]) {
        let mut changes = Vec::new();
        for transition in &evaluation.transitions {
            if transition.kind == TransitionKind::Resolved {
                changes.extend(self.end_evidence(transition, external));
            }
            let (TransitionKind::Firing, Some(evidence)) = (transition.kind, &transition.evidence) else {
                continue;
            };
            let labels = with_external(&transition.labels, external);
            let stored = StoredEvidence::new(fingerprint(&labels), pairs(labels.iter()), evidence);
            changes.push(put(&stored));
            let mut kept = self.evidence.lock();
            kept.insert(stored.fingerprint.clone(), stored);
            while kept.len() > MAX_KEPT {
                let oldest = kept.values().min_by_key(|evidence| evidence.fired_ms);
                let Some(key) = oldest.map(|evidence| evidence.fingerprint.clone()) else {
                    break;
                };
                kept.remove(&key);
                changes.push(removal(key));
            }
        }
        self.store_evidence(&changes).await;
    }

    fn end_evidence(&self, transition: &Transition, external: &[(String, String)]) -> Option<Change> {
        let key = format!("{:016x}", fingerprint(&with_external(&transition.labels, external)));
        let mut kept = self.evidence.lock();
        let evidence = kept.get_mut(&key)?;
        evidence.ended_ms = Some(transition.at_ms);
        evidence.end_reason = transition.end.map(|end| end.as_str().to_owned());
        Some(put(evidence))
    }

    /// Removes evidence that is older than history is kept.
    pub(super) async fn forget_evidence(&self) {
        let before_ms = SystemClock.now_ms() - self.history_retention.as_millis() as i64;
        let mut changes = Vec::new();
        self.evidence.lock().retain(|key, evidence| {
            let stays = evidence.fired_ms >= before_ms;
            if !stays {
                changes.push(removal(key.clone()));
            }
            stays
        });
        self.store_evidence(&changes).await;
    }

    async fn store_evidence(&self, changes: &[Change]) {
        if let Err(error) = self.state.apply(changes).await {
            tracing::error!("the evidence of alerts could not be stored: {error}");
        }
    }
}

fn put(evidence: &StoredEvidence) -> Change {
    Change {
        kind: Kind::Evidence,
        key: evidence.fingerprint.clone(),
        body: Some(serde_json::to_string(evidence).expect("evidence is plain data")),
    }
}

fn removal(key: String) -> Change {
    Change {
        kind: Kind::Evidence,
        key,
        body: None,
    }
}
