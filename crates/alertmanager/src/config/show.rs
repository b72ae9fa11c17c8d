//! How values are written back into `config.original`.

use std::time::Duration;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use skopos_config::{Secret, format_duration};

use super::{Integration, Receiver};
use crate::matcher::Matcher;

/// A duration in Prometheus' notation.
pub(super) fn duration<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format_duration(*duration))
}

/// A duration in Prometheus' notation, where there is one.
#[expect(clippy::ref_option, reason = "serde passes fields by reference")]
pub(super) fn optional_duration<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(format_duration).serialize(serializer)
}

/// A duration in Go's notation: `1h0m0s`, `1.5s`, `0s`.
pub(super) fn go_duration<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    let nanoseconds = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    serializer.serialize_str(&skopos_template::format_duration(nanoseconds))
}

/// The URL of a webhook with its secret parts hidden. Scheme and host stay, because tools of
/// releases before 0.26 read a URL there; one that is a template is hidden as a whole.
pub(super) fn webhook_url<S: Serializer>(url: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    let shown = url::Url::parse(url.expose())
        .ok()
        .filter(|_| !url.expose().contains("{{"))
        .and_then(|url| {
            let host = url.host_str()?;
            let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
            Some(format!("{}://{host}{port}/<secret>", url.scheme()))
        });
    match shown {
        Some(shown) => serializer.serialize_str(&shown),
        None => url.serialize(serializer),
    }
}

/// Matchers as the texts that read back as them.
pub(super) fn matchers<S: Serializer>(matchers: &[Matcher], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(matchers.iter().map(ToString::to_string))
}

/// Integrations stand in a list for each kind.
impl Serialize for Receiver {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &self.name)?;
        if !self.labels.is_empty() {
            map.serialize_entry("labels", &self.labels)?;
        }
        let same_kind = |a: &Integration, b: &Integration| a.kind.name() == b.kind.name();
        for integrations in self.integrations.chunk_by(same_kind) {
            map.serialize_entry(&format!("{}_configs", integrations[0].kind.name()), integrations)?;
        }
        map.end()
    }
}
