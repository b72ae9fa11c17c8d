//! The dead man's switch: while an always-firing alert fires, an outside check is told so; when the
//! requests stop, it alarms. And the age of samples when somebody is told.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::Context as _;
use parking_lot::Mutex;
use prometheus::{Histogram, HistogramOpts, IntCounterVec, Opts};
use serde_json::{Value, json};
use skopos_alertmanager::view::AlertFilter;
use skopos_alertmanager::{Notification, NotificationReason};
use skopos_core::{Clock as _, SystemClock};
use skopos_incidents::{Heartbeat, HeartbeatUrl};

use super::Alerting;

/// How long the outside check may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// What requests call us.
const USER_AGENT: &str = concat!("Skopos/", env!("CARGO_PKG_VERSION"));

static AGE: LazyLock<Histogram> = LazyLock::new(|| {
    let options = HistogramOpts::new(
        "skopos_alert_sample_to_notification_seconds",
        "Time from the first sample for which an alert's condition held to its delivered notification.",
    )
    .buckets(vec![1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0]);
    register(Histogram::with_opts(options).expect("the options are valid"))
});

static BEATS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let options = Opts::new("skopos_heartbeats_total", "Heartbeats that were sent, by outcome.");
    register(IntCounterVec::new(options, &["heartbeat", "outcome"]).expect("the options are valid"))
});

fn register<C: prometheus::core::Collector + Clone + 'static>(metric: C) -> C {
    prometheus::register(Box::new(metric.clone())).expect("the name is ours alone");
    metric
}

/// How the heartbeats fare.
#[derive(Debug)]
pub(super) struct Heartbeats {
    client: reqwest::Client,
    states: Arc<Mutex<HashMap<String, Beat>>>,
}

#[derive(Debug, Clone, Default)]
struct Beat {
    last_try_ms: Option<i64>,
    last_ok_ms: Option<i64>,
    error: Option<String>,
}

impl Heartbeats {
    /// None sent yet. One client for all: it keeps connections.
    pub(super) fn new() -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .user_agent(USER_AGENT)
            .build();
        Ok(Self {
            client: client.context("the client of heartbeats cannot be built")?,
            states: Arc::default(),
        })
    }

    /// Sends the heartbeats that are due.
    pub(super) fn beat(&self, alerting: &Alerting) {
        let now_ms = SystemClock.now_ms();
        let heartbeats = alerting.tracker.lock().policy().heartbeats.clone();
        for heartbeat in heartbeats {
            let is_due = {
                let states = self.states.lock();
                let last = states.get(&heartbeat.name).and_then(|beat| beat.last_try_ms);
                last.is_none_or(|last_ms| now_ms - last_ms >= heartbeat.interval_ms)
            };
            if is_due {
                self.send(alerting, heartbeat, now_ms);
            }
        }
    }

    fn send(&self, alerting: &Alerting, heartbeat: Heartbeat, now_ms: i64) {
        let fires = alerting.handle.read(|machine, now_ms| {
            let views = machine.alert_views(now_ms, &AlertFilter::default());
            views.iter().any(|view| heartbeat.is_alert(&view.alert.labels))
        });
        let states = Arc::clone(&self.states);
        states.lock().entry(heartbeat.name.clone()).or_default().last_try_ms = Some(now_ms);
        if !fires {
            let error = format!(
                "{} does not fire: the outside check is left to alarm",
                heartbeat.alertname
            );
            note(&states, &heartbeat.name, Err(error));
            return;
        }
        let client = self.client.clone();
        tokio::spawn(async move {
            let outcome = request(&client, &heartbeat.url).await;
            note(&states, &heartbeat.name, outcome);
        });
    }

    /// The heartbeats as the API shows them.
    pub(super) fn shown(&self, heartbeats: &[Heartbeat]) -> Value {
        let states = self.states.lock();
        let shown: Vec<Value> = heartbeats
            .iter()
            .map(|heartbeat| {
                let beat = states.get(&heartbeat.name).cloned().unwrap_or_default();
                json!({
                    "name": heartbeat.name,
                    "url": shown_url(&heartbeat.url),
                    "intervalMs": heartbeat.interval_ms,
                    "lastOkMs": beat.last_ok_ms,
                    "lastTryMs": beat.last_try_ms,
                    "error": beat.error,
                })
            })
            .collect();
        json!({ "heartbeats": shown })
    }
}

/// Somebody was told of alerts for the first time: observes the age of the newest one's first bad sample, or
/// of its start where no rule of ours knows the sample.
pub(super) fn observe_age(notification: &Notification, first_bad_ms: impl Fn(u64) -> Option<i64>, at_ms: i64) {
    let is_news = matches!(
        notification.reason,
        NotificationReason::FirstNotification | NotificationReason::NewAlertsAdded
    );
    let firing = notification
        .alerts
        .iter()
        .filter(|alert| is_news && !alert.is_resolved());
    if let Some(newest) = firing.max_by_key(|alert| alert.starts_at_ms) {
        let began_ms = first_bad_ms(newest.fingerprint).unwrap_or(newest.starts_at_ms);
        AGE.observe((at_ms - began_ms).max(0) as f64 / 1000.0);
    }
}

fn note(states: &Mutex<HashMap<String, Beat>>, name: &str, outcome: Result<(), String>) {
    let label = if outcome.is_ok() { "ok" } else { "failed" };
    BEATS.with_label_values(&[name, label]).inc();
    let mut states = states.lock();
    let beat = states.entry(name.to_owned()).or_default();
    if outcome.is_ok() {
        beat.last_ok_ms = Some(SystemClock.now_ms());
    }
    if let (Err(error), None) = (&outcome, &beat.error) {
        tracing::warn!("heartbeat {name}: {error}");
    }
    beat.error = outcome.err();
}

async fn request(client: &reqwest::Client, url: &HeartbeatUrl) -> Result<(), String> {
    let url = match url {
        HeartbeatUrl::Url(url) => url.clone(),
        HeartbeatUrl::File(path) => {
            let text = tokio::fs::read_to_string(path).await;
            let text = text.map_err(|error| format!("failed to read {}: {error}", path.display()))?;
            text.trim().to_owned()
        }
    };
    let response = client
        .get(&url)
        .send()
        .await
        .map_err(|error| error.without_url().to_string())?;
    let status = response.status();
    if status.is_success() {
        Ok(())
    } else {
        Err(format!("the outside check answered {status}"))
    }
}

/// The address without what makes it secret.
fn shown_url(url: &HeartbeatUrl) -> String {
    match url {
        HeartbeatUrl::File(path) => format!("in {}", path.display()),
        HeartbeatUrl::Url(text) => match url::Url::parse(text) {
            Ok(parsed) => format!("{}://{}/…", parsed.scheme(), parsed.host_str().unwrap_or_default()),
            Err(_) => "<not a URL>".to_owned(),
        },
    }
}
