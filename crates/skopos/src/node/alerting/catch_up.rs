//! Incidents after a restart or a reload: what the alertmanager knows is compared with what incidents were told.
//!
//! Incidents are stored once a second, alerts before they are acknowledged: after a kill the incidents may lag behind. With
//! a new routing tree groups vanish, and others come.

use std::collections::HashSet;
use std::sync::Arc;

use skopos_alertmanager::Alertmanager;
use skopos_alertmanager::alert::{Alert, Annotations};
use skopos_core::Labels;
use skopos_incidents::{AlertChange, AlertPhase, GroupRef, IncidentTracker};

/// Tells incidents of what fires, and ends what they take for firing though it is not in their group any more. What they
/// know already changes nothing.
pub(super) fn catch_up(tracker: &mut IncidentTracker, machine: &Alertmanager, now_ms: i64) {
    let mut firing = HashSet::new();
    for (key, labels, alert) in machine.firing(now_ms) {
        firing.insert((Arc::clone(key), alert.fingerprint));
        if !tracker.policy().fires_always(alert.labels.get("alertname")) {
            let group = GroupRef {
                key: Arc::clone(key),
                labels: labels.clone(),
            };
            tracker.alert(&fires(alert, now_ms), &group);
        }
    }
    for (group, mut ended) in taken_for_firing(tracker) {
        if !firing.contains(&(Arc::clone(&group.key), ended.fingerprint)) {
            let ends_at_ms = machine.alert(ended.fingerprint).map(|alert| alert.ends_at_ms);
            ended.at_ms = ends_at_ms.map_or(now_ms, |ends_at_ms| ends_at_ms.min(now_ms));
            tracker.alert(&ended, &group);
        }
    }
}

fn fires(alert: &Alert, now_ms: i64) -> AlertChange {
    AlertChange {
        at_ms: alert.starts_at_ms.min(now_ms),
        fingerprint: alert.fingerprint,
        labels: alert.labels.clone(),
        annotations: alert.annotations.clone(),
        phase: AlertPhase::Firing { first_bad_ms: None },
    }
}

/// The alerts that incidents take for firing, as changes that end them.
fn taken_for_firing(tracker: &IncidentTracker) -> Vec<(GroupRef, AlertChange)> {
    let mut found = Vec::new();
    for incident in tracker.incidents() {
        let members = incident.members.iter();
        for member in members.filter(|member| member.resolved_ms.is_none()) {
            let group = GroupRef {
                key: Arc::clone(&incident.group_key),
                labels: Labels::from_pairs(&incident.group_labels),
            };
            let ended = AlertChange {
                at_ms: 0,
                fingerprint: member.fingerprint,
                labels: member.labels.clone(),
                annotations: Annotations::default(),
                phase: AlertPhase::Resolved,
            };
            found.push((group, ended));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use skopos_alertmanager::alert::PostableAlert;
    use skopos_alertmanager::machine::Options;
    use skopos_alertmanager::{Config, LoadOptions};
    use skopos_incidents::Policy;

    use super::*;

    const BY_NAME: &str = "route: {receiver: r, group_by: [alertname]}\nreceivers: [{name: r}]\n";
    const BY_JOB: &str = "route: {receiver: r, group_by: [job]}\nreceivers: [{name: r}]\n";

    fn config(text: &str) -> Config {
        Config::parse(text, &LoadOptions::default()).expect("a valid configuration")
    }

    fn post(machine: &mut Alertmanager, now_ms: i64, name: &str, ends_at_ms: i64) {
        let alert = PostableAlert {
            labels: vec![
                ("alertname".to_owned(), name.to_owned()),
                ("job".to_owned(), "j".to_owned()),
            ],
            starts_at_ms: Some(1_000),
            ends_at_ms: Some(ends_at_ms),
            ..PostableAlert::default()
        };
        assert_eq!(machine.post_alerts(now_ms, vec![alert]).errors, []);
    }

    /// Group keys with the names of those that fire.
    fn told(tracker: &IncidentTracker) -> Vec<(String, Vec<&str>)> {
        let incidents = tracker.incidents().map(|incident| {
            let firing = incident.members.iter().filter(|member| member.resolved_ms.is_none());
            let names = firing.filter_map(|member| member.label("alertname"));
            (incident.group_key.to_string(), names.collect())
        });
        incidents.collect()
    }

    #[test]
    fn incidents_learn_of_alerts_that_they_were_not_told_of_and_of_ends() {
        let mut machine = Alertmanager::new(&config(BY_NAME), Options::default(), 0);
        let mut tracker = IncidentTracker::new(Policy::default());
        post(&mut machine, 1_000, "Slow", 90_000);
        post(&mut machine, 1_000, "Down", 50_000);
        catch_up(&mut tracker, &machine, 2_000);
        let (slow, down) = ("{}:{alertname=\"Slow\"}", "{}:{alertname=\"Down\"}");
        assert_eq!(
            told(&tracker),
            [(down.to_owned(), vec!["Down"]), (slow.to_owned(), vec!["Slow"])]
        );
        catch_up(&mut tracker, &machine, 3_000);
        let incident = tracker.of_group(slow).expect("open");
        assert_eq!((incident.started_ms, incident.timeline.len()), (1_000, 1), "told once");
        catch_up(&mut tracker, &machine, 60_000);
        let ended = tracker.of_group(down).expect("kept a while");
        assert_eq!(ended.resolved_ms, Some(50_000), "it ends when the alert ended");
        assert_eq!(tracker.of_group(slow).expect("open").resolved_ms, None);
    }

    #[test]
    fn incidents_of_groups_that_a_new_routing_tree_does_not_have_end() {
        let mut machine = Alertmanager::new(&config(BY_NAME), Options::default(), 0);
        let mut tracker = IncidentTracker::new(Policy::default());
        post(&mut machine, 1_000, "Slow", 90_000);
        catch_up(&mut tracker, &machine, 2_000);
        machine.reload(3_000, &config(BY_JOB));
        catch_up(&mut tracker, &machine, 3_000);
        assert_eq!(
            told(&tracker),
            [
                ("{}:{alertname=\"Slow\"}".to_owned(), Vec::new()),
                ("{}:{job=\"j\"}".to_owned(), vec!["Slow"])
            ]
        );
    }
}
