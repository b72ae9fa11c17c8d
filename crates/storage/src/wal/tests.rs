//! The log against damage: what was acknowledged reads back, what is broken is skipped and told.

use std::fs::OpenOptions;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

fn small_segments() -> WalOptions {
    WalOptions {
        segment_bytes: 256,
        ..WalOptions::default()
    }
}

fn payload(n: u64) -> Vec<u8> {
    format!("record {n} {}", "x".repeat((n % 40) as usize)).into_bytes()
}

fn fill(wal: &Wal, count: u64) {
    for n in 0..count {
        assert_eq!(wal.append(&payload(n)).expect("append"), Offset(n));
    }
}

fn read(wal: &Wal, from: u64) -> (Vec<u64>, ReplayReport) {
    let mut seen = Vec::new();
    let report = wal
        .replay(Offset(from), |offset, bytes| {
            assert_eq!(bytes, payload(offset.0), "record {offset}");
            seen.push(offset.0);
            ControlFlow::Continue(())
        })
        .expect("replay");
    (seen, report)
}

fn segment_files(dir: &TempDir) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir.path()).expect("list");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("entry").path()).collect();
    files.sort();
    files
}

#[test]
fn reopening_continues_the_numbers() {
    let dir = tempfile::tempdir().expect("temporary directory");
    fill(&Wal::open(dir.path(), small_segments()).expect("open"), 50);
    let wal = Wal::open(dir.path(), small_segments()).expect("open");
    assert_eq!(wal.next_offset(), Offset(50));
    assert_eq!(wal.append(&payload(50)).expect("append"), Offset(50));
    let (seen, report) = read(&wal, 0);
    assert_eq!(seen, (0..51).collect::<Vec<_>>());
    assert_eq!(
        (report.torn_bytes, report.corrupt_bytes, report.lost_records),
        (0, 0, 0)
    );
    assert_eq!(read(&wal, 33).0, (33..51).collect::<Vec<_>>());
}

#[test]
fn a_tail_torn_at_any_byte_is_cut() {
    let dir = tempfile::tempdir().expect("temporary directory");
    fill(&Wal::open(dir.path(), WalOptions::default()).expect("open"), 3);
    let file = segment_files(&dir).remove(0);
    let whole = std::fs::read(&file).expect("read");
    for length in 0..whole.len() {
        std::fs::write(&file, whole.get(..length).expect("shorter")).expect("write");
        let wal = Wal::open(dir.path(), WalOptions::default()).expect("open");
        let (seen, report) = read(&wal, 0);
        assert_eq!(seen, (0..seen.len() as u64).collect::<Vec<_>>(), "cut at {length}");
        assert_eq!(report.corrupt_bytes, 0, "cut at {length}");
        let next = wal.next_offset().0;
        assert_eq!(wal.append(&payload(next)).expect("append"), Offset(seen.len() as u64));
        drop(wal);
        let again = Wal::open(dir.path(), WalOptions::default()).expect("open");
        assert_eq!(read(&again, 0).0.len(), seen.len() + 1, "cut at {length}");
        drop(again);
        std::fs::remove_file(&file).expect("remove");
    }
}

#[test]
fn a_flipped_bit_costs_one_record_at_most() {
    let dir = tempfile::tempdir().expect("temporary directory");
    fill(&Wal::open(dir.path(), WalOptions::default()).expect("open"), 20);
    let file = segment_files(&dir).remove(0);
    let whole = std::fs::read(&file).expect("read");
    for position in (0..whole.len()).step_by(3) {
        let mut flipped = whole.clone();
        *flipped.get_mut(position).expect("inside") ^= 0x10;
        std::fs::write(&file, &flipped).expect("write");
        let wal = Wal::open(dir.path(), WalOptions::default()).expect("open");
        let (seen, report) = read(&wal, 0);
        assert!(seen.len() >= 19, "flip at {position}: {} records", seen.len());
        let is_told = report.corrupt_bytes > 0 || report.torn_bytes > 0;
        assert!(is_told, "flip at {position} was not told");
    }
}

