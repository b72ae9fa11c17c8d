//! Other Alertmanagers: every alert of the rules is sent to all that the `alerting` section of
//! `prometheus.yml` names, in batches, as Prometheus does.

use std::path::Path;
use std::sync::Arc;
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use prometheus::{IntCounterVec, Opts};
use reqwest::Method;
use serde_json::{Value, json};
use skopos_alertmanager::alert::PostableAlert;
use skopos_config::{AlertmanagerConfig, PrometheusConfig};
use skopos_core::{Labels, LabelsBuilder};
use skopos_http_client::{ClientOptions, HttpClient};
use skopos_scrape::{Relabeler, Verdict};
use tokio::sync::mpsc;

/// Alerts that may wait for each (`--alertmanager.notification-queue-capacity`).
const WAITING: usize = 10_000;
/// What requests call us.
const USER_AGENT: &str = concat!("Skopos/", env!("CARGO_PKG_VERSION"));
/// Most alerts of a request.
const BATCH: usize = 256;

static SENT: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counter(
        "prometheus_notifications_sent_total",
        "Alerts that were sent to other Alertmanagers.",
    )
});
static ERRORS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counter(
        "prometheus_notifications_errors_total",
        "Alerts that other Alertmanagers did not take.",
    )
});
static DROPPED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counter(
        "prometheus_notifications_dropped_total",
        "Alerts that could not wait for another Alertmanager any longer.",
    )
});

fn counter(name: &str, help: &str) -> IntCounterVec {
    let counter = IntCounterVec::new(Opts::new(name, help), &["alertmanager"]).expect("the options are valid");
    prometheus::register(Box::new(counter.clone())).expect("the name is ours alone");
    counter
}

/// The Alertmanagers that alerts are sent to.
#[derive(Debug)]
pub(super) struct Outside {
    targets: ArcSwap<Vec<Target>>,
}

/// One of them; dropped, it ends.
#[derive(Debug)]
pub(super) struct Target {
    url: Arc<str>,
    relabelers: Vec<Relabeler>,
    queue: mpsc::Sender<Value>,
}

/// All of them, ready to be switched to.
pub(super) type Targets = Vec<Target>;

impl Outside {
    /// Connects to nothing yet.
    pub(super) fn new(config: &PrometheusConfig, alertmanagers: &[AlertmanagerConfig]) -> anyhow::Result<Self> {
        Ok(Self {
            targets: ArcSwap::from_pointee(build(config, alertmanagers)?),
        })
    }

    /// Switches to others.
    pub(super) fn replace(&self, targets: Targets) {
        self.targets.store(Arc::new(targets));
    }

    /// Hands alerts over; what cannot wait is counted.
    pub(super) fn send(&self, alerts: &[PostableAlert]) {
        for target in self.targets.load().iter() {
            for alert in alerts {
                let Some(labels) = target.relabel(alert) else {
                    continue;
                };
                if target.queue.try_send(body(alert, &labels)).is_err() {
                    DROPPED.with_label_values(&[&target.url]).inc();
                }
            }
        }
    }

    /// Their addresses.
    pub(super) fn urls(&self) -> Vec<String> {
        self.targets
            .load()
            .iter()
            .map(|target| target.url.to_string())
            .collect()
    }
}

impl Target {
    /// The labels that this one gets; `None` where a rule drops the alert.
    fn relabel(&self, alert: &PostableAlert) -> Option<Labels> {
        let labels = Labels::from_pairs(alert.labels.iter().map(|(name, value)| (name, value)));
        let mut builder = LabelsBuilder::from_labels(&labels);
        for relabeler in &self.relabelers {
            if relabeler.apply(&mut builder) == Verdict::Drop {
                return None;
            }
        }
        Some(builder.build())
    }
}

/// Builds what sends to each.
pub(super) fn build(config: &PrometheusConfig, alertmanagers: &[AlertmanagerConfig]) -> anyhow::Result<Targets> {
    let mut targets = Vec::new();
    for section in alertmanagers {
        let discovery = &section.discovery;
        if !discovery.file_sd_configs.is_empty() || !discovery.others.is_empty() || !section.relabel_configs.is_empty()
        {
            tracing::warn!(
                "{}: alerting.alertmanagers: only static_configs are used here, without relabel_configs; alerts are \
                 not sent to Alertmanagers that are discovered otherwise",
                config.path.display()
            );
        }
        let options = ClientOptions {
            folder: config.path.parent().unwrap_or(Path::new(".")),
            user_agent: USER_AGENT,
            compression: true,
        };
        let client = HttpClient::new(&section.http_client, options)
            .context("alerting: the client of an Alertmanager cannot be built")?;
        let client = Arc::new(client);
        for address in addresses(section) {
            let prefix = section.path_prefix.trim_matches('/');
            let prefix = if prefix.is_empty() {
                String::new()
            } else {
                format!("/{prefix}")
            };
            let url: Arc<str> = format!("{}://{address}{prefix}/api/v2/alerts", section.scheme).into();
            let rules = [&config.alerting.alert_relabel_configs, &section.alert_relabel_configs];
            let relabelers = rules.into_iter().map(|rules| Relabeler::new(rules));
            let (queue, waiting) = mpsc::channel(WAITING);
            tokio::spawn(deliver(Arc::clone(&client), Arc::clone(&url), section.timeout, waiting));
            targets.push(Target {
                url,
                relabelers: relabelers.collect::<Result<_, _>>()?,
                queue,
            });
        }
    }
    Ok(targets)
}

/// The addresses that the section lists.
fn addresses(section: &AlertmanagerConfig) -> Vec<String> {
    let groups = section.discovery.static_configs.iter();
    groups.flat_map(|group| group.targets.iter().cloned()).collect()
}

async fn deliver(client: Arc<HttpClient>, url: Arc<str>, timeout: Duration, mut waiting: mpsc::Receiver<Value>) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut has_failed = false;
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        let count = batch.len() as u64;
        let body = Value::from(std::mem::take(&mut batch));
        match post(&client, &url, timeout, &body).await {
            Ok(()) => {
                SENT.with_label_values(&[&url]).inc_by(count);
                has_failed = false;
            }
            Err(error) => {
                ERRORS.with_label_values(&[&url]).inc_by(count);
                if !has_failed {
                    tracing::warn!("{url} does not take alerts, further failures are only counted: {error}");
                }
                has_failed = true;
            }
        }
    }
}

async fn post(client: &HttpClient, url: &str, timeout: Duration, body: &Value) -> Result<(), String> {
    let request = client.request(Method::POST, url).timeout(timeout).json(body);
    let request = client.authorized(request).await.map_err(|error| error.to_string())?;
    let response = request
        .send()
        .await
        .map_err(|error| skopos_http_client::describe(&error))?;
    if response.status().is_success() {
        return Ok(());
    }
    let status = response.status();
    let text = response.text().await.unwrap_or_default();
    Err(format!("{status}: {text}"))
}

fn body(alert: &PostableAlert, labels: &Labels) -> Value {
    let annotations: serde_json::Map<String, Value> = alert
        .annotations
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.clone())))
        .collect();
    json!({
        "labels": super::history::pairs(labels.iter()),
        "annotations": annotations,
        "startsAt": alert.starts_at_ms.map(rfc3339),
        "endsAt": alert.ends_at_ms.map(rfc3339),
        "generatorURL": alert.generator_url,
    })
}

/// A time as RFC 3339 with milliseconds.
pub(super) fn rfc3339(at_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
    format!("{at:.3}")
}
