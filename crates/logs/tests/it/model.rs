//! The store beside a naive model: appends in any order, flushes, restarts; scans with ranges,
//! texts, labels and limits in both directions.

use proptest::prelude::*;
use skopos_core::log::{Direction, LogEntry};
use skopos_core::time::TimeRangeNs;

use crate::support::{Ask, append, entry, open, scan};

const DAY_NS: i64 = 86_400_000_000_000;

#[derive(Debug, Clone)]
enum Step {
    Append { job: u8, times: Vec<i64> },
    Flush,
    Restart,
}

fn time() -> impl Strategy<Value = i64> {
    prop_oneof![0i64..40, (0i64..40).prop_map(|offset| DAY_NS - 20 + offset), -5i64..5]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0u8..4, prop::collection::vec(time(), 1..12)).prop_map(|(job, times)| Step::Append { job, times }),
        2 => Just(Step::Flush),
        1 => Just(Step::Restart),
    ]
}

fn ask() -> impl Strategy<Value = Ask> {
    let contains = prop_oneof![
        3 => Just(Vec::new()),
        1 => Just(vec!["identifier-0000001".to_owned()]),
        1 => Just(vec!["tifier-00000".to_owned()]),
        1 => Just(vec!["7 e".to_owned()]),
    ];
    let has_labels = prop_oneof![
        3 => Just(Vec::new()),
        1 => (0usize..60).prop_map(|number| vec![("trace_id".to_owned(), trace_id(number))]),
    ];
    let limit = prop_oneof![Just(usize::MAX), 1usize..8];
    (
        any::<bool>(),
        time(),
        0i64..60,
        contains,
        has_labels,
        limit,
        prop_oneof![Just(".+"), Just("1|2"), Just("3")],
    )
        .prop_map(|(forward, start, length, line_contains, has_labels, limit, jobs)| Ask {
            jobs: jobs.to_owned(),
            range: if length < 5 {
                TimeRangeNs::ALL
            } else {
                TimeRangeNs::new(start, start + length)
            },
            direction: if forward {
                Direction::Forward
            } else {
                Direction::Backward
            },
            line_contains,
            has_labels,
            limit,
        })
}

fn trace_id(number: usize) -> String {
    format!(
        "{:032x}",
        (number as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
    )
}

fn wanted(ask: &Ask, job: &str, entry: &LogEntry) -> bool {
    let in_job = ask.jobs == ".+" || ask.jobs.split('|').any(|wanted| wanted == job);
    in_job && ask.range.contains(entry.timestamp_ns) && ask.line_contains.iter().all(|text| entry.line.contains(text))
}

/// Compares a scan with the model's entries, which stand in the order of arrival.
fn compare(ask: &Ask, mut found: Vec<(String, LogEntry)>, model: &[(String, LogEntry)]) -> Result<(), TestCaseError> {
    let has = |entry: &LogEntry| {
        ask.has_labels
            .iter()
            .all(|(n, v)| entry.structured_metadata.find(n) == Some(v))
    };
    if !ask.has_labels.is_empty() {
        // A store may give entries without the labels, and may stop at the limit because of them.
        found.retain(|(_, entry)| has(entry));
    }
    let mut expected: Vec<_> = model
        .iter()
        .filter(|(job, entry)| wanted(ask, job, entry) && has(entry))
        .cloned()
        .collect();
    expected.sort_by_key(|(_, entry)| entry.timestamp_ns);
    if ask.direction == Direction::Backward {
        expected.reverse();
    }
    let times = |entries: &[(String, LogEntry)]| entries.iter().map(|(_, e)| e.timestamp_ns).collect::<Vec<_>>();
    if ask.has_labels.is_empty() {
        expected.truncate(ask.limit.max(found.len()));
        prop_assert_eq!(times(&found), times(&expected)[..found.len()].to_vec());
        prop_assert_eq!(found.len(), expected.len().min(ask.limit));
    }
    if ask.limit == usize::MAX {
        for job in ["0", "1", "2", "3"] {
            let of = |entries: &[(String, LogEntry)]| -> Vec<LogEntry> {
                entries
                    .iter()
                    .filter(|(j, _)| j == job)
                    .map(|(_, entry)| entry.clone())
                    .collect()
            };
            prop_assert_eq!(of(&found), of(&expected), "job {}", job);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn scans_equal_a_naive_model(steps in prop::collection::vec(step(), 1..30), asks in prop::collection::vec(ask(), 1..12)) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = open(folder.path());
        let mut model: Vec<(String, LogEntry)> = Vec::new();
        for step in steps {
            match step {
                Step::Append { job, times } => {
                    let entries: Vec<LogEntry> = times
                        .iter()
                        .enumerate()
                        .map(|(i, time)| {
                            let number = model.len() + i;
                            let id = trace_id(number);
                            entry(*time, format!("identifier-{number:09} end"), &[("trace_id", id.as_str())])
                        })
                        .collect();
                    model.extend(entries.iter().map(|entry| (job.to_string(), entry.clone())));
                    append(&store, &job.to_string(), entries);
                }
                Step::Flush => { store.flush().expect("the head is flushed"); }
                Step::Restart => {
                    drop(store);
                    store = open(folder.path());
                }
            }
        }
        for ask in asks {
            compare(&ask, scan(&store, &ask), &model)?;
        }
    }
}
