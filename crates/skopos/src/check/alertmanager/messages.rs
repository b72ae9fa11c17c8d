//! Renders the message of every integration for a made-up alert, as a template may parse and still fail.

use skopos_alertmanager::alert::fingerprint;
use skopos_alertmanager::{Config, Notification, NotificationReason, NotifiedAlert};
use skopos_core::Labels;
use skopos_notify::{Templates, render};

use super::lints::Finding;

/// Labels that most alerts have.
const LABELS: [(&str, &str); 4] = [
    ("alertname", "Sample"),
    ("instance", "sample:80"),
    ("job", "sample"),
    ("severity", "critical"),
];
const ANNOTATIONS: [(&str, &str); 2] = [
    ("summary", "a sample"),
    ("description", "an alert that is made up to see its message"),
];
/// When the alert fires; any time will do.
const AT_MS: i64 = 1_700_000_000_000;
const EXTERNAL_URL: &str = "http://localhost:9090";

/// The integrations whose message cannot be rendered.
pub(super) fn of(config: &Config, templates: &Templates) -> Vec<Finding> {
    let mut findings = Vec::new();
    for receiver in &config.receivers {
        for (position, integration) in receiver.integrations.iter().enumerate() {
            let notification = sample(&receiver.name, position);
            if let Err(error) = render(&integration.kind, templates, &notification, EXTERNAL_URL) {
                findings.push(Finding {
                    position: Some(integration.position),
                    lint: "broken-message",
                    message: format!(
                        "the message of {} to {:?} fails: {error}",
                        integration.label(),
                        receiver.name
                    ),
                });
            }
        }
    }
    findings
}

fn sample(receiver: &str, integration: usize) -> Notification {
    let labels = Labels::from_pairs(LABELS);
    Notification {
        receiver: receiver.to_owned(),
        integration,
        group_key: "{}:{alertname=\"Sample\"}".to_owned(),
        group_labels: labels.only(&["alertname".to_owned()]),
        route_labels: Vec::new(),
        alerts: vec![NotifiedAlert {
            fingerprint: fingerprint(&labels),
            labels,
            annotations: ANNOTATIONS
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            starts_at_ms: AT_MS,
            ends_at_ms: None,
            generator_url: EXTERNAL_URL.into(),
        }],
        reason: NotificationReason::FirstNotification,
        now_ms: AT_MS,
        deadline_ms: AT_MS,
        receiver_data: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use skopos_alertmanager::LoadOptions;

    use super::*;

    #[test]
    fn a_template_that_parses_but_fails() {
        let text = "route: {receiver: a}
receivers:
- name: a
  pushover_configs:
  - {user_key: u, token: t}
  - {user_key: u, token: t, title: '{{ template \"no.such\" . }}'}
";
        let config = Config::parse(text, &LoadOptions::default()).expect("a configuration");
        let findings = of(&config, &Templates::built_in());
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].position.map(|position| position.line), Some(6));
        assert!(findings[0].message.contains("no.such"), "{findings:?}");
    }
}
