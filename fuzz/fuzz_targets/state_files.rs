//! What is kept as JSON: manifests, epochs, deletions, and the state of alerts.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use skopos_alertmanager::alert::Alert;
use skopos_alertmanager::machine::{Options, Snapshot, StoredLogEntry, StoredSilence};
use skopos_alertmanager::{Alertmanager, Config, LoadOptions};
use skopos_storage::Manifest;
use skopos_storage::manifest::{ManifestChange, ManifestState};

const NOW_MS: i64 = 1_700_000_000_000;
const CONFIG: &str = "
route: {receiver: a, group_by: [job]}
receivers: [{name: a, webhook_configs: [{url: 'http://127.0.0.1:1/'}]}]
inhibit_rules: [{source_matchers: ['severity=critical'], target_matchers: ['severity=warning'], equal: [job]}]
";

/// What is read is written as what reads alike.
fn round_trip<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Option<T> {
    let value: T = serde_json::from_slice(bytes).ok()?;
    let written = serde_json::to_vec(&value).expect("plain data");
    let again: T = serde_json::from_slice(&written).expect("what was written reads");
    assert_eq!(serde_json::to_vec(&again).expect("plain data"), written);
    Some(value)
}

fn manifest(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("metrics.json");
    std::fs::write(&path, bytes).expect("written");
    if let Ok(Some(manifest)) = Manifest::open(&path, "metrics") {
        let state = manifest.commit(ManifestChange::default()).expect("committed");
        let again = Manifest::open(&path, "metrics").expect("reads").expect("is there");
        assert_eq!(again.state(), state);
    }
}

fn restored(snapshot: Snapshot) {
    let config = Config::parse(CONFIG, &LoadOptions::default()).expect("a good configuration");
    let mut machine = Alertmanager::new(&config, Options::default(), NOW_MS);
    drop(machine.restore(NOW_MS, snapshot));
    for step in 0..4 {
        drop(machine.poll(NOW_MS + step * 60_000));
        drop(machine.take_changes());
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((kind, bytes)) = input.split_first() else {
        return;
    };
    let mut snapshot = Snapshot::default();
    match kind % 6 {
        0 => manifest(bytes),
        1 => drop(round_trip::<ManifestState>(bytes)),
        2 => skopos_metrics::fuzzing::files(bytes),
        3 => snapshot.alerts.extend(round_trip::<Arc<Alert>>(bytes)),
        4 => snapshot.silences.extend(round_trip::<StoredSilence>(bytes)),
        _ => snapshot.log.extend(round_trip::<StoredLogEntry>(bytes)),
    }
    if kind % 6 > 2 {
        restored(snapshot);
    }
});
