//! What scans cost and give on larger stores.

use skopos_core::log::{Direction, LogSource as _};
use skopos_core::time::TimeRangeNs;
use skopos_core::{Matcher, TenantId};

use crate::support::{Ask, append, entry, open, scan};

const LINES: i64 = 30_000;
const STREAMS: i64 = 100;

fn id(i: i64) -> String {
    format!(
        "{:032x}",
        (i as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
    )
}

/// 100 streams, 30 000 lines, flushed in three parts with the last third in the head.
fn filled(root: &std::path::Path) -> skopos_logs::LogStore {
    let store = open(root);
    for i in 0..LINES {
        let line = format!("level=info request={} took={}ms path=/api/v1/items", id(i), i % 977);
        append(
            &store,
            &(i % STREAMS).to_string(),
            vec![entry(i * 1000, line, &[("trace_id", id(i).as_str())])],
        );
        if i % 10_000 == 9_999 && i < 20_000 {
            store.flush().expect("the head is flushed");
        }
    }
    store
}

#[test]
fn large_stores_answer_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = filled(folder.path());
    let tenant = store.tenant(&TenantId::default());
    let newest = Ask {
        direction: Direction::Backward,
        limit: 12_000,
        ..Ask::default()
    };
    let found = scan(&store, &newest);
    assert_eq!(found.len(), 12_000);
    assert!(
        found
            .iter()
            .zip((0..LINES).rev())
            .all(|((_, entry), i)| entry.timestamp_ns == i * 1000)
    );
    let all = scan(&store, &Ask::default());
    assert!(
        all.iter()
            .zip(0..LINES)
            .all(|((_, entry), i)| entry.timestamp_ns == i * 1000)
            && all.len() == 30_000
    );
    for i in [3, 9_999, 10_000, 29_999] {
        let needle = Ask {
            line_contains: vec![format!("quest={}", &id(i)[..28])],
            ..Ask::default()
        };
        let by_label = Ask {
            has_labels: vec![("trace_id".to_owned(), id(i))],
            ..Ask::default()
        };
        assert_eq!(scan(&store, &needle).len(), 1, "{i}");
        assert!(
            scan(&store, &by_label)
                .iter()
                .any(|(_, entry)| entry.timestamp_ns == i * 1000),
            "{i}"
        );
    }
    let absent = Ask {
        line_contains: vec![id(LINES + 1)],
        ..Ask::default()
    };
    assert!(scan(&store, &absent).is_empty());
    let stats = tenant
        .stats(&[Matcher::equal("job", "7")], TimeRangeNs::ALL)
        .expect("stats are read");
    assert_eq!((stats.streams, stats.entries), (1, 300));
    assert_eq!(
        tenant
            .label_values("job", &[], TimeRangeNs::ALL)
            .expect("values are read")
            .len(),
        100
    );
    assert_eq!(
        tenant.label_names(&[], TimeRangeNs::ALL).expect("names are read"),
        ["job"]
    );
    let sizes = store.stats();
    assert_eq!((sizes.rows, sizes.entries, sizes.parts), (20_000, 10_000, 2));
}

#[test]
fn limits_refuse_in_lokis_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let long = append(&store, "a", vec![entry(1, "x".repeat(256 * 1024 + 1), &[])]);
    assert_eq!(long.refused[0].reason, "line_too_long");
    assert_eq!(
        long.refused[0].example,
        r#"max entry size '262144' bytes exceeded for stream '{job="a"}' while adding an entry with length '262145' bytes"#
    );
    let names: Vec<String> = (0..200).map(|i| format!("k{i}")).collect();
    let pairs: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "v")).collect();
    let many = append(&store, "a", vec![entry(1, "x", &pairs), entry(2, "y", &[])]);
    assert_eq!(
        (many.refused[0].reason, many.stored),
        ("structured_metadata_too_many", 1)
    );
    let unlabelled = append(&store, "", vec![entry(1, "x", &[])]);
    assert_eq!(unlabelled.refused[0].reason, "missing_labels");
    let repeated = append(
        &store,
        "a",
        vec![entry(2, "y", &[]), entry(2, "y", &[]), entry(2, "z", &[])],
    );
    assert_eq!(repeated.stored, 3);
    store.flush().expect("the head is flushed");
    append(&store, "a", vec![entry(2, "z", &[])]);
    assert_eq!(scan(&store, &Ask::default()).len(), 2);
}

#[test]
fn empty_stores_open_at_once_and_hold_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let started = std::time::Instant::now();
    let store = open(folder.path());
    assert!(started.elapsed().as_millis() < 500, "{:?}", started.elapsed());
    assert!(scan(&store, &Ask::default()).is_empty());
    assert_eq!(store.flush().expect("nothing to flush").parts, 0);
}