/// What the damaged record holds looks like a record itself.
#[test]
fn what_a_damaged_record_holds_does_not_hide_those_after_it() {
    let start = segment::SEGMENT_HEADER_BYTES as usize + record::RECORD_HEADER_BYTES + b"first".len();
    // Its length, or its content, after which it is still known where it ends.
    let (of_length, of_content) = (start, start + record::RECORD_HEADER_BYTES);
    for (forged_offset, damaged) in [(1024, of_length), (1024, of_content), (2, of_content), (3, of_content)] {
        let mut forged = vec![0];
        record::encode(&mut forged, Offset(forged_offset), b"forged");
        let dir = tempfile::tempdir().expect("temporary directory");
        let wal = Wal::open(dir.path(), WalOptions::default()).expect("open");
        for payload in [&b"first"[..], &forged, b"third"] {
            wal.append(payload).expect("append");
        }
        drop(wal);
        let file = segment_files(&dir).remove(0);
        let mut bytes = std::fs::read(&file).expect("read");
        *bytes.get_mut(damaged).expect("inside") ^= 0xff;
        std::fs::write(&file, bytes).expect("write");
        let wal = Wal::open(dir.path(), WalOptions::default()).expect("open");
        let mut seen = Vec::new();
        let report = wal
            .replay(Offset(0), |offset, payload| {
                seen.push((offset.0, payload.to_vec()));
                ControlFlow::Continue(())
            })
            .expect("replay");
        let expected = [(0, b"first".to_vec()), (2, b"third".to_vec())];
        assert_eq!(seen, expected, "{forged_offset}, byte {damaged}");
        assert!(report.corrupt_bytes > 0);
    }
}

#[test]
fn a_lost_middle_segment_is_counted() {
    let dir = tempfile::tempdir().expect("temporary directory");
    fill(&Wal::open(dir.path(), small_segments()).expect("open"), 40);
    let files = segment_files(&dir);
    assert!(files.len() > 3, "the test needs several segments");
    let middle = files.get(1).expect("second segment");
    let bytes = std::fs::read(middle).expect("read");
    std::fs::write(middle, vec![0xff; bytes.len()]).expect("write");
    let wal = Wal::open(dir.path(), small_segments()).expect("open");
    let (seen, report) = read(&wal, 0);
    assert_eq!(seen.len() as u64 + report.lost_records, 40);
    assert!(report.lost_records > 0 && report.corrupt_regions == 2, "{report:?}");
}

#[test]
fn truncation_keeps_what_is_needed_and_numbers_never_repeat() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let wal = Wal::open(dir.path(), small_segments()).expect("open");
    fill(&wal, 40);
    wal.truncate_before(Offset(25)).expect("truncate");
    let (seen, _) = read(&wal, 25);
    assert_eq!(seen, (25..40).collect::<Vec<_>>());
    wal.truncate_before(Offset(40)).expect("truncate");
    assert_eq!(segment_files(&dir).len(), 1);
    drop(wal);
    let wal = Wal::open(dir.path(), small_segments()).expect("open");
    assert_eq!(wal.next_offset(), Offset(40));
    drop(wal);
    for file in segment_files(&dir) {
        std::fs::remove_file(file).expect("remove");
    }
    let options = WalOptions {
        minimum_offset: Offset(40),
        ..small_segments()
    };
    let wal = Wal::open(dir.path(), options).expect("open");
    assert_eq!(wal.append(&payload(40)).expect("append"), Offset(40));
}

#[test]
fn batches_are_one_write_and_always_syncs() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let options = WalOptions {
        fsync: FsyncPolicy::Always,
        ..WalOptions::default()
    };
    let wal = Wal::open(dir.path(), options).expect("open");
    let payloads: Vec<Vec<u8>> = (0..5).map(payload).collect();
    let borrowed: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
    assert_eq!(wal.append_batch(&borrowed).expect("append"), Offset(0));
    assert_eq!(wal.next_offset(), Offset(5));
    assert_eq!(read(&wal, 0).0.len(), 5);
}

