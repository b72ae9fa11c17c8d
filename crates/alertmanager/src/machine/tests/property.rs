//! Random histories: nothing is told twice, and restarts change nothing.

use std::collections::HashMap;

use proptest::prelude::*;

use super::rig::{Arrival, Rig, delivered, firing, resolved};
use crate::NotificationReason;
use crate::machine::{FailureReason, Outcome};

const REPEAT_MS: i64 = 30_000;
const CONFIG: &str = "
global: {resolve_timeout: 20s}
route:
  receiver: r
  group_by: [alertname]
  group_wait: 1s
  group_interval: 5s
  repeat_interval: 30s
  routes: [{matchers: [alertname=b], receiver: q, continue: true}, {matchers: [alertname=~'a|b']}]
receivers:
- {name: r, webhook_configs: [{url: 'http://x/'}, {url: 'http://y/', send_resolved: false}]}
- {name: q, webhook_configs: [{url: 'http://z/'}]}
";
const INHIBITION: &str =
    "inhibit_rules: [{source_matchers: [alertname=c], target_matchers: [alertname=a], equal: [instance]}]\n";

#[derive(Debug, Clone)]
enum Step {
    Fire { name: u8, instance: u8 },
    Resolve { name: u8, instance: u8 },
    Wait(i64),
    Restart,
    Reload,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let alert = || (0..3u8, 0..3u8);
    let step = prop_oneof![
        4 => alert().prop_map(|(name, instance)| Step::Fire { name, instance }),
        2 => alert().prop_map(|(name, instance)| Step::Resolve { name, instance }),
        4 => (1..12_000i64).prop_map(Step::Wait),
        1 => Just(Step::Restart),
        1 => Just(Step::Reload),
    ];
    proptest::collection::vec(step, 1..40)
}

fn name(index: u8) -> &'static str {
    ["a", "b", "c"][usize::from(index)]
}

/// A whole history with receivers of which every so many attempts fails.
fn history(yaml: &str, steps: &[Step], failing: u64) -> Rig {
    let mut rig = Rig::new(yaml);
    let mut count = 0;
    rig.answer(move |_, _| {
        count += 1;
        Some(if failing > 0 && count % (failing + 1) == 0 {
            Outcome::Retry {
                reason: FailureReason::ServerError,
                text: "500".to_owned(),
                after_ms: None,
            }
        } else {
            delivered()
        })
    });
    for step in steps {
        run(&mut rig, step);
    }
    rig.run_until(rig.now_ms + 60_000);
    rig
}

fn run(rig: &mut Rig, step: &Step) {
    let now_ms = rig.now_ms;
    match step {
        Step::Fire { name: index, instance } => {
            rig.post(vec![firing(name(*index), &instance.to_string(), now_ms)]);
        }
        Step::Resolve { name: index, instance } => {
            rig.post(vec![resolved(name(*index), &instance.to_string(), now_ms, now_ms)]);
        }
        Step::Wait(ms) => rig.run_until(now_ms + ms),
        Step::Restart => rig.restart(),
        Step::Reload => rig.reload(),
    }
}

/// No integration hears the same of a group twice before the repeat interval is over.
fn check_no_repetition(arrivals: &[Arrival]) {
    let mut last: HashMap<(String, usize, String), &Arrival> = HashMap::new();
    for arrival in arrivals {
        let key = (arrival.receiver.clone(), arrival.integration, arrival.group_key.clone());
        if let Some(previous) = last.insert(key, arrival) {
            let is_same = previous.firing == arrival.firing && previous.resolved == arrival.resolved;
            let is_early = arrival.at_ms - previous.at_ms < REPEAT_MS;
            // The same words may be true again: it ended and began anew within one silence of the group.
            let is_news = arrival.reason == NotificationReason::FirstNotification;
            assert!(!is_same || !is_early || is_news, "{previous:?} then {arrival:?}");
        }
    }
}

/// Whether somebody believes at the end that something fires that does not, or the other way round.
fn last_words(arrivals: &[Arrival]) -> HashMap<(String, String), Vec<String>> {
    let with_resolved = arrivals.iter().filter(|arrival| arrival.integration == 0);
    with_resolved
        .map(|arrival| {
            (
                (arrival.receiver.clone(), arrival.group_key.clone()),
                arrival.firing.clone(),
            )
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn nothing_is_told_twice_and_every_end_is_told(steps in steps(), failing in 0..4u64) {
        let rig = history(CONFIG, &steps, failing);
        check_no_repetition(&rig.arrivals);
        // Everything has ended by the resolve timeout: nobody may be left believing otherwise.
        for (whom, firing) in last_words(&rig.arrivals) {
            prop_assert!(firing.is_empty(), "{whom:?} still believes in {firing:?}");
        }
        prop_assert_eq!(rig.machine.groups.len(), 0);
    }

    // An end that comes while the alert is held back is not told, as in Alertmanager.
    #[test]
    fn nothing_is_told_twice_with_inhibition(steps in steps(), failing in 0..4u64) {
        let rig = history(&format!("{CONFIG}{INHIBITION}"), &steps, failing);
        check_no_repetition(&rig.arrivals);
        prop_assert_eq!(rig.machine.groups.len(), 0);
    }

    #[test]
    fn a_restart_gives_back_the_state(steps in steps()) {
        let mut rig = Rig::new(&format!("{CONFIG}{INHIBITION}"));
        for step in steps.iter().filter(|step| !matches!(step, Step::Restart | Step::Reload)) {
            run(&mut rig, step);
        }
        let before = view(&rig);
        rig.restart();
        prop_assert_eq!(view(&rig), before);
    }
}

/// What the API shows of alerts, held back or not.
fn view(rig: &Rig) -> Vec<crate::view::AlertView> {
    rig.machine
        .alert_views(rig.now_ms, &crate::view::AlertFilter::default())
}
