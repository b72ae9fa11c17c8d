//! Values of the machine as the API writes them.

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use skopos_alertmanager::machine::StoredMatcher;
use skopos_alertmanager::silence::Silence;
use skopos_alertmanager::view::AlertView;
use skopos_core::Labels;

/// An alert.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GettableAlert<'a> {
    annotations: Value,
    ends_at: String,
    fingerprint: String,
    receivers: Vec<ReceiverName<'a>>,
    starts_at: String,
    status: GettableStatus<'a>,
    updated_at: String,
    #[serde(rename = "generatorURL", skip_serializing_if = "str::is_empty")]
    generator_url: &'a str,
    labels: Value,
}

/// A receiver by its name.
#[derive(Debug, Serialize)]
pub(super) struct ReceiverName<'a> {
    pub(super) name: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct GettableStatus<'a> {
    inhibited_by: Vec<String>,
    muted_by: &'a [String],
    silenced_by: &'a [String],
    state: &'static str,
}

/// A silence.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GettableSilence<'a> {
    id: &'a str,
    status: SilenceStatus,
    updated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<Value>,
    comment: &'a str,
    created_by: &'a str,
    ends_at: String,
    matchers: Vec<StoredMatcher>,
    starts_at: String,
}

#[derive(Debug, Serialize)]
struct SilenceStatus {
    state: &'static str,
}

impl<'a> GettableAlert<'a> {
    pub(super) fn of(view: &'a AlertView) -> Self {
        let alert = &view.alert;
        Self {
            annotations: pairs(
                alert
                    .annotations
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str())),
            ),
            ends_at: time(alert.ends_at_ms),
            fingerprint: fingerprint(alert.fingerprint),
            receivers: view.receivers.iter().map(|name| ReceiverName { name }).collect(),
            starts_at: time(alert.starts_at_ms),
            status: GettableStatus {
                inhibited_by: view.status.inhibited_by.iter().copied().map(fingerprint).collect(),
                muted_by: &view.status.muted_by,
                silenced_by: &view.status.silenced_by,
                state: view.status.state().as_str(),
            },
            updated_at: time(alert.updated_at_ms),
            generator_url: &alert.generator_url,
            labels: labels(&alert.labels),
        }
    }
}

impl<'a> GettableSilence<'a> {
    pub(super) fn of(silence: &'a Silence, now_ms: i64) -> Self {
        let annotations = silence
            .annotations
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        Self {
            id: &silence.id,
            status: SilenceStatus {
                state: silence.state(now_ms).as_str(),
            },
            updated_at: time(silence.updated_at_ms),
            annotations: (!silence.annotations.is_empty()).then(|| pairs(annotations)),
            comment: &silence.comment,
            created_by: &silence.created_by,
            ends_at: time(silence.ends_at_ms),
            matchers: silence.matchers.iter().map(StoredMatcher::from).collect(),
            starts_at: time(silence.starts_at_ms),
        }
    }
}

/// A list whose members are made while it is written, so that a long one does not stand in memory twice.
pub(super) struct Listed<F>(pub(super) F);

impl<I, F> Serialize for Listed<F>
where
    I: Iterator,
    I::Item: Serialize,
    F: Fn() -> I,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// Labels as an object.
pub(super) fn labels(labels: &Labels) -> Value {
    pairs(labels.iter())
}

/// Pairs as an object.
pub(super) fn pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    let pairs = pairs.map(|(name, value)| (name.to_owned(), Value::from(value)));
    Value::Object(pairs.collect::<Map<_, _>>())
}

/// A time with milliseconds in UTC. What lies outside the calendar is shown at its edge.
pub(super) fn time(time_ms: i64) -> String {
    let edge = if time_ms < 0 { Timestamp::MIN } else { Timestamp::MAX };
    let time = Timestamp::from_millisecond(time_ms).unwrap_or(edge);
    format!("{time:.3}")
}

/// A fingerprint as 16 hex digits.
fn fingerprint(fingerprint: u64) -> String {
    format!("{fingerprint:016x}")
}

/// JSON with the newline that Go's encoder puts at the end.
pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(value).expect("the API's values are plain data that JSON can hold");
    bytes.push(b'\n');
    bytes
}
