//! What comes back after a kill.

use super::rig::{Rig, firing, resolved};
use crate::machine::Options;

const CONFIG: &str = "
route: {receiver: r, group_by: [alertname], group_wait: 1s, group_interval: 5s, repeat_interval: 1h}
receivers: [{name: r, webhook_configs: [{url: 'http://x/'}]}]
";

#[test]
fn nothing_is_told_twice_and_nothing_is_forgotten() {
    let mut rig = Rig::new(CONFIG);
    rig.post(vec![firing("a", "1", 0), firing("b", "1", 0)]);
    rig.run_until(2000);
    rig.post(vec![resolved("b", "1", 0, 2000)]);
    rig.run_until(2500);
    rig.restart();
    rig.run_until(4000);
    // The end was acknowledged but not told before the kill.
    assert_eq!(rig.told(), ["1000: 1 / ", "1000: 1 / ", "2500:  / 1"]);
    assert_eq!(rig.machine.alerts.len(), 2);
    rig.restart();
    rig.run_until(9000);
    rig.post(vec![firing("a", "1", 0)]);
    rig.run_until(20_000);
    assert_eq!(rig.arrivals.len(), 3);
}

#[test]
fn an_alert_that_nobody_was_told_of_is_told_after_the_restart() {
    let mut rig = Rig::new(CONFIG);
    rig.post(vec![firing("a", "1", 0)]);
    rig.run_until(500);
    rig.restart();
    rig.run_until(3000);
    assert_eq!(rig.told(), ["1500: 1 / "]);
}

#[test]
fn an_ended_alert_is_kept_until_its_end_is_told() {
    let options = Options {
        gc_interval_ms: 1000,
        ..Options::default()
    };
    let mut rig = Rig::with(CONFIG, options);
    rig.post(vec![firing("a", "1", 0)]);
    rig.run_until(1500);
    rig.post(vec![resolved("a", "1", 0, 1500)]);
    rig.run_until(5500);
    assert_eq!(rig.machine.alerts.len(), 1);
    rig.restart();
    rig.run_until(20_000);
    assert_eq!(rig.told(), ["1000: 1 / ", "5500:  / 1"]);
    assert!(rig.machine.alerts.is_empty());
    assert!(rig.stored.snapshot().alerts.is_empty());
}

#[test]
fn maintenance_forgets_what_is_expired() {
    let mut rig = Rig::new(&CONFIG.replace("1h", "1m"));
    rig.post(vec![firing("a", "1", 0)]);
    rig.run_until(1500);
    rig.post(vec![resolved("a", "1", 0, 1500)]);
    rig.run_until(16 * 60_000);
    assert!(rig.stored.snapshot().log.is_empty());
    assert_eq!(rig.machine.gauges(rig.now_ms).log_entries, 0);
}
