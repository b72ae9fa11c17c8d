//! Brings what the rules find to the alertmanager, to incidents and to other Alertmanagers.

use std::sync::Arc;

use skopos_alertmanager::alert::{Annotations, PostableAlert, fingerprint};
use skopos_core::{Labels, LabelsBuilder};
use skopos_incidents::{AlertChange, AlertPhase, GroupRef};
use skopos_rules::{AlertNotice, EndReason, Evaluation, RuleOrigin, Transition, TransitionKind};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Alerting;
use crate::node::rules::RuleListener;

/// Evaluations that may wait to be taken up; a rule thread waits beyond it.
const WAITING: usize = 1_024;

/// The end that rule threads put evaluations into.
#[derive(Debug)]
pub(in crate::node) struct Feed {
    sender: mpsc::Sender<(i64, Evaluation)>,
}

impl RuleListener for Feed {
    fn evaluated(&self, now_ms: i64, evaluation: &Evaluation) {
        if evaluation.notices.is_empty() && evaluation.transitions.is_empty() {
            return;
        }
        if self.sender.blocking_send((now_ms, evaluation.clone())).is_err() {
            tracing::debug!("an evaluation came after the end");
        }
    }
}

impl Feed {
    /// A feed, and the task that takes evaluations up.
    pub(in crate::node) fn start(alerting: Arc<Alerting>, shutdown: CancellationToken) -> Self {
        let (sender, mut receiver) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    taken = receiver.recv() => match taken {
                        Some((now_ms, evaluation)) => alerting.take_up(now_ms, evaluation).await,
                        None => return,
                    },
                    () = shutdown.cancelled() => return,
                }
            }
        });
        Self { sender }
    }
}

impl Alerting {
    async fn take_up(&self, now_ms: i64, evaluation: Evaluation) {
        let external = self.loaded.load();
        for transition in &evaluation.transitions {
            self.follow(now_ms, transition, &external.external_labels);
        }
        self.keep_evidence(&evaluation, &external.external_labels).await;
        let alerts: Vec<PostableAlert> = evaluation
            .notices
            .iter()
            .map(|notice| self.postable(notice, &external.external_labels))
            .collect();
        if alerts.is_empty() {
            return;
        }
        self.outside.send(&alerts);
        let posted = self.handle.post_alerts(alerts).await;
        match posted {
            Ok(outcome) => {
                if let Some(text) = outcome.error_text() {
                    tracing::error!("alerts of rules were refused: {text}");
                }
            }
            Err(error) => tracing::error!("{error}"),
        }
    }

    /// Tells incidents of what is pending; what fires comes back with its group from the machine.
    fn follow(&self, now_ms: i64, transition: &Transition, external: &[(String, String)]) {
        let labels = with_external(&transition.labels, external);
        let phase = match transition.kind {
            TransitionKind::Pending => AlertPhase::Pending {
                first_bad_ms: transition.first_bad_ms,
            },
            // Without `for` an alert is never pending, and its first bad sample is known here only.
            TransitionKind::Firing => AlertPhase::Pending {
                first_bad_ms: transition.first_bad_ms,
            },
            TransitionKind::Cancelled => AlertPhase::Resolved,
            TransitionKind::Resolved => {
                if let Some(why) = transition.end.and_then(|end| why(end, &transition.rule)) {
                    self.tracker.lock().explain(now_ms, fingerprint(&labels), &why);
                }
                return;
            }
        };
        let at_ms = if transition.kind == TransitionKind::Firing {
            transition.pending_ms
        } else {
            now_ms
        };
        let change = AlertChange {
            at_ms,
            fingerprint: fingerprint(&labels),
            labels,
            annotations: Annotations::default(),
            phase,
        };
        let nowhere = GroupRef {
            key: "".into(),
            labels: Labels::empty(),
        };
        self.tracker.lock().alert(&change, &nowhere);
    }

    fn postable(&self, notice: &AlertNotice, external: &[(String, String)]) -> PostableAlert {
        let labels = with_external(&notice.labels, external);
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        PostableAlert {
            labels: labels.iter().map(owned).collect(),
            annotations: notice.annotations.iter().cloned().collect(),
            starts_at_ms: Some(notice.starts_at_ms),
            ends_at_ms: Some(notice.ends_at_ms),
            generator_url: graph_url(&self.external_url, &notice.rule.expr),
        }
    }
}

/// Why an alert ends otherwise than by its condition, in words.
fn why(end: EndReason, rule: &RuleOrigin) -> Option<String> {
    let name = &rule.name;
    match end {
        EndReason::ConditionOver => None,
        EndReason::LimitExceeded => Some(format!(
            "{name} is dropped with all alerts of its rule ({rule}): they are more than the limit of the group allows"
        )),
        EndReason::RuleRemoved => Some(format!(
            "{name} ends: its rule ({rule}) is not in the configuration any more"
        )),
    }
}

/// An alert as it leaves: external labels are added where it has none of the name.
pub(super) fn with_external(labels: &Labels, external: &[(String, String)]) -> Labels {
    if external.is_empty() {
        return labels.clone();
    }
    let mut builder = LabelsBuilder::from_labels(labels);
    for (name, value) in external {
        if labels.get(name).is_empty() {
            builder.set(name, value);
        }
    }
    builder.build()
}

/// Where the expression is shown as a graph, under Prometheus' path.
pub(super) fn graph_url(external_url: &str, expr: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("g0.expr", expr).append_pair("g0.tab", "1");
    format!("{}/graph?{}", external_url.trim_end_matches('/'), query.finish())
}
