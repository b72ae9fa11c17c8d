//! When groups are flushed, and what is held back.

use super::rig::{Rig, config, firing, resolved};
use crate::Matcher;
use crate::dispatch::Suppression;
use crate::machine::{EventKind, Options};
use crate::silence::PostableSilence;

const CONFIG: &str = "
route: {receiver: r, group_by: [alertname], group_wait: 1s, group_interval: 5s, repeat_interval: 1h}
receivers: [{name: r, webhook_configs: [{url: 'http://x/'}]}]
";

#[test]
fn a_group_waits_then_flushes_at_its_interval() {
    let mut rig = Rig::new(CONFIG);
    rig.post(vec![firing("a", "1", 0)]);
    rig.run_until(3000);
    rig.post(vec![firing("a", "2", 3000)]);
    rig.run_until(7000);
    rig.post(vec![resolved("a", "1", 0, 7000)]);
    rig.run_until(30_000);
    assert_eq!(rig.told(), ["1000: 1 / ", "6000: 1 2 / ", "11000: 2 / 1"]);
}

#[test]
fn an_old_alert_does_not_wait() {
    let mut rig = Rig::new(CONFIG);
    rig.run_until(100_000);
    rig.post(vec![firing("a", "1", 98_999)]);
    assert_eq!(rig.told(), ["100000: 1 / "]);
    rig.post(vec![firing("b", "1", 99_000)]);
    assert_eq!(rig.told().len(), 1, "its wait is over only after this instant");
    rig.run_until(101_000);
    assert_eq!(rig.told().len(), 2);
}

#[test]
fn nothing_is_flushed_before_the_start_delay() {
    let options = Options {
        start_delay_ms: 4000,
        ..Options::default()
    };
    let mut rig = Rig::with(CONFIG, options);
    rig.post(vec![firing("a", "1", -60_000)]);
    rig.run_until(4500);
    assert_eq!(rig.told(), ["4000: 1 / "]);
}

#[test]
fn a_group_ends_when_all_is_told_and_begins_anew() {
    let mut rig = Rig::new(CONFIG);
    rig.post(vec![firing("a", "1", 0)]);
    rig.run_until(2000);
    rig.post(vec![resolved("a", "1", 0, 2000)]);
    rig.run_until(6500);
    assert_eq!(rig.machine.groups.len(), 0);
    rig.post(vec![firing("a", "1", 6500)]);
    rig.run_until(8000);
    assert_eq!(rig.told(), ["1000: 1 / ", "6000:  / 1", "7500: 1 / "]);
}

#[test]
fn an_alert_that_fires_again_during_the_flush_stays() {
    let mut rig = Rig::new(CONFIG);
    rig.post(vec![firing("a", "1", 0)]);
    rig.run_until(2000);
    rig.post(vec![resolved("a", "1", 0, 2000)]);
    rig.answer(|_, _| None);
    rig.run_until(6000);
    rig.post(vec![firing("a", "1", 6000)]);
    let (delivery, notification) = rig.open.pop().expect("the end is being told");
    rig.answer(|_, _| Some(super::rig::delivered()));
    rig.complete(delivery, &notification, super::rig::delivered());
    rig.run_until(12_000);
    assert_eq!(rig.told(), ["1000: 1 / ", "6000:  / 1", "11000: 1 / "]);
}

#[test]
fn send_resolved_off_cuts_ended_alerts_but_the_log_knows() {
    let mut rig = Rig::new(
        "
route: {receiver: r, group_wait: 1s, group_interval: 5s, repeat_interval: 1h}
receivers: [{name: r, webhook_configs: [{url: 'http://x/', send_resolved: false}]}]
",
    );
    rig.post(vec![firing("a", "1", 0), firing("a", "2", 0)]);
    rig.run_until(2000);
    rig.post(vec![resolved("a", "1", 0, 2000)]);
    rig.run_until(7000);
    rig.post(vec![resolved("a", "2", 0, 7000)]);
    rig.run_until(12_000);
    rig.post(vec![firing("a", "2", 12_000)]);
    rig.run_until(20_000);
    assert_eq!(rig.told(), ["1000: 1 2 / ", "13000: 2 / "]);
}

#[test]
fn the_repeat_interval_is_rounded_up_to_a_tick() {
    let mut rig = Rig::new(&CONFIG.replace("1h", "7s"));
    rig.post(vec![firing("a", "1", 0)]);
    rig.run_until(22_000);
    assert_eq!(rig.told(), ["1000: 1 / ", "11000: 1 / ", "21000: 1 / "]);
}

