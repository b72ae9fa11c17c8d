//! Several members that share silences and the notification log.

use super::rig::{Rig, firing, resolved};
use crate::machine::{Change, Options};

const CONFIG: &str = "
route: {receiver: r, group_by: [alertname], group_wait: 1s, group_interval: 5s, repeat_interval: 1h}
receivers: [{name: r, webhook_configs: [{url: 'http://x/'}]}]
";

fn member(position: u32) -> Rig {
    let options = Options {
        peer_position: position,
        peer_timeout_ms: 2000,
        seed: u64::from(position),
        ..Options::default()
    };
    Rig::with(CONFIG, options)
}

#[test]
fn a_later_member_says_nothing_when_an_earlier_one_did() {
    let (mut first, mut second) = (member(0), member(1));
    for rig in [&mut first, &mut second] {
        rig.post(vec![firing("a", "1", 0)]);
    }
    first.run_until(1500);
    for entry in first.stored.snapshot().log {
        assert!(second.machine.replicate(1500, &Change::PutLogEntry(entry.clone())));
        assert!(
            !second.machine.replicate(1500, &Change::PutLogEntry(entry)),
            "it is no news"
        );
    }
    second.run_until(10_000);
    assert_eq!((first.arrivals.len(), second.arrivals.len()), (1, 0));
}

#[test]
fn a_later_member_does_not_tell_of_an_older_state() {
    let (mut first, mut second) = (member(0), member(1));
    for rig in [&mut first, &mut second] {
        rig.post(vec![firing("a", "1", 0)]);
        rig.run_until(1500);
        rig.post(vec![resolved("a", "1", 0, 1500)]);
    }
    first.run_until(2500);
    first.reload();
    assert_eq!(first.told(), ["1000: 1 / ", "2500:  / 1"]);
    for entry in first.stored.snapshot().log {
        second.machine.replicate(2500, &Change::PutLogEntry(entry));
    }
    second.run_until(20_000);
    assert!(second.told().is_empty(), "{:?}", second.told());
    assert_eq!(second.machine.groups.len(), 0);
}

#[test]
fn a_later_member_speaks_when_the_earlier_ones_are_gone() {
    let mut second = member(1);
    second.post(vec![firing("a", "1", 0)]);
    second.run_until(10_000);
    assert_eq!(second.told(), ["3000: 1 / "]);
}
