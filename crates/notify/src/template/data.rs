//! The data of templates: Alertmanager's `Data`, `Alerts` and `Alert`.

use std::sync::Arc;

use skopos_alertmanager::{Notification, NotifiedAlert};
use skopos_template::{Object, TimeValue, Value};

use super::kv::Kv;

/// A field or the result of a method.
pub(super) type Member = Option<Result<Value, String>>;

/// What a template sees as `.`.
#[derive(Debug)]
pub(super) struct Data {
    pub(super) receiver: String,
    pub(super) alerts: Alerts,
    pub(super) group_labels: Arc<Kv>,
    pub(super) common_labels: Arc<Kv>,
    pub(super) common_annotations: Arc<Kv>,
    pub(super) route_labels: Arc<Kv>,
    pub(super) external_url: String,
    pub(super) reason: &'static str,
}

impl Data {
    pub(super) fn new(notification: &Notification, external_url: &str) -> Self {
        let alerts: Vec<Arc<AlertData>> = notification
            .alerts
            .iter()
            .map(|alert| Arc::new(AlertData::new(alert)))
            .collect();
        Self {
            receiver: quote_meta(&notification.receiver),
            group_labels: Arc::new(notification.group_labels.iter().collect()),
            common_labels: common(&alerts, |alert| &alert.labels),
            common_annotations: common(&alerts, |alert| &alert.annotations),
            route_labels: Arc::new(notification.route_labels.iter().map(pair).collect()),
            external_url: external_url.to_owned(),
            reason: notification.reason.as_str(),
            alerts: Alerts(alerts),
        }
    }

    /// The same with the first `count` alerts only.
    pub(super) fn first(&self, count: usize) -> Self {
        let alerts: Vec<Arc<AlertData>> = self.alerts.0.iter().take(count).cloned().collect();
        Self {
            receiver: self.receiver.clone(),
            group_labels: Arc::clone(&self.group_labels),
            common_labels: common(&alerts, |alert| &alert.labels),
            common_annotations: common(&alerts, |alert| &alert.annotations),
            route_labels: Arc::clone(&self.route_labels),
            external_url: self.external_url.clone(),
            reason: self.reason,
            alerts: Alerts(alerts),
        }
    }

    pub(super) fn is_firing(&self) -> bool {
        self.alerts.0.iter().any(|alert| !alert.is_resolved())
    }

    pub(super) fn status(&self) -> &'static str {
        if self.is_firing() { "firing" } else { "resolved" }
    }
}

/// What all alerts have in common.
fn common(alerts: &[Arc<AlertData>], of: fn(&AlertData) -> &Arc<Kv>) -> Arc<Kv> {
    let mut all = alerts.iter().map(|alert| &of(alert).map.entries);
    let mut common = all.next().cloned().unwrap_or_default();
    for entries in all {
        common.retain(|name, value| entries.get(name).and_then(Value::as_str) == value.as_str());
    }
    Arc::new(Kv::from_entries(common))
}

fn pair((name, value): &(String, String)) -> (&str, &str) {
    (name, value)
}

/// `regexp.QuoteMeta`: the receiver's name stands in URLs that take a pattern.
fn quote_meta(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

pub(super) fn object<T: Object>(object: &Arc<T>) -> Value {
    let object: Arc<dyn Object> = Arc::clone(object) as _;
    Value::Object(object)
}

impl Object for Data {
    fn type_name(&self) -> &'static str {
        "*template.Data"
    }

    fn member(&self, name: &str, arguments: &[Value]) -> Member {
        let value = match name {
            "Receiver" => self.receiver.as_str().into(),
            "Status" => self.status().into(),
            "Alerts" => object(&Arc::new(self.alerts.clone())),
            "GroupLabels" => object(&self.group_labels),
            "CommonLabels" => object(&self.common_labels),
            "CommonAnnotations" => object(&self.common_annotations),
            "RouteLabels" => object(&self.route_labels),
            "ExternalURL" => self.external_url.as_str().into(),
            "NotificationReason" => self.reason.into(),
            _ => return None,
        };
        Some(only_field(name, value, arguments))
    }

    fn text(&self) -> String {
        format!(
            "{{{} {} {} {} {} {} {} {} {}}}",
            self.receiver,
            self.status(),
            self.alerts.text(),
            self.reason,
            self.group_labels.text(),
            self.common_labels.text(),
            self.common_annotations.text(),
            self.route_labels.text(),
            self.external_url
        )
    }
}