#[test]
fn what_holds_an_alert_back_is_told_once() {
    let yaml = format!(
        "{CONFIG}inhibit_rules: [{{source_matchers: [alertname=s], target_matchers: [alertname=a], equal: [instance]}}]\n"
    );
    let mut rig = Rig::new(&yaml);
    rig.post(vec![firing("a", "1", 0), firing("s", "1", 0), firing("a", "2", 0)]);
    let silence = PostableSilence {
        id: None,
        matchers: vec![Matcher::equal("instance", "2")],
        starts_at_ms: 0,
        ends_at_ms: 8000,
        created_by: String::new(),
        comment: String::new(),
        annotations: Vec::new(),
    };
    let id = rig.machine.set_silence(0, silence).expect("a valid silence");
    rig.run_until(7000);
    let suppressed: Vec<Suppression> = rig
        .machine
        .take_events()
        .into_iter()
        .filter_map(|event| match event.kind {
            EventKind::Suppressed { by, .. } => Some(by),
            _ => None,
        })
        .collect();
    let source = rig
        .machine
        .alerts
        .iter()
        .find(|alert| alert.labels.get("alertname") == "s");
    let source = source.map(|alert| alert.fingerprint).expect("the source is known");
    let expected = [
        Suppression::Inhibited { source },
        Suppression::Silenced { silences: vec![id] },
    ];
    assert_eq!(suppressed, expected);
    rig.run_until(12_000);
    assert_eq!(rig.told(), ["1000: 1 / ", "11000: 2 / "]);
    let released = rig
        .machine
        .take_events()
        .into_iter()
        .filter(|event| matches!(event.kind, EventKind::Released(_)));
    assert_eq!(released.count(), 1);
}

#[test]
fn a_mute_route_tells_after_its_window() {
    // 1970-01-01 was a Thursday; the window ends 60 seconds after the epoch.
    let mut rig = Rig::new(
        "
route:
  receiver: r
  group_by: [alertname]
  routes: [{matchers: [alertname=a], mute_time_intervals: [w], group_wait: 1s, group_interval: 30s}]
time_intervals: [{name: w, time_intervals: [{times: [{start_time: '00:00', end_time: '00:01'}]}]}]
receivers: [{name: r, webhook_configs: [{url: 'http://x/'}]}]
",
    );
    rig.post(vec![firing("a", "1", 0)]);
    rig.run_until(59_000);
    assert!(rig.told().is_empty());
    let groups = rig
        .machine
        .group_views(rig.now_ms, &crate::view::AlertFilter::default());
    assert_eq!(groups[0].alerts[0].status.muted_by, ["w"]);
    rig.run_until(62_000);
    assert_eq!(rig.told(), ["61000: 1 / "]);
    let groups = rig
        .machine
        .group_views(rig.now_ms, &crate::view::AlertFilter::default());
    assert!(groups[0].alerts[0].status.muted_by.is_empty());
}

#[test]
fn the_end_by_timeout_is_an_event() {
    let mut rig = Rig::new(&CONFIG.replace("route:", "global: {resolve_timeout: 3s}\nroute:"));
    rig.post(vec![firing("a", "1", 0)]);
    rig.run_until(7000);
    let kinds: Vec<bool> = rig
        .machine
        .take_events()
        .into_iter()
        .filter_map(|event| match event.kind {
            EventKind::Firing(_) => Some(true),
            EventKind::Resolved(_) => Some(false),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, [true, false]);
    assert_eq!(rig.told(), ["1000: 1 / ", "6000:  / 1"]);
}

#[test]
fn a_reload_makes_groups_anew_and_tells_nothing_twice() {
    let mut rig = Rig::new(CONFIG);
    rig.post(vec![firing("a", "1", 0), firing("a", "2", 0)]);
    rig.run_until(2000);
    rig.post(vec![resolved("a", "2", 0, 2000)]);
    rig.run_until(3000);
    rig.reload();
    rig.run_until(20_000);
    assert_eq!(rig.told(), ["1000: 1 2 / ", "3000: 1 / 2"]);
    let other = config(
        &CONFIG
            .replace("name: r", "name: q")
            .replace("receiver: r", "receiver: q"),
    );
    rig.machine.reload(rig.now_ms, &other);
    rig.run_until(30_000);
    assert_eq!(rig.told()[2..], ["20000: 1 / "], "another receiver was never told");
}
