//! What the machine is told besides the configuration: Alertmanager's flags.

use crate::ParserMode;
use crate::silence::SilenceLimits;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// Flags and what the surroundings know. All times in milliseconds.
#[derive(Debug, Clone)]
pub struct Options {
    /// How label names and matchers are read (`--enable-feature`).
    pub parser_mode: ParserMode,
    /// How long expired silences and log entries are kept (`--data.retention`).
    pub retention_ms: i64,
    /// How often they are dropped (`--data.maintenance-interval`).
    pub maintenance_interval_ms: i64,
    /// How often alerts that ended are dropped (`--alerts.gc-interval`).
    pub gc_interval_ms: i64,
    /// No group is flushed before this long after the start (`--dispatch.start-delay`).
    pub start_delay_ms: i64,
    /// Most alerts of one name (`--alerts.per-alertname-limit`).
    pub per_alertname_limit: Option<usize>,
    /// Bounds of silences.
    pub silence_limits: SilenceLimits,
    /// Members of the cluster that are asked to notify before this one.
    pub peer_position: u32,
    /// Time that each of them has (`--cluster.peer-timeout`).
    pub peer_timeout_ms: i64,
    /// What ids of silences and pauses between attempts are drawn from. Must differ at each start.
    pub seed: u64,
}

impl Default for Options {
    /// Alertmanager's defaults, alone, with the seed 0.
    fn default() -> Self {
        Self {
            parser_mode: ParserMode::Fallback,
            retention_ms: 120 * HOUR_MS,
            maintenance_interval_ms: 15 * MINUTE_MS,
            gc_interval_ms: 30 * MINUTE_MS,
            start_delay_ms: 0,
            per_alertname_limit: None,
            silence_limits: SilenceLimits::default(),
            peer_position: 0,
            peer_timeout_ms: 15_000,
            seed: 0,
        }
    }
}

impl Options {
    /// How long this member waits for those before it.
    pub fn peer_wait_ms(&self) -> i64 {
        i64::from(self.peer_position).saturating_mul(self.peer_timeout_ms)
    }
}
