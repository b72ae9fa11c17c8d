//! Attempts, retries, deadlines and the log.

use super::rig::{Rig, delivered, firing};
use crate::NotificationReason;
use crate::machine::{EventKind, FailureReason, Outcome};

const CONFIG: &str = "
route: {receiver: r, group_wait: 1s, group_interval: 20s, repeat_interval: 1h}
receivers: [{name: r, webhook_configs: [{url: 'http://x/'}, {url: 'http://y/'}]}]
";

fn retry(after_ms: Option<i64>) -> Outcome {
    Outcome::Retry {
        reason: FailureReason::ServerError,
        text: "unexpected status code 500".to_owned(),
        after_ms,
    }
}

fn failed() -> Outcome {
    Outcome::Failed {
        reason: FailureReason::ClientError,
        text: "unexpected status code 400".to_owned(),
    }
}

#[test]
fn a_recoverable_failure_is_tried_again_with_growing_pauses() {
    let mut rig = Rig::new(CONFIG);
    rig.answer(|now_ms, notification| {
        Some(if notification.integration == 1 && now_ms < 6000 {
            retry(None)
        } else {
            delivered()
        })
    });
    rig.post(vec![firing("a", "1", 0)]);
    rig.run_until(19_000);
    assert_eq!(rig.arrivals.len(), 2);
    assert_eq!((rig.arrivals[0].at_ms, rig.arrivals[0].integration), (1000, 0));
    assert!(rig.arrivals[1].at_ms >= 6000);
    let tries = rig.machine.take_events();
    let pauses: Vec<i64> = tries
        .iter()
        .filter_map(|event| match event.kind {
            EventKind::Retried { next_ms, .. } => Some(next_ms - event.at_ms),
            _ => None,
        })
        .collect();
    for (step, pause_ms) in pauses.iter().enumerate() {
        let middle = 500.0 * 1.5f64.powi(step as i32);
        let range = (middle * 0.5 - 1.0)..=(middle * 1.5);
        assert!(range.contains(&(*pause_ms as f64)), "{pauses:?}");
    }
    let counters = &rig.machine.metrics().integrations["webhook"];
    assert_eq!(counters.notifications, 2);
    assert_eq!(counters.requests, counters.requests_failed + 2);
    assert!(counters.failed.is_empty());
}

#[test]
fn what_a_receiver_asks_to_wait_is_waited() {
    let mut rig = Rig::new(CONFIG);
    rig.answer(|now_ms, _| Some(if now_ms < 2000 { retry(Some(9000)) } else { delivered() }));
    rig.post(vec![firing("a", "1", 0)]);
    rig.run_until(15_000);
    assert_eq!(rig.told(), ["10000: 1 / ", "10000: 1 / "]);
}

#[test]
fn a_final_failure_waits_for_the_next_tick_and_leaves_the_other_alone() {
    let mut rig = Rig::new(CONFIG);
    rig.answer(|now_ms, notification| {
        Some(if notification.integration == 1 && now_ms < 30_000 {
            failed()
        } else {
            delivered()
        })
    });
    rig.post(vec![firing("a", "1", 0)]);
    rig.run_until(60_000);
    let told: Vec<(i64, usize)> = rig
        .arrivals
        .iter()
        .map(|arrival| (arrival.at_ms, arrival.integration))
        .collect();
    assert_eq!(told, [(1000, 0), (41_000, 1)]);
    assert_eq!(rig.arrivals[1].reason, NotificationReason::FirstNotification);
    assert_eq!(
        rig.machine.metrics().integrations["webhook"].failed[&FailureReason::ClientError],
        2
    );
}

#[test]
fn retries_end_at_the_deadline() {
    let mut rig = Rig::new(&CONFIG.replace("20s", "1s"));
    rig.answer(|now_ms, _| Some(if now_ms < 12_000 { retry(None) } else { delivered() }));
    rig.post(vec![firing("a", "1", 0)]);
    rig.run_until(11_000);
    let failures = rig
        .machine
        .take_events()
        .into_iter()
        .filter_map(|event| match event.kind {
            EventKind::Failed { reason, text, .. } => Some((event.at_ms, reason, text)),
            _ => None,
        });
    let failures: Vec<_> = failures.collect();
    assert_eq!(failures.len(), 2);
    assert_eq!(
        (failures[0].0, failures[0].1),
        (11_000, FailureReason::ContextDeadlineExceeded)
    );
    assert!(
        failures[0].2.contains("unexpected status code 500"),
        "{}",
        failures[0].2
    );
    // The tick that came meanwhile is made up for at once.
    rig.run_until(16_000);
    assert_eq!(rig.arrivals.len(), 2);
}

#[test]
fn an_attempt_past_the_deadline_is_cancelled_but_its_success_counts() {
    let mut rig = Rig::new(CONFIG);
    rig.answer(|_, notification| (notification.integration == 0).then(delivered));
    rig.post(vec![firing("a", "1", 0)]);
    rig.run_until(21_500);
    assert_eq!(rig.cancelled.len(), 1);
    let (delivery, notification) = rig.open.remove(0);
    assert!(rig.open.is_empty(), "the next delivery waits for the one under way");
    rig.complete(delivery, &notification, delivered());
    rig.settle();
    rig.run_until(70_000);
    assert_eq!(rig.arrivals.len(), 2, "nothing is told twice");
    assert!(rig.open.is_empty());
}

#[test]
fn a_reload_awaits_what_is_under_way() {
    let mut rig = Rig::new(CONFIG);
    rig.answer(|_, _| None);
    rig.post(vec![firing("a", "1", 0)]);
    rig.run_until(3000);
    assert_eq!(rig.open.len(), 2);
    rig.reload();
    assert_eq!(rig.open.len(), 2, "nothing is sent beside what is under way");
    for (delivery, notification) in std::mem::take(&mut rig.open) {
        rig.complete(delivery, &notification, delivered());
    }
    rig.run_until(60_000);
    assert_eq!(rig.arrivals.len(), 2);
    assert!(rig.open.is_empty());
}

#[test]
fn completing_twice_changes_nothing() {
    let mut rig = Rig::new(CONFIG);
    rig.answer(|_, _| None);
    rig.post(vec![firing("a", "1", 0)]);
    rig.run_until(1500);
    let (delivery, notification) = rig.open.remove(0);
    rig.complete(delivery, &notification, delivered());
    rig.machine.complete(rig.now_ms, delivery, failed());
    assert_eq!(rig.machine.metrics().integrations["webhook"].requests, 1);
}

#[test]
fn what_an_integration_remembers_comes_back() {
    let mut rig = Rig::new(CONFIG);
    rig.answer(|_, _| None);
    rig.post(vec![firing("a", "1", 0)]);
    rig.run_until(1000);
    let data = vec![("ts".to_owned(), "17.5".to_owned())];
    for (delivery, notification) in std::mem::take(&mut rig.open) {
        assert!(notification.receiver_data.is_empty());
        let outcome = Outcome::Delivered {
            receiver_data: data.clone(),
        };
        rig.complete(delivery, &notification, outcome);
    }
    rig.post(vec![firing("a", "2", 1000)]);
    rig.run_until(21_000);
    assert_eq!(rig.open.len(), 2);
    assert_eq!(rig.open[0].1.receiver_data, data);
    assert_eq!(rig.open[0].1.deadline_ms, 41_000);
}
