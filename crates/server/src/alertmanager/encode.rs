//! Values of the machine as the API writes them.

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use skopos_alertmanager::machine::StoredMatcher;
use skopos_alertmanager::silence::Silence;
use skopos_alertmanager::view::AlertView;
use skopos_core::Labels;

/// An alert.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GettableAlert<'a> {
    #[serde(serialize_with = "pairs")]
    annotations: &'a [(String, String)],
    ends_at: String,
    fingerprint: String,
    receivers: Vec<ReceiverName<'a>>,
    starts_at: String,
    status: GettableStatus<'a>,
    updated_at: String,
    #[serde(rename = "generatorURL", skip_serializing_if = "str::is_empty")]
    generator_url: &'a str,
    #[serde(serialize_with = "labels")]
    labels: &'a Labels,
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
    #[serde(skip_serializing_if = "<[_]>::is_empty", serialize_with = "pairs")]
    annotations: &'a [(String, String)],
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
            annotations: &alert.annotations,
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
            labels: &alert.labels,
        }
    }
}

impl<'a> GettableSilence<'a> {
    pub(super) fn of(silence: &'a Silence, now_ms: i64) -> Self {
        Self {
            id: &silence.id,
            status: SilenceStatus {
                state: silence.state(now_ms).as_str(),
            },
            updated_at: time(silence.updated_at_ms),
            annotations: &silence.annotations,
            comment: &silence.comment,
            created_by: &silence.created_by,
            ends_at: time(silence.ends_at_ms),
            matchers: silence.matchers.iter().map(StoredMatcher::from).collect(),
            starts_at: time(silence.starts_at_ms),
        }
    }
}

/// Labels as an object.
pub(super) fn labels<S: Serializer>(labels: &Labels, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(labels.iter())
}

/// Pairs as an object.
pub(super) fn pairs<S: Serializer>(pairs: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
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
    let mut bytes = Vec::new();
    append(value, &mut bytes);
    bytes.push(b'\n');
    bytes
}

/// Appends a value as JSON.
pub(super) fn append(value: &impl Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("the API's values are plain data that JSON can hold");
}
