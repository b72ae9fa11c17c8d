//! Tests of identity, merging, limits and orders.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::*;
use crate::ParserMode;

fn alert(starts_at_ms: i64, ends_at_ms: i64, updated_at_ms: i64, is_timeout: bool) -> Alert {
    let labels = Labels::from_pairs([("alertname", "a")]);
    Alert {
        fingerprint: fingerprint(&labels),
        labels,
        annotations: vec![("updated".to_owned(), updated_at_ms.to_string())].into(),
        starts_at_ms,
        ends_at_ms,
        updated_at_ms,
        is_timeout,
        generator_url: "".into(),
    }
}

#[test]
fn the_fingerprint_is_alertmanagers() {
    let labels = Labels::from_pairs([("q", "x")]);
    assert_eq!(format!("{:016x}", fingerprint(&labels)), "935172051f626084");
}

#[test]
fn updates_merge_while_their_times_overlap() {
    // (old, new, now) and the expected start and end.
    let cases = [
        (
            "the earliest start wins",
            alert(10, 100, 1, true),
            alert(20, 120, 2, true),
            50,
            (10, 120),
        ),
        (
            "no overlap replaces",
            alert(10, 100, 1, true),
            alert(5, 120, 2, true),
            50,
            (5, 120),
        ),
        (
            "a start at the old end replaces",
            alert(10, 40, 1, false),
            alert(40, 120, 2, true),
            50,
            (40, 120),
        ),
        (
            "an explicit later end stays",
            alert(10, 200, 1, false),
            alert(20, 120, 2, true),
            50,
            (10, 200),
        ),
        (
            "a later timeout does not",
            alert(10, 200, 1, true),
            alert(20, 120, 2, false),
            50,
            (10, 120),
        ),
        (
            "of two ended ones the later end stays",
            alert(10, 48, 1, false),
            alert(10, 41, 2, false),
            50,
            (10, 48),
        ),
        (
            "an end beats a firing one",
            alert(10, 200, 1, false),
            alert(10, 45, 2, false),
            50,
            (10, 45),
        ),
    ];
    for (what, old, new, now_ms, expected) in cases {
        let merged = new.succeed(&old, now_ms);
        assert_eq!((merged.starts_at_ms, merged.ends_at_ms), expected, "{what}");
        assert_eq!(merged.annotations[0].1, "2", "{what}");
    }
}

#[test]
fn the_content_of_the_younger_one_wins() {
    let merged = alert(20, 120, 1, true).succeed(&alert(10, 150, 9, true), 50);
    assert_eq!(merged.annotations[0].1, "9");
    assert_eq!(merged.starts_at_ms, 10);
}

#[test]
fn times_that_were_not_said_are_filled_in() {
    let posted = |starts_at_ms, ends_at_ms| PostableAlert {
        labels: vec![("a".to_owned(), "b".to_owned()), ("empty".to_owned(), String::new())],
        starts_at_ms,
        ends_at_ms,
        ..PostableAlert::default()
    };
    let read = |starts, ends| posted(starts, ends).into_alert(1000, 300, ParserMode::Fallback);
    let times = |alert: Alert| {
        (
            alert.starts_at_ms,
            alert.ends_at_ms,
            alert.is_timeout,
            alert.labels.len(),
        )
    };
    assert_eq!(read(None, None).map(times), Ok((1000, 1300, true, 1)));
    assert_eq!(read(None, Some(900)).map(times), Ok((900, 900, false, 1)));
    assert_eq!(read(Some(5), Some(2000)).map(times), Ok((5, 2000, false, 1)));
    assert_eq!(read(Some(5), Some(4)), Err(PostableAlertError::EndsBeforeStart));
}

#[test]
fn label_names_depend_on_the_mode() {
    let posted = |name: &str| PostableAlert {
        labels: vec![(name.to_owned(), "x".to_owned())],
        ..PostableAlert::default()
    };
    let refused = posted("a-b").into_alert(0, 1, ParserMode::Classic);
    let text = refused.map_err(|error| error.to_string());
    assert_eq!(text, Err("invalid label set: invalid name \"a-b\"".to_owned()));
    assert!(posted("a-b").into_alert(0, 1, ParserMode::Fallback).is_ok());
    let nothing = PostableAlert::default().into_alert(0, 1, ParserMode::Fallback);
    assert_eq!(nothing, Err(PostableAlertError::NoLabels));
}

#[test]
fn a_name_has_room_again_when_one_of_it_ended() {
    let named = |instance: &str, ends_at_ms| {
        let labels = Labels::from_pairs([("alertname", "a"), ("instance", instance)]);
        Alert {
            fingerprint: fingerprint(&labels),
            labels,
            ..alert(0, ends_at_ms, 0, false)
        }
    };
    let mut store = AlertStore::new(Some(2));
    assert!(matches!(store.put(named("1", 100), 0), Put::Stored { old: None, .. }));
    assert!(matches!(store.put(named("2", 50), 0), Put::Stored { old: None, .. }));
    assert_eq!(store.put(named("3", 100), 49), Put::Limited);
    assert!(matches!(
        store.put(named("1", 200), 49),
        Put::Stored { old: Some(_), .. }
    ));
    assert!(matches!(store.put(named("3", 100), 50), Put::Stored { old: None, .. }));
    let gone = store.collect_garbage(150, &HashSet::from([named("2", 0).fingerprint]));
    assert_eq!(gone.len(), 1);
    assert_eq!(store.len(), 2);
}

#[test]
fn alerts_are_sorted_by_job_and_instance_first() {
    let labels = |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied());
    let sorted = [
        labels(&[("job", "a"), ("instance", "2"), ("x", "1")]),
        labels(&[("job", "a"), ("x", "0")]),
        labels(&[("job", "b"), ("instance", "1")]),
        labels(&[("instance", "1")]),
        labels(&[("b", "1")]),
        labels(&[("a", "1")]),
        labels(&[("a", "2")]),
        labels(&[("a", "1"), ("b", "1")]),
    ];
    for pair in sorted.windows(2) {
        assert_eq!(by_job_and_instance(&pair[0], &pair[1]), Ordering::Less, "{pair:?}");
        assert_eq!(by_job_and_instance(&pair[1], &pair[0]), Ordering::Greater, "{pair:?}");
    }
}
