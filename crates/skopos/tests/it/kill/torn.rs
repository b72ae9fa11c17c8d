//! A log that ends in the middle of a record, or in bytes that are none: the server starts, has what
//! came before, and tells and counts what is lost.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::write;
use crate::program::{Program, command};

const QUIET: [&str; 2] = ["--self.scrape-interval", "0s"];
const NAME: &str = "kill_torn";
/// Bytes of a segment before its first record.
const SEGMENT_HEADER: usize = 24;
/// Bytes of a record before its payload; the first four are the length of that.
const RECORD_HEADER: usize = 16;

/// What happens to the end of the log.
#[derive(Debug, Clone, Copy)]
enum Damage {
    Garbage(usize),
    Cut(usize),
    CutTo(usize),
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torn_end_costs_what_was_torn_and_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut ids = Vec::new();
    let program = Program::start(&data, &QUIET).await;
    for id in 0..40 {
        take(&program, &mut ids, id).await;
    }
    program.kill();
    let damages = [
        Damage::Garbage(1),
        Damage::Garbage(300),
        Damage::Cut(1),
        Damage::Cut(200),
        Damage::CutTo(SEGMENT_HEADER + 5),
        Damage::CutTo(10),
    ];
    for (id, damage) in (1000..).zip(damages) {
        let segment = last_segment(&data);
        let torn = do_damage(&segment, damage);
        ids.truncate(whole_records(&segment).0);
        let log = folder.path().join("log");
        let to_log = File::create(&log).expect("creates").into();
        let program = Program::start_by(command(), &data, &QUIET, to_log).await;
        assert_eq!(write::stored(&program, NAME).await, ids, "{damage:?}");
        let counted = program
            .metric(r#"skopos_storage_wal_damaged_bytes_total{damage="torn",signal="metrics"}"#)
            .await;
        assert_eq!(counted, torn as f64, "{damage:?}");
        let told = std::fs::read_to_string(&log).expect("reads");
        assert!(told.contains("cut a torn record"), "{damage:?}: {told}");
        take(&program, &mut ids, id).await;
        program.kill();
    }
    let program = Program::start(&data, &QUIET).await;
    assert_eq!(write::stored(&program, NAME).await, ids);
    assert_eq!(ids, [1005], "the last damage left nothing of before");
}

async fn take(program: &Program, ids: &mut Vec<u64>, id: u64) {
    let (status, body) = write::push(program, NAME, id).await;
    assert_eq!(status, 204, "{body}");
    ids.push(id);
}

/// Damages a segment; gives how many bytes no longer belong to a whole record.
fn do_damage(segment: &Path, damage: Damage) -> usize {
    let length = std::fs::metadata(segment).expect("is there").len() as usize;
    let mut file = OpenOptions::new().append(true).open(segment).expect("opens");
    let left = match damage {
        Damage::Garbage(count) => {
            file.write_all(&vec![0x5a; count]).expect("writes");
            length + count
        }
        Damage::Cut(count) => length - count,
        Damage::CutTo(left) => left,
    };
    file.set_len(left as u64).expect("cuts");
    left - whole_records(segment).1
}

/// How many whole records a segment has, and where they end.
fn whole_records(segment: &Path) -> (usize, usize) {
    let bytes = std::fs::read(segment).expect("reads");
    if bytes.len() < SEGMENT_HEADER {
        return (0, 0);
    }
    let (mut records, mut end) = (0, SEGMENT_HEADER);
    while let Some(length) = bytes.get(end..).and_then(|rest| rest.first_chunk::<4>()) {
        let next = end + RECORD_HEADER + u32::from_le_bytes(*length) as usize;
        if next > bytes.len() {
            break;
        }
        (records, end) = (records + 1, next);
    }
    (records, end)
}

fn last_segment(data: &Path) -> PathBuf {
    let entries = std::fs::read_dir(data.join("wal").join("metrics")).expect("is there");
    let paths = entries.map(|entry| entry.expect("reads").path());
    paths.max().expect("a segment")
}
