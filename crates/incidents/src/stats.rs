//! Times to detect, acknowledge and recover, per service and in total.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::incident::Incident;

/// A time over several incidents, in milliseconds; all `None` without a measured one.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Duration {
    /// The mean.
    pub mean: Option<f64>,
    /// Half of the incidents took no longer.
    pub median: Option<i64>,
    /// 95 of 100 incidents took no longer.
    pub p95: Option<i64>,
    /// The longest.
    pub max: Option<i64>,
}

/// The times of a set of incidents.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IncidentStats {
    /// Number of incidents, those included that still go on.
    pub count: usize,
    /// From the first bad sample to the first notification.
    pub time_to_detect_ms: Duration,
    /// From the first alert to the acknowledgement.
    pub time_to_acknowledge_ms: Duration,
    /// From the first alert to the end of the last.
    pub time_to_recover_ms: Duration,
    /// Incidents that recovered within the target.
    pub within_target: usize,
    /// Incidents that took longer, or already take longer.
    pub beyond_target: usize,
}

/// The times of one service.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceStats {
    /// The service.
    pub service: String,
    /// Its times.
    #[serde(flatten)]
    pub stats: IncidentStats,
}

/// The times of all incidents and of each service, against a time to recover that is aimed at.
pub fn stats_of<'a>(
    incidents: impl IntoIterator<Item = &'a Incident>,
    target_ms: i64,
    now_ms: i64,
) -> (IncidentStats, Vec<ServiceStats>) {
    let mut all: Vec<&Incident> = Vec::new();
    let mut services: BTreeMap<&str, Vec<&Incident>> = BTreeMap::new();
    for incident in incidents {
        all.push(incident);
        services.entry(incident.service()).or_default().push(incident);
    }
    let services = services.into_iter().map(|(service, incidents)| ServiceStats {
        service: service.to_owned(),
        stats: summarize(&incidents, target_ms, now_ms),
    });
    let services = services.collect();
    (summarize(&all, target_ms, now_ms), services)
}

fn summarize(incidents: &[&Incident], target_ms: i64, now_ms: i64) -> IncidentStats {
    let of = |time: fn(&Incident) -> Option<i64>| {
        let times = incidents.iter().filter_map(|incident| time(incident));
        duration(times.collect())
    };
    let recovery = |incident: &&&Incident| incident.time_to_recover_ms();
    let within = |incident: &&&Incident| recovery(incident).is_some_and(|took_ms| took_ms <= target_ms);
    let beyond = |incident: &&&Incident| {
        let took_ms = recovery(incident).unwrap_or(now_ms - incident.started_ms);
        took_ms > target_ms
    };
    IncidentStats {
        count: incidents.len(),
        time_to_detect_ms: of(Incident::time_to_detect_ms),
        time_to_acknowledge_ms: of(Incident::time_to_acknowledge_ms),
        time_to_recover_ms: of(Incident::time_to_recover_ms),
        within_target: incidents.iter().filter(within).count(),
        beyond_target: incidents.iter().filter(beyond).count(),
    }
}

fn duration(mut times: Vec<i64>) -> Duration {
    times.sort_unstable();
    // The nearest rank: a time that was really measured.
    let rank = |share: f64| {
        let position = (share * times.len() as f64).ceil().max(1.0) as usize;
        times.get(position - 1).copied()
    };
    let sum: i64 = times.iter().sum();
    Duration {
        mean: (!times.is_empty()).then(|| sum as f64 / times.len() as f64),
        median: rank(0.5),
        p95: rank(0.95),
        max: times.last().copied(),
    }
}