fn only_field(name: &str, value: Value, arguments: &[Value]) -> Result<Value, String> {
    if arguments.is_empty() {
        Ok(value)
    } else {
        Err(format!("{name} has arguments but cannot be invoked as function"))
    }
}

/// The alerts of a notification.
#[derive(Debug, Clone)]
pub(super) struct Alerts(pub(super) Vec<Arc<AlertData>>);

impl Alerts {
    fn only(&self, resolved: bool) -> Value {
        let alerts = self.0.iter().filter(|alert| alert.is_resolved() == resolved);
        object(&Arc::new(Self(alerts.cloned().collect())))
    }
}

impl Object for Alerts {
    fn type_name(&self) -> &'static str {
        "template.Alerts"
    }

    fn member(&self, name: &str, _arguments: &[Value]) -> Member {
        match name {
            "Firing" => Some(Ok(self.only(false))),
            "Resolved" => Some(Ok(self.only(true))),
            _ => None,
        }
    }

    fn text(&self) -> String {
        let texts: Vec<String> = self.0.iter().map(|alert| alert.text()).collect();
        format!("[{}]", texts.join(" "))
    }

    fn items(&self) -> Option<Vec<Value>> {
        Some(self.0.iter().map(object).collect())
    }
}

/// One alert.
#[derive(Debug)]
pub(super) struct AlertData {
    pub(super) labels: Arc<Kv>,
    pub(super) annotations: Arc<Kv>,
    pub(super) starts_at: TimeValue,
    /// The zero time while it fires.
    pub(super) ends_at: TimeValue,
    pub(super) generator_url: Arc<str>,
    pub(super) fingerprint: String,
}

impl AlertData {
    fn new(alert: &NotifiedAlert) -> Self {
        let time = |time_ms: i64| TimeValue::utc(i128::from(time_ms) * 1_000_000);
        Self {
            labels: Arc::new(alert.labels.iter().collect()),
            annotations: Arc::new(alert.annotations.iter().map(pair).collect()),
            starts_at: time(alert.starts_at_ms),
            ends_at: match alert.ends_at_ms {
                Some(ends_at_ms) => time(ends_at_ms),
                None => TimeValue::utc(TimeValue::ZERO_NANOSECONDS),
            },
            generator_url: Arc::clone(&alert.generator_url),
            fingerprint: format!("{:016x}", alert.fingerprint),
        }
    }

    pub(super) fn is_resolved(&self) -> bool {
        self.ends_at.nanoseconds != TimeValue::ZERO_NANOSECONDS
    }

    pub(super) fn status(&self) -> &'static str {
        if self.is_resolved() { "resolved" } else { "firing" }
    }
}

impl Object for AlertData {
    fn type_name(&self) -> &'static str {
        "template.Alert"
    }

    fn member(&self, name: &str, arguments: &[Value]) -> Member {
        let value = match name {
            "Status" => self.status().into(),
            "Labels" => object(&self.labels),
            "Annotations" => object(&self.annotations),
            "StartsAt" => Value::Time(self.starts_at.clone()),
            "EndsAt" => Value::Time(self.ends_at.clone()),
            "GeneratorURL" => (&*self.generator_url).into(),
            "Fingerprint" => self.fingerprint.as_str().into(),
            _ => return None,
        };
        Some(only_field(name, value, arguments))
    }

    fn text(&self) -> String {
        format!(
            "{{{} {} {} {} {} {} {}}}",
            self.status(),
            self.labels.text(),
            self.annotations.text(),
            self.starts_at,
            self.ends_at,
            self.generator_url,
            self.fingerprint
        )
    }
}
