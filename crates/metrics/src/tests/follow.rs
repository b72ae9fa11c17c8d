//! Followers of the log: every sample once, under its labels, from any place on, whatever else happens.

use std::collections::HashMap;
use std::ops::ControlFlow;

use skopos_storage::Offset;

use super::*;
use crate::{Keep, LogFollower, LogRecord};

/// What a follower saw: labels and samples in the order of the log, from `from` on.
#[derive(Default)]
struct Follower {
    known: HashMap<u32, Labels>,
    seen: Vec<(Labels, i64, u64)>,
    epoch: Offset,
}

impl Follower {
    fn read(&mut self, store: &MetricStore, follower: &mut LogFollower, from: Offset) {
        let mut take = |record: LogRecord| {
            let epoch = store.epoch_at(record.offset).expect("an epoch");
            if epoch > self.epoch {
                self.epoch = epoch;
                // All series must be defined anew.
                self.known.clear();
            }
            self.known.extend(record.definitions);
            for (number, timestamp_ms, value) in record.floats {
                let labels = self.known.get(&number).expect("a series that is defined");
                if record.offset >= from {
                    self.seen.push((labels.clone(), timestamp_ms, value.to_bits()));
                }
            }
            ControlFlow::Continue(())
        };
        while follower.read(&mut take).expect("reads") {}
    }
}

/// What happens to a store.
#[derive(Debug, Clone)]
enum Step {
    Append(u8),
    Flush,
    Epoch,
    Reopen,
    Note,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u8..5).prop_map(Step::Append),
        1 => Just(Step::Flush),
        1 => Just(Step::Epoch),
        1 => Just(Step::Reopen),
        2 => Just(Step::Note),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_follower_goes_on_from_where_it_was_noted(steps in proptest::collection::vec(step(), 1..40), log_only in any::<bool>()) {
        let folder = tempfile::tempdir().expect("a folder");
        let options = || MetricStoreOptions {
            keep: if log_only { Keep::LogOnly } else { Keep::Parts },
            ..MetricStoreOptions::new(folder.path())
        };
        let mut store = MetricStore::open(options()).expect("opens");
        store.hold_log("f", Offset::ZERO).expect("holds");
        // Where the follower is, where it must begin to know all series, and what comes after its place.
        let (mut place, mut begin, mut expected) = (Offset::ZERO, Offset::ZERO, Vec::new());
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Append(job) => {
                    let job = format!("j{job}");
                    let sample = (number as i64, number as f64);
                    append(&store, &job, &[sample]);
                    expected.push((labels(&job), sample.0, sample.1.to_bits()));
                }
                Step::Flush => drop(store.flush().expect("flushes")),
                Step::Epoch => drop(store.begin_epoch_after(0).expect("begins")),
                Step::Reopen => {
                    drop(store);
                    store = MetricStore::open(options()).expect("opens");
                    store.hold_log("f", begin).expect("holds");
                }
                Step::Note => {
                    let mut follower = Follower { epoch: begin, ..Follower::default() };
                    follower.read(&store, &mut store.follow(begin), place);
                    prop_assert_eq!(&follower.seen, &expected);
                    expected.clear();
                    place = store.next_log_offset();
                    begin = begin.max(store.epoch_at(place).unwrap_or_default());
                    store.hold_log("f", begin).expect("holds");
                }
            }
        }
        let mut last = store.follow(begin);
        let mut follower = Follower { epoch: begin, ..Follower::default() };
        follower.read(&store, &mut last, place);
        prop_assert_eq!(follower.seen, expected);
        prop_assert_eq!(last.lost_records(), 0);
    }
}

#[test]
fn a_store_that_keeps_the_log_alone_writes_no_parts_and_lets_the_log_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = MetricStoreOptions {
        keep: Keep::LogOnly,
        ..MetricStoreOptions::new(folder.path())
    };
    let store = MetricStore::open(options).expect("opens");
    store.hold_log("f", Offset::ZERO).expect("holds");
    append(&store, "a", &[(1000, 1.0)]);
    store.flush().expect("flushes");
    append(&store, "a", &[(2000, 2.0)]);
    store.flush().expect("flushes");
    assert_eq!(store.stats().parts, 0);
    let kept = store.stats().wal_bytes;
    store.hold_log("f", Offset(1)).expect("holds");
    assert!(store.stats().wal_bytes < kept);
    store.release_log("f").expect("lets go");
    let (mut follower, mut records) = (store.follow(Offset::ZERO), 0);
    let mut count = |_| {
        records += 1;
        ControlFlow::Continue(())
    };
    while follower.read(&mut count).expect("reads") {}
    assert_eq!(records, 0, "nothing is left");
    assert_eq!(append(&store, "a", &[(1500, 1.0)]).refused[0].reason, "out_of_order");
}

#[test]
fn the_floor_is_the_oldest_epoch_within_the_bounds() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let age = std::time::Duration::from_hours(1);
    let mut epochs = vec![Offset::ZERO];
    for number in 0..4 {
        append(&store, "a", &[(number, 1.0)]);
        epochs.push(store.begin_epoch_after(0).expect("begins"));
    }
    let now_ms = skopos_core::Clock::now_ms(&skopos_core::SystemClock);
    assert_eq!(store.log_floor(u64::MAX, age, now_ms), Offset::ZERO);
    assert_eq!(store.log_floor(u64::MAX, age, now_ms + 2 * HOUR_MS), epochs[4]);
    let two = store.log_bytes_from(epochs[3]);
    assert_eq!(store.log_floor(two, age, now_ms), epochs[3]);
    assert_eq!(store.begin_epoch_after(u64::MAX).expect("is there"), epochs[4]);
}
