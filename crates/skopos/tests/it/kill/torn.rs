//! A log that ends in the middle of a record, or in bytes that are none: the server starts, has what
//! came before, pushed and scraped, and tells and counts what is lost.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::target::{METRIC, Target, failed_scrapes};
use super::write;
use crate::program::{Program, command};
use crate::webhook::eventually;

const QUIET: [&str; 2] = ["--self.scrape-interval", "0s"];
const NAME: &str = "kill_torn";
/// Scrapes before and after the pushes of a run, at least.
const LEAST_SCRAPES: usize = 3;
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

/// A sample that the log has: after `begin` bytes of the segment and, if its end is known, within `end`.
#[derive(Debug, Clone, Copy)]
struct Written {
    value: u64,
    begin: u64,
    end: Option<u64>,
}

/// What is in the log while the server writes nothing to it.
#[derive(Debug, Default)]
struct Logged {
    pushed: Vec<Written>,
    scraped: Vec<Written>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torn_end_costs_what_was_torn_and_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let log_of = data.clone();
    let target = Target::noting(move || length(&last_segment(&log_of))).await;
    let configuration = target.configure(folder.path());
    let flags: Vec<&str> = QUIET.into_iter().chain(["--config.file", &configuration]).collect();
    let mut logged = Logged::default();
    let program = Program::start(&data, &flags).await;
    fill(&program, &target, &data, 0..40, &mut logged).await;
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
        note_scrapes(&target, &mut logged);
        let segment = last_segment(&data);
        let torn = do_damage(&segment, damage);
        let whole = whole_bytes(&segment) as u64;
        let log = folder.path().join("log");
        let to_log = File::create(&log).expect("creates").into();
        let program = Program::start_by(command(), &data, &flags, to_log).await;
        let pushed = write::stored(&program, NAME).await;
        keep_what_was_whole(&mut logged.pushed, whole, &pushed, 0);
        let scraped = write::stored(&program, METRIC).await;
        let failed = failed_scrapes(&program).await;
        keep_what_was_whole(&mut logged.scraped, whole, &scraped, failed);
        let counted = program
            .metric(r#"skopos_storage_wal_damaged_bytes_total{damage="torn",signal="metrics"}"#)
            .await;
        assert_eq!(counted, torn as f64, "{damage:?}");
        let told = std::fs::read_to_string(&log).expect("reads");
        assert!(told.contains("cut a torn record"), "{damage:?}: {told}");
        fill(&program, &target, &data, id..id + 1, &mut logged).await;
        program.kill();
    }
    let program = Program::start(&data, &flags).await;
    assert_eq!(
        write::stored(&program, NAME).await,
        [1005],
        "the last damage left nothing of before"
    );
}

/// Pushes, and waits until the target was scraped meanwhile.
async fn fill(program: &Program, target: &Target, data: &Path, ids: Range<u64>, logged: &mut Logged) {
    eventually("scrapes before", async || {
        (target.shown() >= LEAST_SCRAPES).then_some(())
    })
    .await;
    for value in ids {
        let begin = length(&last_segment(data));
        let (status, body) = write::push(program, NAME, value).await;
        assert_eq!(status, 204, "{body}");
        let end = Some(length(&last_segment(data)));
        logged.pushed.push(Written { value, begin, end });
    }
    eventually("scrapes after", async || {
        (target.shown() >= 2 * LEAST_SCRAPES).then_some(())
    })
    .await;
}

/// Notes what was shown to a server that was killed. A scrape is in the log before the next begins.
fn note_scrapes(target: &Target, logged: &mut Logged) {
    let shown = target.take_noted();
    let ends = shown.iter().skip(1).map(|next| Some(next.note));
    let written = shown.iter().zip(ends.chain([None])).map(|(shown, end)| Written {
        value: shown.count,
        begin: shown.note,
        end,
    });
    logged.scraped.extend(written);
}

/// Compares with what a server has after only `whole` bytes of the segment were left, and forgets
/// what is gone.
fn keep_what_was_whole(written: &mut Vec<Written>, whole: u64, stored: &[u64], failed: usize) {
    let has = |one: &Written| stored.binary_search(&one.value).is_ok();
    let is_whole = |one: &&Written| one.end.is_some_and(|end| end <= whole);
    let lost = written.iter().filter(is_whole).filter(|one| !has(one)).count();
    assert!(
        lost <= failed,
        "{lost} of {written:?} are lost within {whole}: {stored:?}"
    );
    let torn = written.iter().filter(|one| one.begin >= whole && has(one)).count();
    assert_eq!(torn, 0, "{written:?} beyond {whole}: {stored:?}");
    written.retain(has);
}

/// Damages a segment; gives how many bytes no longer belong to a whole record.
fn do_damage(segment: &Path, damage: Damage) -> usize {
    let length = length(segment) as usize;
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
    left - whole_bytes(segment)
}

/// Where the last whole record of a segment ends.
fn whole_bytes(segment: &Path) -> usize {
    let bytes = std::fs::read(segment).expect("reads");
    if bytes.len() < SEGMENT_HEADER {
        return 0;
    }
    let mut end = SEGMENT_HEADER;
    while let Some(length) = bytes.get(end..).and_then(|rest| rest.first_chunk::<4>()) {
        let next = end + RECORD_HEADER + u32::from_le_bytes(*length) as usize;
        if next > bytes.len() {
            break;
        }
        end = next;
    }
    end
}

fn length(file: &Path) -> u64 {
    std::fs::metadata(file).expect("is there").len()
}

fn last_segment(data: &Path) -> PathBuf {
    let entries = std::fs::read_dir(data.join("wal").join("metrics")).expect("is there");
    let paths = entries.map(|entry| entry.expect("reads").path());
    paths.max().expect("a segment")
}
