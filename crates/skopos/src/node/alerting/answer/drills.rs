//! Tests of receivers and drills of alerts, through the real path.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use skopos_alertmanager::alert::fingerprint;
use skopos_alertmanager::{Notification, NotificationReason, NotifiedAlert};
use skopos_core::{Clock as _, Labels, SystemClock};
use skopos_rules::{RuleKind, RuleSpec};
use skopos_server::{AlertText, AlertingError};

use super::{Alerting, Answer, labels_of};
use crate::node::alerting::feed::graph_url;
use crate::node::alerting::history::{Purpose, Record};

/// The label and the word that mark what is no real alert.
const DRILL_LABEL: &str = "drill";
const TEST_LABEL: &str = "test";
const DRILL_MARK: &str = "[DRILL]";
const TEST_MARK: &str = "[TEST]";
/// Annotations that people read first; they carry the mark.
const MARKED: [&str; 3] = ["summary", "description", "message"];
/// How long the receivers may take, milliseconds.
const DEADLINE_MS: i64 = 60_000;

impl Alerting {
    /// Sends a made-up alert by every integration of a receiver.
    pub(super) async fn test_receiver(&self, name: &str, alert: AlertText) -> Answer {
        self.check_receiver(name)?;
        let AlertText {
            mut labels,
            mut annotations,
        } = alert;
        labels
            .entry("alertname".to_owned())
            .or_insert_with(|| "TestAlert".to_owned());
        labels.insert(TEST_LABEL.to_owned(), "true".to_owned());
        annotations
            .entry("summary".to_owned())
            .or_insert_with(|| format!("a test of the receiver {name}"));
        mark(&mut annotations, TEST_MARK);
        let made_up = MadeUp {
            receiver: name.to_owned(),
            group_key: format!("test:{name}"),
            group_labels: Labels::empty(),
            labels,
            annotations,
            generator_url: self.external_url.clone(),
        };
        let sent = self.send_to_all(&made_up.notification(), Purpose::Test, None).await;
        let results: Vec<Value> = sent.iter().map(|(record, id)| result(record, *id, true)).collect();
        Ok(json!({ "results": results }))
    }

    fn check_receiver(&self, name: &str) -> Result<(), AlertingError> {
        let receivers = self.handle.read(|machine, _| {
            let receivers = machine.plan().receivers.iter();
            receivers
                .map(|receiver| (receiver.name.to_string(), receiver.integrations.len()))
                .collect::<Vec<_>>()
        });
        let names: Vec<&str> = receivers.iter().map(|(name, _)| name.as_str()).collect();
        match receivers.iter().find(|(known, _)| known == name) {
            None => Err(AlertingError::NotFound(format!(
                "no receiver is named {name:?}; there are: {}",
                names.join(", ")
            ))),
            Some((_, 0)) => Err(AlertingError::Bad(format!(
                "the receiver {name:?} has no integrations: it notifies nobody"
            ))),
            Some(_) => Ok(()),
        }
    }

    /// Sends an alert of the rules, marked as a drill, to whom it would be routed.
    pub(super) async fn drill(&self, alert: &str, labels: BTreeMap<String, String>) -> Answer {
        let loaded = self.loaded.load_full();
        let rules = loaded
            .rules
            .iter()
            .flat_map(|file| &file.groups)
            .flat_map(|group| &group.rules);
        let rule = rules
            .into_iter()
            .find(|rule| rule.kind == RuleKind::Alerting && rule.name == alert);
        let rule = rule.ok_or_else(|| {
            AlertingError::NotFound(format!("no alerting rule is named {alert:?}; /api/v1/rules lists them"))
        })?;
        let labels = drill_labels(rule, labels, &loaded.external_labels);
        let mut annotations: BTreeMap<String, String> = rule.annotations.clone();
        mark(&mut annotations, DRILL_MARK);
        let plan = self.handle.read(|machine, _| std::sync::Arc::clone(machine.plan()));
        let label_set = labels_of(&labels);
        let mut results = Vec::new();
        for id in plan.tree.matches(&label_set) {
            let route = plan.tree.route(id);
            let group_labels = route.group_labels(&label_set);
            let made_up = MadeUp {
                receiver: route.receiver.clone(),
                group_key: format!("drill:{}", route.group_key(&group_labels)),
                group_labels,
                labels: labels.clone(),
                annotations: annotations.clone(),
                generator_url: graph_url(&self.external_url, &rule.expr),
            };
            let sent = self.send_to_all(&made_up.notification(), Purpose::Drill, None).await;
            results.extend(sent.iter().map(|(record, id)| result(record, *id, false)));
        }
        Ok(json!({
            "id": format!("{:016x}", fingerprint(&label_set)),
            "alert": alert,
            "labels": labels,
            "matches": self.matches(&labels),
            "results": results,
        }))
    }
}

/// The labels that the alert would have: the rule's own, those that are given, and external ones.
/// Templates in labels are left out unless they are given.
fn drill_labels(
    rule: &RuleSpec,
    given: BTreeMap<String, String>,
    external: &[(String, String)],
) -> BTreeMap<String, String> {
    let fixed = rule.labels.iter().filter(|(_, value)| !value.contains("{{"));
    let mut labels: BTreeMap<String, String> = external.iter().cloned().collect();
    labels.extend(fixed.map(|(name, value)| (name.clone(), value.clone())));
    labels.extend(given);
    labels.insert("alertname".to_owned(), rule.name.clone());
    labels.insert(DRILL_LABEL.to_owned(), "true".to_owned());
    labels
}

fn mark(annotations: &mut BTreeMap<String, String>, mark: &str) {
    for name in MARKED {
        if let Some(text) = annotations.get_mut(name) {
            *text = format!("{mark} {text}");
        }
    }
}

/// What is sent though nothing fires.
struct MadeUp {
    receiver: String,
    group_key: String,
    group_labels: Labels,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    generator_url: String,
}

impl MadeUp {
    fn notification(self) -> Notification {
        let now_ms = SystemClock.now_ms();
        let labels = labels_of(&self.labels);
        Notification {
            receiver: self.receiver,
            integration: 0,
            group_key: self.group_key,
            group_labels: self.group_labels,
            route_labels: Vec::new(),
            alerts: vec![NotifiedAlert {
                fingerprint: fingerprint(&labels),
                labels,
                annotations: self.annotations.into_iter().collect(),
                starts_at_ms: now_ms,
                ends_at_ms: None,
                generator_url: self.generator_url.into(),
            }],
            reason: NotificationReason::FirstNotification,
            now_ms,
            deadline_ms: now_ms + DEADLINE_MS,
            receiver_data: Vec::new(),
        }
    }
}

fn result(record: &Record, id: Option<i64>, with_payload: bool) -> Value {
    let mut shown = json!({
        "receiver": record.receiver,
        "integration": record.integration,
        "outcome": record.outcome,
        "error": record.error,
        "durationMs": record.duration_ms,
        "notificationId": id,
    });
    if with_payload {
        shown["payload"] = json!(record.payload);
    }
    shown
}
