//! A webhook that answers as told.

use serde::Deserialize;

use super::message::Message;
use super::ms;

/// How a sink behaves; times in seconds from the start, as of the arrival of a request.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SinkSpec {
    #[serde(default)]
    discard_before: Option<f64>,
    #[serde(default)]
    status_before: Option<f64>,
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    delay_before: Option<f64>,
    #[serde(default)]
    delay_s: Option<f64>,
}

/// How a sink answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) after_ms: i64,
    pub(super) status: u16,
    pub(super) is_recorded: bool,
}

/// A message that a sink recorded.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    pub(super) at_ms: i64,
    pub(super) message: Message,
}

/// Time that every answer takes.
const LATENCY_MS: i64 = 1;
const OK: u16 = 200;

impl SinkSpec {
    pub(super) fn answer(&self, now_ms: i64) -> Answer {
        let is_before = |time: Option<f64>| time.is_some_and(|time| now_ms < ms(time));
        let delay_ms = if is_before(self.delay_before) {
            ms(self.delay_s.unwrap_or_default())
        } else {
            0
        };
        let fails = is_before(self.status_before);
        Answer {
            after_ms: LATENCY_MS + delay_ms,
            status: if fails { self.status.unwrap_or(OK) } else { OK },
            is_recorded: !fails && !is_before(self.discard_before),
        }
    }
}
