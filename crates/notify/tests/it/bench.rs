//! A notifier for one receiver, and notifications for it.

use std::time::{SystemTime, UNIX_EPOCH};

use skopos_alertmanager::config::{Config, LoadOptions, Receiver};
use skopos_alertmanager::{Notification, NotificationReason, NotifiedAlert};
use skopos_core::Labels;
use skopos_notify::{Delivery, Endpoints, Notifier, NotifierOptions, SendError, Templates};

use crate::site::{Asked, Reply, Site};

/// `{}:{alertname="Down"}` in SHA-256.
pub(crate) const KEY_HASH: &str = "af94c9e8f6a3043625e36c6f472fe6be85ac23a9117184ee4cb7b4ad7401a47e";

pub(crate) fn install_provider() {
    static PROVIDER: std::sync::Once = std::sync::Once::new();
    PROVIDER.call_once(|| {
        rustls::crypto::ring::default_provider()
            .install_default()
            .expect("the first provider");
    });
}

/// The receiver `r` with the integrations of `yaml`.
pub(crate) fn receiver(yaml: &str) -> Receiver {
    let text = format!("route: {{receiver: r}}\nreceivers:\n- name: r\n{yaml}");
    let config = Config::parse(&text, &LoadOptions::default()).unwrap_or_else(|error| panic!("{error}"));
    config.receivers.into_iter().next().expect("one receiver")
}

pub(crate) fn notifier_of(receiver: Receiver, endpoints: Endpoints) -> Notifier {
    install_provider();
    let options = NotifierOptions {
        external_url: "http://am".to_owned(),
        endpoints,
        ..NotifierOptions::default()
    };
    Notifier::with_options(&[receiver], Templates::built_in(), options).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn notifier(yaml: &str) -> Notifier {
    notifier_of(receiver(yaml), Endpoints::default())
}

/// Sends one notification to a site; `SITE` in the settings stands for its URL.
pub(crate) async fn exchange(
    yaml: &str,
    notification: &Notification,
    replies: Vec<Reply>,
) -> (Result<Delivery, SendError>, Vec<Asked>) {
    let site = Site::start(replies).await;
    let result = notifier(&yaml.replace("SITE", &site.url)).notify(notification).await;
    (result, site.asked())
}

/// The requests of a sending that succeeds.
pub(crate) async fn requests(yaml: &str, notification: &Notification, replies: Vec<Reply>) -> Vec<Asked> {
    let (result, asked) = exchange(yaml, notification, replies).await;
    let delivery = result.unwrap_or_else(|error| panic!("{error}"));
    assert!(delivery.summary.starts_with('['), "{delivery:?}");
    asked
}

/// The only request of a sending that succeeds.
pub(crate) async fn request(yaml: &str, notification: &Notification) -> Asked {
    let mut asked = requests(yaml, notification, Vec::new()).await;
    assert_eq!(asked.len(), 1, "{asked:?}");
    asked.remove(0)
}

pub(crate) fn firing() -> Notification {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let now_ms = now.as_millis() as i64;
    let labels = |pairs: &[(&str, &str)]| -> Labels { pairs.iter().copied().collect() };
    Notification {
        receiver: "r".to_owned(),
        integration: 0,
        group_key: "{}:{alertname=\"Down\"}".to_owned(),
        group_labels: labels(&[("alertname", "Down")]),
        route_labels: Vec::new(),
        alerts: vec![NotifiedAlert {
            labels: labels(&[("alertname", "Down"), ("severity", "critical")]),
            annotations: vec![("summary".to_owned(), "It is <down>".to_owned())].into(),
            starts_at_ms: 1_700_000_000_000,
            ends_at_ms: None,
            generator_url: "http://p/g".into(),
            fingerprint: 0xab,
        }],
        reason: NotificationReason::FirstNotification,
        now_ms,
        deadline_ms: now_ms + 20_000,
        receiver_data: Vec::new(),
    }
}

pub(crate) fn resolved() -> Notification {
    let mut notification = firing();
    notification.alerts[0].ends_at_ms = Some(1_700_000_060_000);
    notification.reason = NotificationReason::AllAlertsResolved;
    notification
}
