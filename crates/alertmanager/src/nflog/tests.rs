//! Tests of the decision table and of the log.

use super::*;
use crate::NotificationReason as Reason;

fn entry(timestamp_ms: i64, firing: &[u64], resolved: &[u64]) -> LogEntry {
    LogEntry {
        timestamp_ms,
        firing: firing.to_vec(),
        resolved: resolved.to_vec(),
        expires_at_ms: i64::MAX,
        receiver_data: Vec::new(),
    }
}

fn key(receiver: &str) -> LogKey {
    LogKey {
        group_key: "{}:{}".to_owned(),
        receiver: receiver.to_owned(),
        kind: "webhook".to_owned(),
        index: 0,
    }
}

#[test]
fn the_decision_table_holds() {
    type Case = (Option<LogEntry>, &'static [u64], &'static [u64], bool, Decision);
    let cases: [Case; 13] = [
        (None, &[], &[1], true, Decision::Skip),
        (None, &[1], &[], true, Decision::Send(Reason::FirstNotification)),
        (
            Some(entry(0, &[1], &[])),
            &[1, 2],
            &[],
            true,
            Decision::Send(Reason::NewAlertsAdded),
        ),
        (
            Some(entry(0, &[], &[1])),
            &[1],
            &[],
            true,
            Decision::Send(Reason::FirstNotification),
        ),
        (
            Some(entry(0, &[1], &[])),
            &[],
            &[1],
            true,
            Decision::Send(Reason::AllAlertsResolved),
        ),
        (
            Some(entry(0, &[1], &[])),
            &[],
            &[1],
            false,
            Decision::Send(Reason::AllAlertsResolved),
        ),
        (Some(entry(0, &[], &[1])), &[], &[1], true, Decision::Skip),
        (Some(entry(0, &[], &[1])), &[], &[2], true, Decision::Skip),
        (
            Some(entry(0, &[1, 2], &[])),
            &[1],
            &[2],
            true,
            Decision::Send(Reason::SomeAlertsResolved),
        ),
        (Some(entry(0, &[1, 2], &[])), &[1], &[2], false, Decision::Skip),
        (Some(entry(0, &[1], &[2])), &[1], &[2], true, Decision::Skip),
        (
            Some(entry(-1, &[1], &[])),
            &[1],
            &[],
            true,
            Decision::Send(Reason::RepeatIntervalElapsed),
        ),
        (Some(entry(0, &[1, 2], &[])), &[1], &[], true, Decision::Skip),
    ];
    for (i, (last, firing, resolved, send_resolved, expected)) in cases.into_iter().enumerate() {
        let state = State {
            firing,
            resolved,
            send_resolved,
            now_ms: 1000,
            repeat_interval_ms: 1000,
        };
        assert_eq!(decide(last.as_ref(), &state), expected, "case {i}");
    }
}

#[test]
fn the_younger_entry_wins_a_merge() {
    let mut log = NotificationLog::default();
    assert!(log.merge(key("a"), entry(5, &[1], &[])));
    assert!(!log.merge(key("a"), entry(4, &[2], &[])));
    assert!(log.merge(key("a"), entry(6, &[3], &[])));
    assert_eq!(log.get(&key("a")).map(|entry| entry.firing.clone()), Some(vec![3]));
}

#[test]
fn entries_expire() {
    let mut log = NotificationLog::default();
    let mut short = entry(0, &[1], &[]);
    short.expires_at_ms = 10;
    log.put(key("a"), short);
    log.put(key("b"), entry(0, &[1], &[]));
    assert!(log.collect_garbage(9).is_empty());
    assert!(log.get(&key("a")).is_some());
    assert_eq!(log.collect_garbage(10), [key("a")]);
    assert_eq!(log.len(), 1);
}