#[test]
fn a_full_disk_is_told_and_leaves_the_log_whole() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let wal = Wal::open(dir.path(), WalOptions::default()).expect("open");
    fill(&wal, 2);
    // `/dev/full` refuses every write with ENOSPC, as a full disk does.
    let full = OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
    let good = wal.shared.writer.lock().swap_file(full);
    let error = wal.append(&payload(2)).expect_err("no space");
    assert!(matches!(error, StorageError::DiskFull { .. }), "{error:?}");
    assert!(error.to_string().contains("free space"), "{error}");
    // Half a record reached the disk before it was full.
    let file = OpenOptions::new()
        .write(true)
        .open(segment_files(&dir).remove(0))
        .expect("open");
    let end = file.metadata().expect("metadata").len();
    file.write_all_at(b"half", end).expect("write");
    drop(good);
    assert_eq!(wal.append(&payload(2)).expect("space again"), Offset(2));
    assert_eq!(read(&wal, 0).0, [0, 1, 2]);
}

#[test]
fn a_segment_that_could_not_be_made_ends_the_one_before() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let wal = Wal::open(dir.path(), WalOptions::default()).expect("open");
    fill(&wal, 3);
    let next = dir.path().join("00000000000000000003.wal");
    std::os::unix::fs::symlink("/dev/full", &next).expect("link");
    wal.roll().expect_err("no space for the header");
    wal.append(&payload(3)).expect_err("still none");
    // What a full disk leaves of a file without room for its first bytes.
    std::fs::remove_file(&next).expect("remove");
    std::fs::write(&next, "").expect("write");
    drop(wal);
    for count in 3..6 {
        let wal = Wal::open(dir.path(), WalOptions::default()).expect("open");
        assert_eq!(read(&wal, 0).0, (0..count).collect::<Vec<_>>());
        assert_eq!(wal.append(&payload(count)).expect("append"), Offset(count));
    }
}

#[test]
fn a_segment_of_a_later_version_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().expect("temporary directory");
    fill(&Wal::open(dir.path(), WalOptions::default()).expect("open"), 3);
    let file = segment_files(&dir).remove(0);
    let mut bytes = std::fs::read(&file).expect("read");
    *bytes.get_mut(7).expect("the version") = 2;
    std::fs::write(&file, &bytes).expect("write");
    let wal = Wal::open(dir.path(), WalOptions::default()).expect("a flipped byte is damage");
    assert_eq!(read(&wal, 0).0, [0, 1, 2]);
    drop(wal);
    let checksum = crc32fast::hash(bytes.get(..16).expect("header"));
    bytes.splice(16..20, checksum.to_le_bytes());
    std::fs::write(&file, &bytes).expect("write");
    let error = Wal::open(dir.path(), WalOptions::default())
        .expect_err("refused")
        .to_string();
    for expected in [&*file.display().to_string(), "version 2", "up to version 1", "restore"] {
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(std::fs::read(&file).expect("read"), bytes);
}

#[test]
fn a_visitor_can_stop() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let wal = Wal::open(dir.path(), small_segments()).expect("open");
    fill(&wal, 30);
    let mut seen = 0;
    let report = wal
        .replay(Offset::ZERO, |_, _| {
            seen += 1;
            if seen == 7 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .expect("replay");
    assert_eq!((seen, report.records), (7, 7));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_scan_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let dir = tempfile::tempdir().expect("temporary directory");
        std::fs::write(dir.path().join("00000000000000000000.wal"), &bytes).expect("write");
        let wal = Wal::open(dir.path(), WalOptions::default()).expect("open");
        let report = wal.replay(Offset::ZERO, |_, _| ControlFlow::Continue(())).expect("replay");
        prop_assert_eq!(report.records, 0);
    }

    #[test]
    fn any_payloads_round_trip(payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 1..60)) {
        let dir = tempfile::tempdir().expect("temporary directory");
        {
            let wal = Wal::open(dir.path(), small_segments()).expect("open");
            for payload in &payloads {
                wal.append(payload).expect("append");
            }
        }
        let wal = Wal::open(dir.path(), small_segments()).expect("open");
        let mut read = Vec::new();
        wal.replay(Offset::ZERO, |_, payload| { read.push(payload.to_vec()); ControlFlow::Continue(()) }).expect("replay");
        prop_assert_eq!(read, payloads);
    }
}
