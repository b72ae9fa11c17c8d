//! Readers beside a writer: every record once and in order, whatever is rolled, forgotten or damaged.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;

use proptest::prelude::*;

use super::*;
use crate::WalOptions;

fn open(dir: &tempfile::TempDir) -> Wal {
    let options = WalOptions {
        segment_bytes: 512,
        ..WalOptions::default()
    };
    Wal::open(dir.path(), options).expect("open")
}

fn payload(n: u64) -> Vec<u8> {
    format!("{n} {}", "x".repeat((n * 37 % 300) as usize)).into_bytes()
}

fn append(wal: &Wal, count: u64) {
    for _ in 0..count {
        let next = wal.next_offset().0;
        wal.append(&payload(next)).expect("append");
    }
}

fn drain(tail: &mut WalTail, wal: &Wal) -> Vec<u64> {
    let mut seen = Vec::new();
    let mut visit = |offset: Offset, bytes: &[u8]| {
        assert_eq!(bytes, payload(offset.0));
        seen.push(offset.0);
        ControlFlow::Continue(())
    };
    while tail.read(wal, &mut visit).expect("read") {}
    seen
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_record_is_given_once(steps in proptest::collection::vec((0u8..3, 0u64..12), 1..30), from in 0u64..20) {
        let dir = tempfile::tempdir().expect("folder");
        let wal = open(&dir);
        let mut tail = WalTail::new(Offset(from));
        let mut seen = Vec::new();
        wal.hold("reader", tail.next_offset()).expect("hold");
        for (kind, count) in steps {
            match kind {
                0 => append(&wal, count),
                1 => {
                    seen.extend(drain(&mut tail, &wal));
                    wal.hold("reader", tail.next_offset()).expect("hold");
                }
                _ => {
                    let next = wal.roll().expect("roll");
                    wal.truncate_before(next).expect("truncate");
                }
            }
        }
        seen.extend(drain(&mut tail, &wal));
        let expected: Vec<u64> = (from..wal.next_offset().0).collect();
        prop_assert_eq!(seen, expected);
        prop_assert_eq!(tail.lost_records(), 0);
    }
}

#[test]
fn a_hold_keeps_segments_until_it_moves_on() {
    let dir = tempfile::tempdir().expect("folder");
    let wal = open(&dir);
    append(&wal, 20);
    wal.hold("reader", Offset(5)).expect("hold");
    wal.truncate_before(Offset(20)).expect("truncate");
    assert!(wal.first_offset() <= Offset(5));
    wal.hold("reader", Offset(15)).expect("hold");
    assert!(wal.first_offset() > Offset(5) && wal.first_offset() <= Offset(15));
    wal.release("reader").expect("release");
    assert_eq!(wal.first_offset(), Offset(20));
}

#[test]
fn what_is_gone_or_damaged_is_counted() {
    let dir = tempfile::tempdir().expect("folder");
    let wal = open(&dir);
    append(&wal, 8);
    wal.truncate_before(wal.roll().expect("roll")).expect("truncate");
    append(&wal, 3);
    let (segment, _) = wal.segment(Offset(8)).expect("a segment");
    let file = OpenOptions::new().write(true).open(&segment.path).expect("open");
    file.write_all_at(b"!", SEGMENT_HEADER_BYTES + 20).expect("write");
    let mut tail = WalTail::new(Offset(0));
    assert_eq!(drain(&mut tail, &wal), [9, 10]);
    assert_eq!(tail.lost_records(), 9);
}

#[test]
fn a_reader_is_woken_by_an_append() {
    let dir = tempfile::tempdir().expect("folder");
    let wal = open(&dir);
    assert!(!wal.wait_for(Offset(0), Duration::ZERO));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| while !wal.wait_for(Offset(0), Duration::from_secs(5)) {});
        append(&wal, 1);
        waiting.join().expect("woken");
    });
}
