//! 50 000 active alerts with grouping, inhibition and silences: seconds of each step, and memory.
//!
//! `cargo bench -p skopos-alertmanager --bench scale [-- ALERTS]` prints a line a step. The machine
//! is driven on a virtual clock, so that the seconds are those of its own work.

use std::io::{self, Write};
use std::time::Instant;

use skopos_alertmanager::alert::PostableAlert;
use skopos_alertmanager::machine::{Alertmanager, Options};
use skopos_alertmanager::silence::PostableSilence;
use skopos_alertmanager::view::AlertFilter;
use skopos_alertmanager::{Config, Effect, LoadOptions, Matcher, Outcome};

const DEFAULT_ALERTS: usize = 50_000;
/// Alerts of one name: one group of this size, and many of the rest.
const LARGE_GROUP: usize = 1_500;
const ALERTS_PER_POST: usize = 64;
const SILENCES: usize = 200;
const GROUP_INTERVAL_MS: i64 = 300_000;

const CONFIG: &str = "
route:
  receiver: default
  group_by: [alertname, cluster]
  routes:
  - matchers: [severity=critical]
    receiver: pager
    continue: true
  - matchers: ['team=~\"team-[0-4]\"']
    receiver: teams
receivers:
- {name: default, webhook_configs: [{url: 'http://example.org/'}]}
- {name: pager, webhook_configs: [{url: 'http://example.org/'}]}
- {name: teams, webhook_configs: [{url: 'http://example.org/'}, {url: 'http://example.org/', send_resolved: false}]}
inhibit_rules:
- {source_matchers: [severity=critical], target_matchers: ['severity=~\"warning|info\"'], equal: [alertname, cluster, instance]}
- {source_matchers: [severity=warning], target_matchers: [severity=info], equal: [cluster, instance]}
- {source_matchers: ['alertname=\"Alert-1\"'], target_matchers: ['team=\"team-9\"'], equal: [cluster]}
";

fn alert(index: usize) -> PostableAlert {
    let name = if index < LARGE_GROUP { 0 } else { index % 500 + 1 };
    let owned = |pairs: &[(&str, String)]| {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect()
    };
    PostableAlert {
        labels: owned(&[
            ("alertname", format!("Alert-{name}")),
            ("cluster", format!("cluster-{}", if name == 0 { 0 } else { index % 7 })),
            ("instance", format!("10.0.{}.{}:9100", index / 250 % 250, index % 250)),
            ("job", format!("job-{}", index % 40)),
            ("pod", format!("pod-{index:08}-abcde")),
            ("severity", ["critical", "warning", "info"][index % 3].to_owned()),
            ("team", format!("team-{}", index % 10)),
        ]),
        annotations: owned(&[
            (
                "summary",
                format!("Something is wrong with pod-{index:08}-abcde for longer than it should be"),
            ),
            (
                "description",
                "What it means, what to look at first, and who knows more about it. ".repeat(3),
            ),
            ("runbook_url", format!("https://runbooks.example.org/alerts/{name}")),
        ]),
        starts_at_ms: None,
        ends_at_ms: Some(i64::from(u32::MAX)),
        generator_url: "https://prometheus.example.org/graph?g0.expr=up+%3D%3D+0&g0.tab=1".to_owned(),
    }
}

/// Resident memory in bytes, where the system tells.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

fn post(machine: &mut Alertmanager, now_ms: i64, n_alerts: usize) -> usize {
    for start in (0..n_alerts).step_by(ALERTS_PER_POST) {
        let alerts = (start..n_alerts.min(start + ALERTS_PER_POST)).map(alert).collect();
        machine.post_alerts(now_ms, alerts);
    }
    machine.take_changes().len()
}

/// Does all that is due; every receiver takes what it is sent.
fn flush(machine: &mut Alertmanager, now_ms: i64) -> usize {
    let mut sent = 0;
    loop {
        let effects = machine.poll(now_ms);
        machine.take_changes();
        machine.take_events();
        if effects.is_empty() && machine.next_wakeup_ms().is_none_or(|next_ms| next_ms > now_ms) {
            return sent;
        }
        for effect in effects {
            if let Effect::Notify { delivery, .. } = effect {
                sent += 1;
                let receiver_data = Vec::new();
                machine.complete(now_ms, delivery, Outcome::Delivered { receiver_data });
            }
        }
    }
}

fn silence(machine: &mut Alertmanager, index: usize) {
    let silence = PostableSilence {
        id: None,
        matchers: vec![Matcher::equal("instance", format!("10.0.{}.{index}:9100", index % 250))],
        starts_at_ms: 0,
        ends_at_ms: i64::from(u32::MAX),
        created_by: "bench".to_owned(),
        comment: String::new(),
        annotations: Vec::new(),
    };
    machine.set_silence(0, silence).expect("the silence is valid");
}

fn step<T>(out: &mut impl Write, what: &str, work: impl FnOnce() -> T) -> io::Result<T> {
    let started = Instant::now();
    let result = work();
    let seconds = started.elapsed().as_secs_f64();
    let mib = resident_bytes().map_or(0, |bytes| bytes >> 20);
    writeln!(out, "{what:<40} {seconds:>8.3} s {mib:>6} MiB resident")?;
    Ok(result)
}

fn main() -> io::Result<()> {
    let n_alerts = std::env::args()
        .skip(1)
        .find_map(|word| word.parse().ok())
        .unwrap_or(DEFAULT_ALERTS);
    let config = Config::parse(CONFIG, &LoadOptions::default()).expect("the configuration is valid");
    let mut machine = Alertmanager::new(&config, Options::default(), 0);
    let out = &mut io::stdout().lock();
    (0..SILENCES).for_each(|index| silence(&mut machine, index));
    step(out, "post, all new", || post(&mut machine, 0, n_alerts))?;
    let sent = step(out, "first flush", || flush(&mut machine, 30_000))?;
    step(out, "post, all known", || post(&mut machine, 60_000, n_alerts))?;
    step(out, "flush without news", || {
        flush(&mut machine, 30_000 + GROUP_INTERVAL_MS)
    })?;
    let filter = AlertFilter::default();
    let shown = step(out, "GET /alerts", || machine.alert_views(340_000, &filter))?;
    let groups = step(out, "GET /alerts/groups", || machine.group_views(340_000, &filter))?;
    let held_back = shown.iter().filter(|view| !view.status.inhibited_by.is_empty()).count();
    writeln!(
        out,
        "{} alerts in {} groups, {held_back} inhibited, {sent} notifications",
        shown.len(),
        groups.len()
    )?;
    drop((shown, groups));
    step(out, "reload", || machine.reload(350_000, &config))?;
    step(out, "flush after the reload", || flush(&mut machine, 400_000))?;
    Ok(())
}
